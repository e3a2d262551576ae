import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire, syncBuiltinESMExports } from "node:module";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { HttpTransport } from "../../../agent/shipping/http-transport.ts";
import { realScheduler } from "../../../agent/shipping/real-scheduler.ts";
import type { TransportReply } from "../../../agent/shipping/transport.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const OPTIONS = { timeoutMs: 5_000, holdMs: 0 };

it("is not seen by a tracing SDK that patched http.request", async () => {
  const url = await serve((_request, response) => response.end('{"acks":[],"commands":[]}'));
  const http = createRequire(import.meta.url)("node:http") as { request: unknown };
  const { request } = http;
  let seenCount = 0;
  http.request = () => {
    seenCount += 1;
    throw new Error("patched");
  };
  syncBuiltinESMExports();
  try {
    const transport = new HttpTransport({ collector: url, scheduler: realScheduler });
    expect((await transport.send([], OPTIONS)).kind).toBe("acked");
    transport.close();
    expect(seenCount).toBe(0);
  } finally {
    http.request = request;
    syncBuiltinESMExports();
  }
});

describe("an answer over HTTP", () => {
  const date = "Sat, 21 Nov 2026 16:00:00 GMT";
  const later = "Sat, 21 Nov 2026 16:00:07 GMT";
  const cases: ReadonlyArray<
    readonly [
      why: string,
      status: number,
      headers: Record<string, string>,
      body: string,
      reply: unknown,
    ]
  > = [
    [
      "200 is acked",
      200,
      {},
      '{"acks":[],"commands":[]}',
      { kind: "acked", reply: { acks: [], commands: [] } },
    ],
    ["200 that is no JSON is no collector", 200, {}, "<html>", { kind: "failed" }],
    [
      "400 is final, with its reason",
      400,
      {},
      '{"error":{"code":"bad-batch","message":"m"}}',
      { kind: "refused", status: 400, message: "bad-batch: m" },
    ],
    ["401 is unauthorized", 401, {}, "", { kind: "unauthorized", status: 401 }],
    ["403 too", 403, {}, "", { kind: "unauthorized", status: 403 }],
    ["413 is too large", 413, {}, "", { kind: "too-large" }],
    ["429 with seconds", 429, { "retry-after": "3" }, "", { kind: "failed", retryAfterMs: 3_000 }],
    [
      "503 with a date, by the collector's own clock",
      503,
      { "retry-after": later, date },
      "",
      { kind: "failed", retryAfterMs: 7_000 },
    ],
    [
      "503 with nonsense",
      503,
      { "retry-after": "soon" },
      "",
      { kind: "failed", retryAfterMs: null },
    ],
    ["500 comes again", 500, {}, "oops", { kind: "failed", retryAfterMs: null }],
    [
      "a redirect is not followed",
      302,
      { location: "http://127.0.0.1:1/" },
      "",
      { kind: "failed" },
    ],
    ["an endless body is cut off", 200, {}, "x".repeat(2_000_000), { kind: "failed" }],
  ];
  it.each(cases)("%s", async (_why, status, headers, body, reply) => {
    const collector = await serve((request, response) => {
      request.resume();
      response.sendDate = headers["date"] === undefined;
      response.writeHead(status, headers).end(body);
    });
    const transport = new HttpTransport({ collector, scheduler: realScheduler });
    expect(await transport.send([new Uint8Array([1, 2])], OPTIONS)).toMatchObject(reply as object);
    transport.close();
    transport.close();
  });

  it("carries batches one after the other, the token, and how long it may be held", async () => {
    const seen: unknown[] = [];
    const collector = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { authorization, "content-type": type } = request.headers;
        seen.push([request.method, request.url, authorization, type, [...Buffer.concat(chunks)]]);
        seen.push(Object.keys(request.headers).some((name) => name.startsWith("retroscope")));
        response.end("{}");
      });
    });
    const base = new URL("/behind/proxy/", collector);
    const transport = new HttpTransport({
      collector: base,
      token: "t0k",
      scheduler: realScheduler,
    });
    await transport.send([new Uint8Array([1]), new Uint8Array([2, 3])], {
      timeoutMs: 5_000,
      holdMs: 1_000,
    });
    const type = "application/vnd.retroscope.batch";
    expect(seen).toEqual([
      ["POST", "/behind/proxy/v1/batches?hold=1000ms", "Bearer t0k", type, [1, 2, 3]],
      false,
    ]);
    transport.close();
  });

  it("that never comes is given up at the deadline, connection and all", async () => {
    let closed: Promise<unknown> | undefined;
    let arrived = (): void => undefined;
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const collector = await serve((request) => {
      request.resume();
      closed = once(request.socket, "close");
      arrived();
    });
    const scheduler = new VirtualScheduler();
    const transport = new HttpTransport({ collector, scheduler });
    const reply: Promise<TransportReply> = transport.send([new Uint8Array([1])], OPTIONS);
    await arrival;
    await scheduler.advance(5_000);
    expect(await reply).toEqual({
      kind: "failed",
      retryAfterMs: null,
      message: "no answer within 5000 ms",
    });
    await closed;
    transport.close();
  });

  it("from nobody is a failure with the system's code", async () => {
    const collector = await serve(() => undefined);
    for (const server of servers.splice(0)) server.close();
    const transport = new HttpTransport({ collector, scheduler: realScheduler });
    expect(await transport.send([], OPTIONS)).toMatchObject({
      kind: "failed",
      message: "ECONNREFUSED",
    });
  });
});

describe("a wrong address", () => {
  const sendTo = async (collector: URL) => {
    const transport = new HttpTransport({ collector, scheduler: realScheduler });
    try {
      return await transport.send([], OPTIONS);
    } finally {
      transport.close();
    }
  };

  it("is told with what to change: another service, a path, TLS where there is none", async () => {
    const url = await serve((_request, response) => {
      response.statusCode = 404;
      response.end("<html>");
    });
    expect(await sendTo(url)).toMatchObject({
      kind: "failed",
      message: `404 Not Found: another service seems to answer at ${url.origin}; name the collector's`,
    });
    expect(await sendTo(new URL("/api/", url))).toMatchObject({
      message: expect.stringContaining("was given with the path /api; leave it out"),
    });
    expect(await sendTo(new URL(url.href.replace("http:", "https:")))).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("may begin with http:, not https:"),
    });
  });
});
