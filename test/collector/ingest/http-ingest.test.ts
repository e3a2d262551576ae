import { createServer, request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BATCH_MEDIA_TYPE, type ErrorReply, RetroError } from "../../../agent/kernel/index.ts";
import { BodyBudget } from "../../../collector/ingest/body-budget.ts";
import { createIngestHandler } from "../../../collector/ingest/http-ingest.ts";
import { Ingest } from "../../../collector/ingest/ingest.ts";
import { nodeIngestTimers } from "../../../collector/ingest/node-timers.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, joined, ManualTimers } from "./support.ts";

let server: Server;
let store: MemoryStore;
let ingest: Ingest;
let budget: BodyBudget;
const timers = new ManualTimers();

beforeEach(async () => {
  store = new MemoryStore();
  ingest = new Ingest({ store, timers });
  budget = new BodyBudget(60_000);
  const handler = createIngestHandler({
    ingest,
    timers: nodeIngestTimers(),
    limits: { maxWireBytes: 20_000, maxInflatedBytes: 50_000, deadlineMs: 150 },
    budget,
    authorize: ({ headers }) => {
      if (headers["x-refuse"] === undefined) return;
      throw new RetroError("bad-parameter", "no", { details: { status: 403 } });
    },
  });
  server = createServer((request, response) => {
    if (!handler(request, response)) response.writeHead(404).end("null");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await ingest.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of an answer under test
  readonly body: any;
}

interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
}

function ask({ path, method, headers, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const sent = httpRequest(
      {
        port,
        host: "127.0.0.1",
        path: path ?? "/v1/batches",
        method: method ?? "POST",
        headers: { "content-type": BATCH_MEDIA_TYPE, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: JSON.parse(Buffer.concat(chunks).toString() || "null"),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const good = aBatch({ seqs: [1, 20] });
const flipped = Uint8Array.from(good, (byte, i) => (i === 60 ? byte ^ 4 : byte));
const newer = Uint8Array.from(good, (byte, i) => (i === 4 ? 9 : byte));

describe("POST /v1/batches", () => {
  const encodings: ReadonlyArray<
    readonly [encoding: string, encode: (b: Uint8Array) => Uint8Array]
  > = [
    ["", (bytes) => bytes],
    ["identity", (bytes) => bytes],
    ["gzip", (bytes) => gzipSync(bytes)],
    ["deflate", (bytes) => deflateSync(bytes)],
  ];
  it.each(encodings)("stores and acknowledges, content-encoding '%s'", async (encoding, encode) => {
    const answer = await ask({
      body: encode(joined(good, aBatch({ seqs: [1, 3], node: "n2" }))),
      ...(encoding === "" ? {} : { headers: { "content-encoding": encoding } }),
    });
    expect(answer.status).toBe(200);
    expect(answer.body.acks).toHaveLength(2);
    expect(store.epochs().map((one) => one.eventCount)).toEqual([20, 3]);
  });

  const bad: ReadonlyArray<readonly [why: string, ask: Ask, status: number, code: string]> = [
    ["an empty body", { body: new Uint8Array(0) }, 400, "bad-batch"],
    ["malformed bytes", { body: Buffer.from("hello collector!") }, 400, "bad-batch"],
    ["a truncated batch", { body: good.subarray(0, good.length - 1) }, 400, "bad-batch"],
    ["a bit-flipped batch", { body: flipped }, 400, "bad-batch"],
    [
      "a good batch and a truncated one",
      { body: joined(good, good.subarray(0, 9)) },
      400,
      "bad-batch",
    ],
    ["a version not known", { body: newer }, 400, "unsupported-version"],
    [
      "bytes that do not inflate",
      { body: good, headers: { "content-encoding": "gzip" } },
      400,
      "bad-batch",
    ],
    [
      "truncated gzip",
      { body: gzipSync(good).subarray(0, 30), headers: { "content-encoding": "gzip" } },
      400,
      "bad-batch",
    ],
    ["a body over the limit", { body: new Uint8Array(20_001) }, 413, "too-large"],
    [
      "a body over the limit, its length not declared",
      { body: new Uint8Array(90_000), headers: { "transfer-encoding": "chunked" } },
      413,
      "too-large",
    ],
    [
      "a gzip bomb",
      { body: gzipSync(new Uint8Array(15_000_000)), headers: { "content-encoding": "gzip" } },
      413,
      "too-large",
    ],
    [
      "a deflate bomb",
      { body: deflateSync(new Uint8Array(15_000_000)), headers: { "content-encoding": "deflate" } },
      413,
      "too-large",
    ],
    [
      "an unknown coding",
      { body: good, headers: { "content-encoding": "br" } },
      415,
      "unsupported-encoding",
    ],
    [
      "a coding named like a method of objects",
      { body: good, headers: { "content-encoding": "constructor" } },
      415,
      "unsupported-encoding",
    ],
    [
      "a type that a form can send",
      { body: good, headers: { "content-type": "text/plain" } },
      415,
      "unsupported-media-type",
    ],
    ["no type", { body: good, headers: { "content-type": "" } }, 415, "unsupported-media-type"],
    ["another method", { method: "PUT", body: good }, 405, "bad-parameter"],
    ["an unknown parameter", { path: "/v1/batches?wait=1s", body: good }, 400, "bad-parameter"],
    ["a hold that is no time", { path: "/v1/batches?hold=soon", body: good }, 400, "bad-parameter"],
    ["a hold beyond the limit", { path: "/v1/batches?hold=2s", body: good }, 400, "bad-parameter"],
    ["two holds", { path: "/v1/batches?hold=1s&hold=1s", body: good }, 400, "bad-parameter"],
    ["a hold with events", { path: "/v1/batches?hold=1s", body: good }, 400, "bad-parameter"],
    ["who is not let in", { body: good, headers: { "x-refuse": "1" } }, 403, "bad-parameter"],
  ];
  it.each(bad)("refuses %s, says so, and stores nothing", async (_why, what, status, code) => {
    const answer = await ask(what);
    const { error } = answer.body as ErrorReply;
    expect([answer.status, error.code]).toEqual([status, code]);
    expect(error.message).not.toBe("");
    if (status !== 403) expect(error.hint).toBeTruthy();
    expect(store.epochs()).toEqual([]);
    // The door still works.
    expect((await ask({ body: good })).status).toBe(200);
  });

  it("leaves other paths to others", async () => {
    for (const path of ["/v1/batches/", "/v1/batchesx", "//", "/api/nodes", "/%"]) {
      expect((await ask({ path, body: good })).status).toBe(404);
    }
  });

  it("answers 429 and a time to come back when too much waits", async () => {
    const write = store.write.bind(store);
    let release = () => {};
    store.write = async (one) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return write(one);
    };
    const small = new Ingest({ store, timers, maxQueuedBytes: 10 });
    const handler = createIngestHandler({ ingest: small, timers: nodeIngestTimers() });
    server.removeAllListeners("request");
    server.on("request", handler);
    const first = ask({ body: good });
    await expect.poll(() => small.queuedBytes).toBeGreaterThan(0);
    const second = await ask({ body: good });
    expect(second.status).toBe(429);
    expect(second.headers["retry-after"]).toBe("1");
    release();
    expect((await first).status).toBe(200);
    await small.close();
  });

  it("answers 503 and a time to come back when the disk is full or the collector stops", async () => {
    const write = store.write.bind(store);
    store.write = () =>
      Promise.reject(new RetroError("disk-full", "full", { retriable: true, hint: "Free some." }));
    const full = await ask({ body: good });
    expect([full.status, full.headers["retry-after"], full.body.error.code]).toEqual([
      503,
      "1",
      "disk-full",
    ]);
    store.write = write;
    expect((await ask({ body: good })).status).toBe(200);
    await ingest.close();
    expect((await ask({ body: good })).status).toBe(503);
  });

  it("answers 500 without a word about the inside when it fails itself", async () => {
    store.write = () => Promise.reject(new Error("secret path"));
    const answer = await ask({ body: good });
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
  });

  it("cuts off a body that trickles", async () => {
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("error", () => {});
    socket.write(
      `POST /v1/batches HTTP/1.1\r\nhost: x\r\ncontent-type: ${BATCH_MEDIA_TYPE}\r\ncontent-length: 5000\r\n\r\nab`,
    );
    await new Promise((resolve) => socket.on("close", resolve));
    expect(text).toContain("408");
    expect(text).toContain("timed-out");
    expect(store.epochs()).toEqual([]);
  });
});

describe("?hold", () => {
  const idle = aBatch({ seqs: [21, 20] });
  const heartbeat = () => ask({ path: "/v1/batches?hold=1s", body: idle });

  it("keeps an idle agent's reply open until there is a command for it", async () => {
    await ask({ body: good });
    const held = heartbeat();
    await expect.poll(() => ingest.commands.heldCount).toBe(1);
    const command = { command: "keyframe", node: "n1", logs: null } as const;
    ingest.commands.push({ ...command, node: "n2" });
    expect(ingest.commands.heldCount).toBe(1);
    ingest.commands.push(command);
    expect((await held).body.commands).toEqual([command]);
    expect(ingest.commands.heldCount).toBe(0);
  });

  it("answers with nothing when the time is up", async () => {
    await ask({ body: good });
    const held = heartbeat();
    await expect.poll(() => ingest.commands.heldCount).toBe(1);
    timers.advance(1_000);
    expect(await held).toMatchObject({ status: 200, body: { commands: [] } });
  });

  it("gives a command that waits with any reply", async () => {
    const command = { command: "keyframe", node: "n1", logs: ["stock"] } as const;
    ingest.commands.push(command);
    expect((await ask({ body: good })).body.commands).toEqual([command]);
    expect((await ask({ body: good })).body.commands).toEqual([]);
  });

  it("lets go when the agent goes away, and keeps the command for its next request", async () => {
    await ask({ body: good });
    const held = heartbeat().catch(() => "gone");
    await expect.poll(() => ingest.commands.heldCount).toBe(1);
    server.closeAllConnections();
    expect(await held).toBe("gone");
    await expect.poll(() => ingest.commands.heldCount).toBe(0);
    ingest.commands.push({ command: "keyframe", node: "n1", logs: null });
    expect((await ask({ body: good })).body.commands).toHaveLength(1);
  });
});

describe("bodies on their way", () => {
  /** Declares a body, sends a byte of it, and waits until the collector has seen it. */
  async function unfinished(headers: string): Promise<() => void> {
    const before = budget.reservedBytes;
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    socket.write(
      `POST /v1/batches HTTP/1.1\r\nhost: x\r\ncontent-type: ${BATCH_MEDIA_TYPE}\r\n${headers}\r\n\r\n1`,
    );
    await until(() => budget.reservedBytes > before);
    return () => socket.destroy();
  }

  async function until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
  }

  it("are paid for before they are read, whatever they declare, and paid back", async () => {
    const leave = [
      await unfinished("content-length: 20000"),
      await unfinished("transfer-encoding: chunked"),
      await unfinished("content-length: 2"),
    ];
    expect(budget.reservedBytes).toBe(56_384);
    const refused = await ask({ body: good });
    expect([refused.status, refused.body.error.code]).toEqual([429, "overloaded"]);
    expect(refused.headers["retry-after"]).toBe("1");
    for (const one of leave) one();
    await until(() => budget.reservedBytes === 0);
    expect((await ask({ body: good })).status).toBe(200);
    expect(budget.reservedBytes).toBe(0);
  });

  it("give their room back when they are refused or do not inflate", async () => {
    const bomb = {
      body: gzipSync(new Uint8Array(1_000_000)),
      headers: { "content-encoding": "gzip" },
    };
    expect((await ask(bomb)).status).toBe(413);
    expect((await ask({ body: flipped })).status).toBe(400);
    expect(budget.reservedBytes).toBe(0);
  });

  it("are inflated only so many at a time, in the order in which they came", async () => {
    const turns = new BodyBudget(1_000, 2);
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const inflate = (name: string) =>
      turns.inTurn(async () => {
        order.push(name);
        await new Promise<void>((resolve) => ends.push(resolve));
        if (name === "b") throw new Error("b");
      });
    const all = ["a", "b", "c", "d"].map(inflate);
    const results = Promise.allSettled(all);
    await Promise.resolve();
    expect(order).toEqual(["a", "b"]);
    while (order.length < 4 || ends.length > 0) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(order).toEqual(["a", "b", "c", "d"]);
    expect((await results).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
  });
});
