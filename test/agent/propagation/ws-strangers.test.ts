/** WebSockets with a peer that does not know the hook, is not ours, or is hostile. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { WebSocket, WebSocketServer } from "ws";
import { AGENT_NODE_ID, formatHlc, type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { CARRIER_HEADER, parseCarrier } from "../../../agent/propagation/carrier.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";
import {
  expectAllJoined,
  messages,
  receivedOver,
  sentOver,
  WsExchange,
} from "../../support/ws-exchange.ts";

let hooked: HookedProcess;

const exchange = new WsExchange();

afterEach(async () => {
  await exchange.close();
  await hooked.close();
});

function portOf(server: WebSocketServer | undefined): number {
  const address = server?.address() as AddressInfo | undefined;
  return address?.port ?? 0;
}

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
    expect(sentOver(hooked)).toEqual([]);
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
    expectAllJoined(hooked, 2);
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
    expect(sentOver(hooked)).toEqual([]);
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
    expect(receivedOver(hooked)).toEqual([]);
    expect(pongs).toEqual([]);
    expect(sentOver(hooked)).toEqual([]);
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
  expectAllJoined(hooked, 2);
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
  expect(sentOver(hooked).map(({ failed }) => failed)).toEqual([false, true]);
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
  expect(receivedOver(hooked).length).toBeGreaterThan(20);
  expect(hooked.recorder.malformedCounts.get("127.0.0.1")).toBeGreaterThan(20);
  for (const { from } of receivedOver(hooked)) expect(from?.node).toMatch(AGENT_NODE_ID);
  const { last, events } = hooked.recorder;
  expect(last).toBeLessThanOrEqual(physical + 60_000 * TICKS_PER_MS + events.length);
});
