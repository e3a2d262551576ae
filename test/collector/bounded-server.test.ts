/** Peers that drag on: every one of them is closed by its deadline, and honest ones go on meanwhile. */
import { request as httpRequest, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createBoundedServer, SERVER_LIMITS } from "../../collector/bounded-server.ts";
import { nodeIngestTimers } from "../../collector/ingest/node-timers.ts";

const LIMITS = {
  ...SERVER_LIMITS,
  headMs: 300,
  requestMs: 400,
  keepAliveMs: 300,
  idleMs: 600,
  sendMs: 300,
  checkMs: 50,
};
const HUGE_BYTES = 64 * 1024 * 1024;
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** `/huge` answers with more than any socket holds, `/never` not at all, anything else after the body. */
async function started(limits: Partial<typeof LIMITS> = {}): Promise<number> {
  const server = createBoundedServer(
    (request, response) => {
      request.on("error", () => {});
      if (request.url === "/never") return;
      if (request.url === "/huge") {
        response.end(Buffer.alloc(HUGE_BYTES));
        return;
      }
      request.resume().on("end", () => response.end("{}"));
    },
    nodeIngestTimers().after,
    { ...LIMITS, ...limits },
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

interface Slow {
  readonly socket: Socket;
  /** What came back until the server closed. */
  readonly gone: Promise<string>;
}

function slow(port: number, ...said: readonly string[]): Slow {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (part) => {
    if (text.length < 10_000) text += String(part);
  });
  const gone = new Promise<string>((resolve) => {
    socket.once("end", () => resolve(text));
    socket.once("close", () => resolve(text));
  });
  for (const part of said) socket.write(part);
  return { socket, gone };
}

/** Sends a byte now and then, for as long as it may. */
function trickle({ socket }: Slow): void {
  const timer = setInterval(() => socket.write("x"), 40);
  socket.once("close", () => clearInterval(timer));
}

function honest(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, host: "127.0.0.1", method: "POST", agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    })
      .on("error", reject)
      .end("body");
  });
}

describe("a peer that drags on", () => {
  const HEAD = "POST /x HTTP/1.1\r\nhost: localhost\r\n";
  const kinds: ReadonlyArray<
    readonly [what: string, begin: (port: number) => Slow, answer: RegExp]
  > = [
    ["connects and says nothing", (port) => slow(port), /408|^$/],
    [
      "sends its head byte by byte",
      (port) => {
        const peer = slow(port, "POST /x HTTP/1.1\r\nx-long: ");
        trickle(peer);
        return peer;
      },
      /408 Request Timeout[\s\S]*"timed-out"/,
    ],
    [
      "sends its body byte by byte",
      (port) => {
        const peer = slow(port, `${HEAD}content-length: 5000\r\n\r\n`);
        trickle(peer);
        return peer;
      },
      /408 Request Timeout[\s\S]*"timed-out"/,
    ],
    [
      "vanishes while an answer is made",
      (port) => slow(port, `GET /never${HEAD.slice(7)}\r\n`),
      /^$/,
    ],
    [
      "closes its half before its body is complete",
      (port) => {
        const peer = slow(port, `${HEAD}content-length: 5000\r\n\r\nabc`);
        peer.socket.end();
        return peer;
      },
      /400 Bad Request|^$/,
    ],
    [
      "keeps an idle connection",
      (port) => slow(port, `${HEAD}content-length: 0\r\n\r\n`),
      /^HTTP\/1\.1 200/,
    ],
  ];
  it.each(kinds)("is cut off when it %s", async (_what, begin, answer) => {
    const port = await started();
    expect(await begin(port).gone).toMatch(answer);
  });

  it("is cut off when it does not take its answer", async () => {
    const port = await started();
    const peer = slow(port, "GET /huge HTTP/1.1\r\nhost: localhost\r\n\r\n");
    peer.socket.pause();
    const [server] = servers;
    const open = (): Promise<number> =>
      new Promise((resolve) => server?.getConnections((_error, count) => resolve(count)));
    await expect.poll(open, { timeout: 5_000 }).toBe(1);
    await expect.poll(open, { timeout: 5_000 }).toBe(0);
    peer.socket.destroy();
  });

  it("does not hold up honest ones, however many there are", async () => {
    const port = await started();
    const peers = Array.from({ length: 200 }, (_, i) =>
      (kinds[i % 3] as (typeof kinds)[0])[1](port),
    );
    let isOver = false;
    const ends = Promise.all(peers.map(({ gone }) => gone)).then(() => {
      isOver = true;
    });
    let answered = 0;
    while (!isOver) {
      expect(await honest(port)).toBe(200);
      answered += 1;
    }
    await ends;
    expect(answered).toBeGreaterThan(5);
  });

  it("gets no connection beyond the limit", async () => {
    const port = await started({ connections: 3, headMs: 5_000, requestMs: 5_000 });
    const first = Array.from({ length: 3 }, () => slow(port, "GET"));
    await Promise.all(
      first.map(({ socket }) => new Promise((done) => socket.once("connect", done))),
    );
    expect(await slow(port, "GET").gone).toBe("");
    for (const { socket } of first) socket.destroy();
    await expect.poll(() => honest(port).catch(() => 0)).toBe(200);
  });
});

describe("what is no HTTP", () => {
  it.each([
    ["hello\r\n\r\n", 400, "bad-parameter"],
    [`GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, 431, "too-large"],
    [
      "GET / HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\nconnection: close\r\n\r\n",
      417,
      "bad-parameter",
    ],
    ["POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: odd\r\n\r\n", 400, "bad-parameter"],
  ])("is refused as everything else is: %j", async (said, status, code) => {
    const port = await started();
    const text = await slow(port, said).gone;
    const [head, body] = text.split("\r\n\r\n", 2);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body ?? "")).toMatchObject({ error: { code } });
  });
});
