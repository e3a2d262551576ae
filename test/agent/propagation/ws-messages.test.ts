/** WebSockets with a hook at both ends: each message is stamped, in order, and nothing else changes. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import * as ws from "ws";
import { type WebSocket, WebSocketServer } from "ws";
import { CARRIER_HEADER } from "../../../agent/propagation/carrier.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";
import type { RecordedReceive } from "../../support/message-recorder.ts";
import { expectAllJoined, messages, sentOver, WsExchange } from "../../support/ws-exchange.ts";

let hooked: HookedProcess;

const exchange = new WsExchange();

afterEach(async () => {
  await exchange.close();
  await hooked.close();
});

const HANDSHAKE = ["send", "receive", "send", "receive"];

const kinds = (): readonly string[] => hooked.recorder.events.map(({ kind }) => kind);

function portOf(server: WebSocketServer | undefined): number {
  const address = server?.address() as AddressInfo | undefined;
  return address?.port ?? 0;
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
    expectAllJoined(hooked, 6);
    const port = portOf(exchange.servers[0]);
    expect(sentOver(hooked)[0]).toMatchObject({
      channel: "ws",
      peer: `127.0.0.1:${port}`,
      streamed: false,
    });
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
  });

  it("may speak first as a server, in its `connection` listener", async () => {
    hooked = hookUp();
    const server = await exchange.serve();
    server.on("connection", (socket) => socket.send("hello"));
    const client = exchange.connect(server);
    expect(await messages(client, 1)).toEqual(["hello"]);
    expectAllJoined(hooked, 1);
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
    expectAllJoined(hooked, 2);
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
    expectAllJoined(hooked, 4);
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
    expectAllJoined(hooked, 4);
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
    expectAllJoined(hooked, 2);
    expect(kinds().slice(4, 6)).toEqual(["set", "send"]);
  });

  it("holds for a Blob, which is read first", async () => {
    hooked = hookUp();
    const frames = await wiretap((client) => {
      client.send(new Blob(["of ", "parts"]) as never);
      client.send("after");
    }, 2);
    expect(frames).toEqual(stamped("of parts", "after"));
    expectAllJoined(hooked, 2);
  });

  it("holds where events come one per turn", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair({ allowSynchronousEvents: false });
    const arrived = messages(server, 50);
    for (let i = 0; i < 50; i += 1) client.send(String(i));
    expect(await arrived).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
    expectAllJoined(hooked, 50);
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
    expectAllJoined(hooked, 5);
  });

  it("pass through createWebSocketStream", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    const stream = ws.createWebSocketStream(client, { encoding: "utf8" });
    server.on("message", (data) => server.send(`re: ${String(data)}`));
    stream.write("one");
    const [answer] = (await once(stream, "data")) as [string];
    expect(answer).toBe("re: one");
    expectAllJoined(hooked, 2);
    stream.destroy();
  });

  it("that ws refuses make a failed send, and the host sees its own error", async () => {
    hooked = hookUp();
    const { client, server } = await exchange.pair();
    expect(() => client.send({} as never)).toThrow(TypeError);
    expect(sentOver(hooked).map(({ failed }) => failed)).toEqual([false, true]);
    const arrived = messages(server, 1);
    client.send("good");
    await arrived;
    expectAllJoined(hooked, 1);
  });

  it("given to a closing socket make a failed send, and the host's callback its error", async () => {
    hooked = hookUp();
    const { client } = await exchange.pair();
    client.close();
    const error = await new Promise<Error | undefined>((resolve) => client.send("late", resolve));
    expect(error?.message).toContain("not open");
    expect(sentOver(hooked).map(({ failed, replaces }) => [failed, replaces === null])).toEqual([
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
    expect(sentOver(hooked).map(({ failed }) => failed)).toEqual([false, true]);
  });

  it("given to a socket that is not open yet throw as ever, and leave nothing behind", async () => {
    hooked = hookUp();
    const server = await exchange.serve();
    const client = exchange.connect(server);
    expect(() => client.send("early")).toThrow("CONNECTING");
    await once(client, "open");
    expect(sentOver(hooked)).toEqual([]);
  });
});
