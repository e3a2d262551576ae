import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import * as ws from "ws";
import { WebSocket, WebSocketServer } from "ws";
import { AGENT_NODE_ID, formatHlc, type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";
import type { RecordedReceive } from "../../support/message-recorder.ts";
import { messages, WsExchange } from "../../support/ws-exchange.ts";

let hooked: HookedProcess;
const exchange = new WsExchange();
afterEach(async () => {
  await exchange.close();
  await hooked.close();
});

const HANDSHAKE = ["send", "receive", "send", "receive"];
const kinds = (): readonly string[] => hooked.recorder.events.map(({ kind }) => kind);
/** Of messages proper, without the handshake. */
const sent = () => hooked.recorder.sends.filter(({ channel }) => channel === "ws");
const received = () => hooked.recorder.receives.filter(({ channel }) => channel === "ws");

function portOf(server: WebSocketServer | undefined): number {
  const address = server?.address() as AddressInfo | undefined;
  return address?.port ?? 0;
}

/** Every message has its receive, in the order sent, each later than its send. */
function expectAllJoined(count: number): void {
  const failed = new Set(sent().map(({ replaces }) => replaces));
  const good = sent().filter((send) => !send.failed && !failed.has(send.seq));
  expect(good).toHaveLength(count);
  const byName = new Map(good.map((send) => [send.seq, send]));
  const edges = received().map(({ from }) => from?.seq ?? -1);
  expect([...edges].sort((a, b) => a - b)).toEqual(good.map(({ seq }) => seq));
  for (const { from, t } of received())
    expect(t).toBeGreaterThan(byName.get(from?.seq ?? -1)?.t ?? t);
}

describe("a WebSocket", () => {
  it("is opened by a handshake that is stamped both ways, before handlers of the host", async () => {
    hooked = hookUp();
    const seen: Record<string, number> = {};
    const server = await exchange.serve({
      verifyClient: () => {
        seen["verifyClient"] = kinds().length;
        return true;
      },
    });
    server.on("connection", () => {
      seen["connection"] = kinds().length;
    });
    const client = exchange.connect(server);
    client.on("upgrade", () => {
      seen["upgrade"] = kinds().length;
    });
    await once(client, "open");
    expect(kinds()).toEqual(HANDSHAKE);
    expect(seen).toEqual({ verifyClient: 2, connection: 3, upgrade: 4 });
    const { receives, sends } = hooked.recorder;
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
    expect(hooked.recorder.events.map((event) => (event as RecordedReceive).channel)).toEqual(
      HANDSHAKE.map(() => "http"),
    );
  });

  it("carries a stamp with each message, both ways, received before listeners run", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    const seen: string[] = [];
    server.on("message", (data) => {
      seen.push(`${kinds().at(-1)} ${String(data)}`);
      hooked.recorder.change();
      server.send(`re: ${String(data)}`);
    });
    const answers = messages(client, 3);
    for (const text of ["a", "b", "c"]) client.send(text);
    expect(await answers).toEqual(["re: a", "re: b", "re: c"]);
    expect(seen).toEqual(["receive a", "receive b", "receive c"]);
    expectAllJoined(6);
    const port = portOf(exchange.servers[0]);
    expect(sent()[0]).toMatchObject({ channel: "ws", peer: `127.0.0.1:${port}`, streamed: false });
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
  });

  it("may speak first as a server, in its `connection` listener", async () => {
    hooked = hookUp();
    const server = await exchange.serve();
    server.on("connection", (socket) => socket.send("hello"));
    const client = exchange.connect(server);
    expect(await messages(client, 1)).toEqual(["hello"]);
    expectAllJoined(1);
  });

  it("leaves pings and pongs of the host alone", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    const pongs: string[] = [];
    for (const socket of [client, server]) socket.on("pong", (data) => pongs.push(String(data)));
    const answered = messages(client, 1);
    client.ping("are you there?");
    client.send("x");
    client.pong("unasked");
    await once(server, "message");
    server.send("y");
    await answered;
    await expect.poll(() => pongs.sort()).toEqual(["are you there?", "unasked"]);
    expectAllJoined(2);
  });

  const serverModes: readonly (readonly [mode: string, open: () => Promise<WebSocket>])[] = [
    [
      "noServer",
      async () => {
        const url = await hooked.serve((_incoming, response) => response.end());
        const sockets = new WebSocketServer({ noServer: true });
        exchange.servers.push(sockets);
        let mergedBefore = 0;
        hooked.servers[0]?.on("upgrade", (request, socket, head) => {
          mergedBefore = hooked.recorder.receives.length;
          sockets.handleUpgrade(request, socket, head, (made) => {
            made.on("message", (data) => made.send(String(data)));
          });
        });
        const client = exchange.connectTo(url.replace("http", "ws"));
        await once(client, "open");
        expect(mergedBefore).toBe(1);
        return client;
      },
    ],
    [
      "a server of the host's",
      async () => {
        const url = await hooked.serve((_incoming, response) => response.end());
        const sockets = new WebSocketServer({ server: hooked.servers[0] as never });
        exchange.servers.push(sockets);
        sockets.on("connection", (made) => made.on("message", (data) => made.send(String(data))));
        const client = exchange.connectTo(url.replace("http", "ws"));
        await once(client, "open");
        return client;
      },
    ],
  ];
  it.each(serverModes)("works with %s", async (_mode, open) => {
    hooked = hookUp();
    const client = await open();
    const answers = messages(client, 2);
    client.send("a");
    client.send("b");
    expect(await answers).toEqual(["a", "b"]);
    expectAllJoined(4);
  });
});

describe("the order of stamp and message", () => {
  /** What a peer without any hook sees: frames as they come. */
  async function wiretap(
    talk: (client: WebSocket) => void,
    count: number,
    options: ws.ServerOptions & { readonly binaryType?: "blob" } = {},
  ): Promise<readonly string[]> {
    const { client, server } = await exchange.pair(options, { perMessageDeflate: true });
    const receiver = (server as unknown as { _receiver: NodeJS.EventEmitter })._receiver;
    const frames: string[] = [];
    receiver.prependListener("pong", (data: Buffer) => frames.push(`pong ${data.subarray(0, 14)}`));
    receiver.prependListener("message", (data: unknown) => frames.push(`message ${String(data)}`));
    const arrived = messages(server, count);
    talk(client);
    await arrived;
    return frames;
  }
  const stamped = (...texts: readonly string[]): readonly string[] =>
    texts.flatMap((text) => [`pong ${CARRIER_HEADER}`, `message ${text}`]);

  it("holds where messages are compressed, which takes its time", async () => {
    hooked = hookUp();
    const long = "long ".repeat(20_000);
    const frames = await wiretap(
      (client) => {
        client.send(long);
        client.send("short", { compress: false });
        client.send(long);
        client.send("last");
      },
      4,
      { perMessageDeflate: { threshold: 0 } },
    );
    expect(frames).toEqual(stamped(long, "short", long, "last"));
    expectAllJoined(4);
  });

  it("holds for messages in fragments: the stamp stands before the last", async () => {
    hooked = hookUp();
    const frames = await wiretap((client) => {
      client.send("a", { fin: false });
      hooked.recorder.change();
      client.send("b", { fin: false });
      client.send("c", { fin: true });
      client.send("next");
    }, 2);
    expect(frames).toEqual(stamped("abc", "next"));
    expectAllJoined(2);
    expect(kinds().slice(4, 6)).toEqual(["set", "send"]);
  });

  it("holds for a Blob, which is read first", async () => {
    hooked = hookUp();
    const frames = await wiretap((client) => {
      client.send(new Blob(["of ", "parts"]) as never);
      client.send("after");
    }, 2);
    expect(frames).toEqual(stamped("of parts", "after"));
    expectAllJoined(2);
  });

  it("holds where events come one per turn", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair({ allowSynchronousEvents: false });
    const arrived = messages(server, 50);
    for (let i = 0; i < 50; i += 1) client.send(String(i));
    expect(await arrived).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
    expectAllJoined(50);
  });
});

describe("data and callbacks", () => {
  it("arrive as without the hook: text, bytes, numbers, nothing, by every way of sending", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    server.binaryType = "arraybuffer";
    const seen: unknown[] = [];
    server.addEventListener("message", ({ data }) => seen.push(data));
    const calls: unknown[] = [];
    client.send("text", () => calls.push("by callback"));
    client.send(new Uint8Array([1, 2]), { binary: true }, () => calls.push("after options"));
    client.send(7 as never);
    client.send("");
    client.send("bytes as text", { binary: true });
    await expect.poll(() => seen.length).toBe(5);
    expect(seen[0]).toBe("text");
    expect([...new Uint8Array(seen[1] as ArrayBuffer)]).toEqual([1, 2]);
    expect(seen[2]).toBe("7");
    expect(seen[3]).toBe("");
    expect(seen[4]).toBeInstanceOf(ArrayBuffer);
    expect(calls).toEqual(["by callback", "after options"]);
    expectAllJoined(5);
  });

  it("pass through createWebSocketStream", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    const stream = ws.createWebSocketStream(client, { encoding: "utf8" });
    server.on("message", (data) => server.send(`re: ${String(data)}`));
    stream.write("one");
    const [answer] = (await once(stream, "data")) as [string];
    expect(answer).toBe("re: one");
    expectAllJoined(2);
    stream.destroy();
  });

  it("that ws refuses make a failed send, and the host sees its own error", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    expect(() => client.send({} as never)).toThrow(TypeError);
    expect(sent().map(({ failed }) => failed)).toEqual([false, true]);
    const arrived = messages(server, 1);
    client.send("good");
    await arrived;
    expectAllJoined(1);
  });

  it("given to a closing socket make a failed send, and the host's callback its error", async () => {
    hooked = hookUp();
    const { client } = await exchange.pair();
    client.close();
    const error = await new Promise<Error | undefined>((resolve) => client.send("late", resolve));
    expect(error?.message).toContain("not open");
    expect(sent().map(({ failed, replaces }) => [failed, replaces === null])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  it("lost while being compressed make a failed send", async () => {
    hooked = hookUp();
    const { client } = await exchange.pair(
      { perMessageDeflate: { threshold: 0 } },
      { perMessageDeflate: { threshold: 0 } },
    );
    const done = new Promise<Error | undefined>((resolve) => client.send("x".repeat(1e6), resolve));
    client.terminate();
    expect((await done)?.message).toContain("closed while data was being compressed");
    expect(sent().map(({ failed }) => failed)).toEqual([false, true]);
  });

  it("given to a socket that is not open yet throw as ever, and leave nothing behind", async () => {
    hooked = hookUp();
    const server = await exchange.serve();
    const client = exchange.connect(server);
    expect(() => client.send("early")).toThrow("CONNECTING");
    await once(client, "open");
    expect(sent()).toEqual([]);
  });
});

describe("a peer that does not know the hook", () => {
  /** A WebSocket server or client without `retroscope-ws`: as a browser, or another library. */
  function forget(socket: WebSocket): void {
    for (const key of Object.getOwnPropertySymbols(socket)) {
      if (key.description !== "retroscope.connection") continue;
      const connection = (socket as unknown as Record<symbol, { speaks: boolean }>)[key];
      if (connection !== undefined) connection.speaks = false;
    }
  }

  it("gets no stamps, and its messages are counted", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    forget(client);
    const pongs: unknown[] = [];
    const receiver = (server as unknown as { _receiver: NodeJS.EventEmitter })._receiver;
    receiver.on("pong", (data) => pongs.push(data));
    client.send("x");
    await once(server, "message");
    expect(pongs).toEqual([]);
    expect(sent()).toEqual([]);
    const port = portOf(exchange.servers[0]);
    expect(hooked.recorder.unstampedCounts).toEqual(
      new Map([
        [`out 127.0.0.1:${port}`, 1],
        ["in 127.0.0.1", 1],
      ]),
    );
  });

  it("but sends a stamp has shown that it does", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    forget(server);
    client.send("x");
    await once(server, "message");
    const answered = messages(client, 1);
    server.send("y");
    await answered;
    expectAllJoined(2);
  });

  it("as a plain client over TCP, is served without stamps and without our headers", async () => {
    hooked = hookUp();
    const server = await exchange.serve();
    server.on("connection", (socket) => socket.send("hi"));
    const port = (server.address() as AddressInfo).port;
    const socket = connect(port, "127.0.0.1");
    socket.write(
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    let bytes = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      bytes += chunk;
    });
    await expect.poll(() => bytes).toContain("hi");
    socket.destroy();
    expect(bytes).not.toContain("retroscope");
    expect(bytes.split("\r\n\r\n")[1]).toBe("\x81\x02hi");
  });
});

describe("strangers", () => {
  it("as servers see none of our headers and get no stamps", async () => {
    hooked = hookUp();
    const heads: string[] = [];
    const server = await exchange.serve({
      verifyClient: ({ req }: { req: { rawHeaders: string[] } }) => {
        heads.push(req.rawHeaders.join(" ").toLowerCase());
        return true;
      },
    });
    const port = (server.address() as AddressInfo).port;
    const client = exchange.connectTo(`ws://shop.example.com:${port}/`, {
      lookup: (_name: string, options: { all?: boolean }, found: (...args: unknown[]) => void) =>
        options.all === true
          ? found(null, [{ address: "127.0.0.1", family: 4 }])
          : found(null, "127.0.0.1", 4),
    } as never);
    await once(client, "open");
    const arrived = once([...server.clients][0] as WebSocket, "message");
    client.send("x");
    await arrived;
    expect(heads[0]).not.toContain("retroscope");
    expect(sent()).toEqual([]);
    expect(hooked.recorder.unstampedCounts.get(`out shop.example.com:${port}`)).toBe(2);
  });

  it("as clients are not believed", async () => {
    hooked = hookUp();
    const server = await exchange.serve();
    const http = (server as unknown as { _server: NodeJS.EventEmitter })._server;
    http.prependListener("connection", (socket: object) =>
      Object.defineProperty(socket, "remoteAddress", { value: "203.0.113.9" }),
    );
    const accepts = once(server, "connection");
    const client = exchange.connect(server);
    await once(client, "open");
    const [accepted] = (await accepts) as [WebSocket];
    const pongs: string[] = [];
    accepted.on("pong", (data) => pongs.push(String(data)));
    accepted.on("message", (data) => accepted.send(data));
    client.pong(`${CARRIER_HEADER}:${foreign}`);
    const answer = messages(client, 1);
    client.send("x");
    await answer;
    expect(received()).toEqual([]);
    expect(pongs).toEqual([]);
    expect(sent()).toEqual([]);
    expect(hooked.recorder.unstampedCounts.get("in 203.0.113.9")).toBe(2);
  });
});

it("a client that was redirected tells its server by a pong", async () => {
  hooked = hookUp();
  const target = await exchange.serve();
  const url = await hooked.serve((_incoming, response) => response.end());
  hooked.servers[0]?.on("upgrade", (_request, socket) => {
    socket.end(
      `HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${portOf(target)}/there\r\n` +
        "Connection: close\r\nContent-Length: 0\r\n\r\n",
    );
  });
  const accepts = once(target, "connection");
  const client = exchange.connectTo(url.replace("http", "ws"), { followRedirects: true });
  await once(client, "open");
  const [accepted] = (await accepts) as [WebSocket];
  client.send("ask");
  await once(accepted, "message");
  const answer = messages(client, 1);
  accepted.send("told");
  await answer;
  expectAllJoined(2);
});

it("a header of ours that the host copies into its reply is replaced", async () => {
  hooked = hookUp();
  const server = await exchange.serve();
  server.on("headers", (lines) => lines.push(`Retroscope-HLC: ${foreign}`, "retroscope-ws: 7"));
  const client = exchange.connect(server);
  const [reply] = (await once(client, "upgrade")) as [{ rawHeaders: string[] }];
  const ours = reply.rawHeaders.filter((_, i, all) => /^retroscope/i.test(all[i - (i % 2)] ?? ""));
  expect(ours).toHaveLength(4);
  expect(parseCarrier(ours[3] ?? "")?.node).toBe("n1");
});

it("a node whose name is too long for a pong sends without stamps, and says so", async () => {
  hooked = hookUp();
  Object.defineProperty(hooked.recorder, "node", { value: "n".repeat(80) });
  Object.defineProperty(hooked.recorder, "epoch", { value: Number.MAX_SAFE_INTEGER });
  const { client, server } = await exchange.pair();
  const arrived = messages(server, 3);
  for (const text of ["a", "b", "c"]) client.send(text);
  await arrived;
  expect(sent().map(({ failed }) => failed)).toEqual([false, true]);
  const port = portOf(exchange.servers[0]);
  expect(hooked.recorder.unstampedCounts.get(`out 127.0.0.1:${port}`)).toBe(3);
});

it("hostile pongs move no clock beyond the gate, hurt nobody and hide nothing of the host's", async () => {
  hooked = hookUp();
  const { client, server } = await exchange.pair();
  const physical = 1_000 * TICKS_PER_MS;
  const aForgedStamp = fc
    .tuple(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.nat(), fc.integer({ min: 1 }))
    .map(
      ([t, epoch, seq]) =>
        `1-${formatHlc(t as Hlc)}-${epoch.toString(36)}.${seq.toString(36)}-forger`,
    );
  const aByteText = fc
    .array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 })
    .map((bytes) => Buffer.from(bytes).toString("latin1"));
  const aPayload = fc.oneof(
    fc
      .tuple(fc.constant(`${CARRIER_HEADER}:`), fc.oneof(aForgedStamp, aByteText))
      .map((p) => p.join("")),
    aByteText,
  );
  const shown: string[] = [];
  server.on("pong", (data) => shown.push(data.toString("latin1")));
  const expected: string[] = [];
  let messageCount = 0;
  server.on("message", () => {
    messageCount += 1;
  });
  // As a client without the hook would send them: past our own `send`.
  const sender = (client as unknown as { _sender: { send(...args: unknown[]): void } })._sender;
  await fc.assert(
    fc.asyncProperty(fc.array(aPayload, { maxLength: 4 }), async (payloads) => {
      for (const payload of payloads) {
        const bytes = Buffer.from(payload, "latin1").subarray(0, 125);
        const text = bytes.toString("latin1");
        if (!text.startsWith(`${CARRIER_HEADER}:`)) expected.push(text);
        client.pong(bytes);
      }
      sender.send("x", { binary: false, compress: false, fin: true, mask: true }, undefined);
    }),
    { numRuns: 300 },
  );
  await expect.poll(() => messageCount).toBe(300);
  expect(shown).toEqual(expected);
  expect(hooked.hooks.states().ws).toBe("active");
  expect(received().length).toBeGreaterThan(20);
  expect(hooked.recorder.malformedCounts.get("127.0.0.1")).toBeGreaterThan(20);
  for (const { from } of received()) expect(from?.node).toMatch(AGENT_NODE_ID);
  const { last, events } = hooked.recorder;
  expect(last).toBeLessThanOrEqual(physical + 60_000 * TICKS_PER_MS + events.length);
});

it("after close sockets go on as if the hook had never been, open ones too", async () => {
  hooked = hookUp();
  const { client, server } = await exchange.pair();
  hooked.hooks.close();
  expect("_req" in WebSocket.prototype).toBe(false);
  expect(Object.hasOwn(WebSocket.prototype, "emit")).toBe(false);
  const before = kinds().length;
  const answers = messages(client, 2);
  server.on("message", (data) => server.send(String(data)));
  client.send("a");
  client.send("b");
  expect(await answers).toEqual(["a", "b"]);
  const fresh = await exchange.pair();
  fresh.client.send("c");
  await once(fresh.server, "message");
  expect(kinds()).toHaveLength(before);
});

it("five own errors turn the hook off, and no message is hurt", async () => {
  const reports: string[] = [];
  hooked = hookUp({ onReport: (hook, state) => reports.push(`${hook} ${state}`) });
  const { client, server } = await exchange.pair();
  hooked.recorder.send = () => {
    throw new Error("planted");
  };
  const arrived = messages(server, 6);
  for (let i = 0; i < 6; i += 1) client.send(String(i));
  expect(await arrived).toEqual(["0", "1", "2", "3", "4", "5"]);
  expect(reports).toEqual(["ws off"]);
  // The other side may not know, and goes on stamping: its stamps are still not the host's business.
  const pongs: string[] = [];
  server.on("pong", (data) => pongs.push(String(data)));
  client.pong("retroscope-hlc:1-01a1fed6007b0a70-k52.5f2-cart");
  client.pong("the host's");
  await once(server, "pong");
  expect(pongs).toEqual(["the host's"]);
});

it("calls the callback of a send with what ws would", async () => {
  hooked = hookUp();
  const { client } = await exchange.pair();
  const told = (send: (done: (...args: unknown[]) => void) => void) =>
    new Promise<readonly unknown[]>((resolve) =>
      send(function (this: unknown, ...args) {
        resolve([typeof this, ...args]);
      }),
    );
  const stamped = await told((done) => client.send("x", done));
  hooked.hooks.close();
  expect(stamped).toEqual(await told((done) => client.send("x", done)));
});

it("is given by hand where the watch does not see the package, as namespace or class", async () => {
  hooked = hookUp({ hooks: ["ws"] });
  // The watch came first here: what is patched stays so, and once.
  const { send } = WebSocket.prototype;
  expect(hooked.hooks.instrument("ws", ws)).toBe(true);
  expect(hooked.hooks.instrument("ws", WebSocket)).toBe(true);
  expect(WebSocket.prototype.send).toBe(send);
  const { client, server } = await exchange.pair();
  client.send("x");
  await once(server, "message");
  expectAllJoined(1);
  expect(hooked.hooks.instrument("ws", { WebSocket: class {} })).toBe(false);
  expect(hooked.hooks.states().ws).toBe("degraded");
  expect(hooked.hooks.reasons().ws).toContain("no WebSocket is in it");
  client.send("y"); // what stands goes on
  await once(server, "message");
  expectAllJoined(2);
  await delay(0);
});
