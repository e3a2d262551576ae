import { mkdtempSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import {
  buy,
  SHOP,
  type ShopHandlers,
  type ShopServer,
  serveShop,
  shopClient,
} from "../../support/grpc-exchange.ts";
import { onServer } from "../../support/grpc-stranger.ts";
import { foreign, type HookedProcess, hookUp } from "../../support/http-exchange.ts";
import type { RecordedReceive } from "../../support/message-recorder.ts";

let hooked: HookedProcess;
const shops: ShopServer[] = [];
const clients: grpc.Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const { server } of shops.splice(0)) server.forceShutdown();
  await hooked.close();
});

const kinds = (): readonly string[] => hooked.recorder.events.map(({ kind }) => kind);
const EXCHANGE = ["send", "receive", "send", "receive"];

type Unary = grpc.handleUnaryCall<unknown, unknown>;
const echo: Unary = (call, done) => done(null, call.request);

async function shop(
  handlers: ShopHandlers = { buy: echo },
  options: { address?: string } & grpc.ServerOptions = {},
): Promise<ShopServer> {
  const served = await serveShop(handlers, options);
  shops.push(served);
  return served;
}

function client(target: string, options: grpc.ClientOptions = {}): grpc.Client {
  const made = shopClient(target, options);
  clients.push(made);
  return made;
}

/** The full story of one exchange in one process: request out, in, reply out, in. */
function expectOneExchange(streamed: { request: boolean; reply: boolean }): void {
  const { events } = hooked.recorder;
  const messages = events.filter(({ kind }) => kind !== "set");
  expect(messages.map(({ kind }) => kind)).toEqual(EXCHANGE);
  const [call, arrival, reply, answer] = messages;
  expect(call).toMatchObject({ channel: "grpc", streamed: streamed.request, failed: false });
  expect((arrival as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: call?.seq });
  expect(reply).toMatchObject({ channel: "grpc", streamed: streamed.reply, failed: false });
  expect((answer as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: reply?.seq });
  const times = events.map(({ t }) => t);
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
}

describe("a gRPC call", () => {
  it("of the unary kind is stamped, merged before the handler, and answered", async () => {
    hooked = hookUp();
    let seenByHandler: readonly string[] = [];
    const { target } = await shop({
      buy: ((call, done) => {
        seenByHandler = kinds();
        hooked.recorder.change();
        echo(call, done);
      }) as Unary,
    });
    const { value, metadata } = await buy(client(target), { apples: 3 });
    expect(value).toEqual({ apples: 3 });
    expect(seenByHandler).toEqual(["send", "receive"]);
    expect(kinds()).toEqual(["send", "receive", "set", "send", "receive"]);
    expectOneExchange({ request: false, reply: false });
    expect(hooked.recorder.sends[0]?.peer).toBe(target);
    expect(parseCarrier(String(metadata?.get(CARRIER_HEADER)[0]))?.seq).toBe(4);
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
  });

  it("whose reply is a stream says so of the reply", async () => {
    hooked = hookUp();
    const { target } = await shop({
      list: ((call) => {
        for (let i = 0; i < 3; i += 1) call.write(i);
        call.end();
      }) as grpc.handleServerStreamingCall<unknown, unknown>,
    });
    const { path, requestSerialize, responseDeserialize } = SHOP.list;
    const values: unknown[] = [];
    const call = client(target).makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      1,
    );
    for await (const value of call) values.push(value);
    expect(values).toEqual([0, 1, 2]);
    expectOneExchange({ request: false, reply: true });
  });

  it("whose request is a stream says so of the request", async () => {
    hooked = hookUp();
    const { target } = await shop({
      fill: ((call, done) => {
        let sum = 0;
        call.on("data", (value: number) => {
          sum += value;
        });
        call.on("end", () => done(null, sum));
      }) as grpc.handleClientStreamingCall<number, unknown>,
    });
    const { path, requestSerialize, responseDeserialize } = SHOP.fill;
    const sum = await new Promise((resolve, reject) => {
      const call = client(target).makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        (error, value) => (error === null ? resolve(value) : reject(error)),
      );
      for (const value of [1, 2, 4]) call.write(value);
      call.end();
    });
    expect(sum).toBe(7);
    expectOneExchange({ request: true, reply: false });
  });

  it("of the bidirectional kind says so of both", async () => {
    hooked = hookUp();
    const { target } = await shop({
      chat: ((call) => {
        call.on("data", (value) => call.write(value));
        call.on("end", () => call.end());
      }) as grpc.handleBidiStreamingCall<unknown, unknown>,
    });
    const { path, requestSerialize, responseDeserialize } = SHOP.chat;
    const call = client(target).makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    call.write("a");
    call.write("b");
    call.end();
    const values: unknown[] = [];
    for await (const value of call) values.push(value);
    expect(values).toEqual(["a", "b"]);
    expectOneExchange({ request: true, reply: true });
  });

  it("that the handler refuses carries the stamp back in the trailers", async () => {
    hooked = hookUp();
    const { target } = await shop({
      buy: ((_call, done) => done({ code: grpc.status.NOT_FOUND, details: "no apples" })) as Unary,
    });
    const { error } = await buy(client(target), 1);
    expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: "no apples" });
    expectOneExchange({ request: false, reply: false });
  });

  it("whose handler sends its metadata early says that the message is not covered", async () => {
    hooked = hookUp();
    const early = new grpc.Metadata();
    early.set("mood", "good");
    const { target } = await shop({
      buy: ((call, done) => {
        call.sendMetadata(early);
        setImmediate(() => done(null, 1));
      }) as Unary,
    });
    const { metadata } = await buy(client(target), 1);
    expect(metadata?.get("mood")).toEqual(["good"]);
    expect(early.getMap()).toEqual({ mood: "good" });
    expectOneExchange({ request: false, reply: true });
  });

  it("merges the reply before interceptors of the client see it", async () => {
    hooked = hookUp();
    const { target } = await shop();
    let seen: readonly string[] = [];
    const interceptor: grpc.Interceptor = (options, next) =>
      new grpc.InterceptingCall(next(options), {
        start: (metadata, _listener, go) =>
          go(metadata, {
            onReceiveMetadata: (received, forward) => {
              seen = kinds();
              forward(received);
            },
          }),
      });
    await buy(client(target, { interceptors: [interceptor] }), 1);
    expect(seen).toEqual(EXCHANGE);
  });

  it("merges the request before interceptors of the server run", async () => {
    hooked = hookUp();
    let seen: readonly string[] = [];
    const interceptor: grpc.ServerInterceptor = (_method, call) => {
      seen = kinds();
      return new grpc.ServerInterceptingCall(call);
    };
    const { target } = await shop({ buy: echo }, { interceptors: [interceptor] });
    await buy(client(target), 1);
    expect(seen).toEqual(["send", "receive"]);
  });
});

describe("metadata of the caller", () => {
  it("is never altered, and a foreign stamp in it is replaced", async () => {
    hooked = hookUp();
    let arrived: grpc.Metadata | undefined;
    const { target } = await shop({
      buy: ((call, done) => {
        arrived = call.metadata;
        done(null, 1);
      }) as Unary,
    });
    const metadata = new grpc.Metadata();
    metadata.add(CARRIER_HEADER, foreign);
    metadata.add(CARRIER_HEADER, foreign);
    metadata.set("kind", "fruit");
    await buy(client(target), 1, metadata);
    expect(metadata.get(CARRIER_HEADER)).toEqual([foreign, foreign]);
    expect(arrived?.get("kind")).toEqual(["fruit"]);
    expect(arrived?.get(CARRIER_HEADER)).toHaveLength(1);
    expect(parseCarrier(String(arrived?.get(CARRIER_HEADER)[0]))?.node).toBe("n1");
    expectOneExchange({ request: false, reply: false });
  });

  it("that a server forwards is stamped anew, both ways", async () => {
    hooked = hookUp();
    const back = await shop();
    const backClient = client(back.target);
    const front = await shop({
      buy: ((call, done) => {
        const forwarded = backClient.makeUnaryRequest(
          SHOP.buy.path,
          SHOP.buy.requestSerialize,
          SHOP.buy.responseDeserialize,
          call.request,
          call.metadata,
          (error, value) => done(error, value),
        );
        forwarded.on("metadata", (received) => call.sendMetadata(received));
      }) as Unary,
    });
    const { value } = await buy(client(front.target), "x");
    expect(value).toBe("x");
    const { receives, sends } = hooked.recorder;
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
    expect(sends).toHaveLength(4);
  });

  it("with a stale stamp of ours gets a new one that says what it replaces", async () => {
    hooked = hookUp();
    const { target } = await shop();
    const stamp = hooked.recorder.send("manual", null, false, null);
    hooked.recorder.change();
    const metadata = new grpc.Metadata();
    metadata.set(CARRIER_HEADER, formatCarrier(stamp as never));
    await buy(client(target), 1, metadata);
    expect(hooked.recorder.sends[1]).toMatchObject({ channel: "grpc", replaces: stamp?.seq });
  });
});

describe("a call that fails", () => {
  it("before there is a connection left nothing behind, since nothing was written", async () => {
    hooked = hookUp();
    const { target, server } = await shop();
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    const { error } = await buy(client(target), 1);
    expect(error?.code).toBe(grpc.status.UNAVAILABLE);
    expect(kinds()).toEqual([]);
  });

  it("because the server refused the stream is a failed send, and its retry a send of its own", async () => {
    hooked = hookUp();
    const refusing = http2.createServer();
    let streamCount = 0;
    refusing.on("stream", (stream) => {
      stream.on("error", () => undefined); // that it was refused
      streamCount += 1;
      if (streamCount === 1) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else {
        stream.respond(
          { ":status": 200, "content-type": "application/grpc", "grpc-status": "5" },
          { endStream: true },
        );
      }
    });
    await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
    try {
      const port = (refusing.address() as AddressInfo).port;
      const { error } = await buy(client(`127.0.0.1:${port}`), 1);
      expect(error?.code).toBe(grpc.status.NOT_FOUND);
      expect(streamCount).toBe(2);
      const [first, failed, second, ...more] = hooked.recorder.sends;
      expect(first).toMatchObject({ failed: false, replaces: null });
      expect(failed).toMatchObject({ failed: true, replaces: first?.seq });
      expect(second).toMatchObject({ failed: false, replaces: null });
      expect(more).toEqual([]);
    } finally {
      for (const each of clients.splice(0)) each.close();
      await new Promise<void>((resolve) => refusing.close(() => resolve()));
    }
  });

  it("and is retried by policy is one message per attempt, each with its own stamp", async () => {
    hooked = hookUp();
    let attempts = 0;
    const { target } = await shop({
      buy: ((call, done) => {
        attempts += 1;
        if (attempts < 3) done({ code: grpc.status.UNAVAILABLE, details: "busy" });
        else done(null, call.request);
      }) as Unary,
    });
    const policy = {
      methodConfig: [
        {
          name: [{ service: "shop.Shop" }],
          retryPolicy: {
            maxAttempts: 4,
            initialBackoff: "0.01s",
            maxBackoff: "0.01s",
            backoffMultiplier: 1,
            retryableStatusCodes: ["UNAVAILABLE"],
          },
        },
      ],
    };
    const options = { "grpc.service_config": JSON.stringify(policy) };
    const { value } = await buy(client(target, options), "x");
    expect(value).toBe("x");
    const { receives, sends } = hooked.recorder;
    expect(sends).toHaveLength(6);
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
  });

  it("by its deadline may have arrived, so the send stands", async () => {
    hooked = hookUp();
    const { target } = await shop({ buy: (() => undefined) as Unary });
    const { error } = await buy(client(target), 1, new grpc.Metadata(), {
      deadline: Date.now() + 50,
    });
    expect(error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await turn();
    const { sends } = hooked.recorder;
    expect(sends.filter(({ failed }) => failed)).toEqual([]);
    expect(kinds().slice(0, 2)).toEqual(["send", "receive"]);
  });
});

describe("strangers", () => {
  it("do not see the header, not even a copied one, and are counted", async () => {
    hooked = hookUp();
    const seen: (string | string[] | undefined)[] = [];
    const stranger = http2.createServer();
    stranger.on("stream", (stream, headers) => {
      seen.push(headers[CARRIER_HEADER]);
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "5" },
        { endStream: true },
      );
    });
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    // A resolver that finds the stranger's name without DNS.
    const port = (stranger.address() as AddressInfo).port;
    const subchannel = { channelTarget: { scheme: "dns", path: `shop.example.com:${port}` } };
    const { Subchannel } = (await import("@grpc/grpc-js/build/src/subchannel.js" as string)) as {
      Subchannel: { prototype: { createCall(...args: unknown[]): unknown } };
    };
    const { createCall } = Subchannel.prototype;
    Subchannel.prototype.createCall = function (...args) {
      return createCall.apply(Object.assign(this, subchannel), args);
    };
    try {
      const metadata = new grpc.Metadata();
      metadata.set(CARRIER_HEADER, foreign);
      await buy(client(`127.0.0.1:${port}`), 1, metadata);
      await buy(client(`127.0.0.1:${port}`), 1);
    } finally {
      Subchannel.prototype.createCall = createCall;
      for (const each of clients.splice(0)) each.close();
      await new Promise<void>((resolve) => stranger.close(() => resolve()));
    }
    expect(seen).toEqual([undefined, undefined]);
    expect(kinds()).toEqual([]);
    expect(hooked.recorder.unstampedCounts.get(`out shop.example.com:${port}`)).toBe(2);
  });

  const echoMetadata: Unary = (call, done) => {
    call.sendMetadata(call.metadata);
    done(null, 1);
  };

  it("are not believed as callers, and get no stamp back", async () => {
    hooked = hookUp({ hooks: ["grpc"] });
    const { target } = await shop({ buy: echoMetadata });
    const { reply, restore } = await onServer("203.0.113.9", () => buy(client(target), 1));
    restore();
    expect(reply.metadata?.get(CARRIER_HEADER)).toEqual([]);
    expect(kinds()).toEqual(["send"]);
    expect(hooked.recorder.unstampedCounts.get("in 203.0.113.9")).toBe(1);
  });

  it("that are listed are strangers no more", async () => {
    hooked = hookUp({ hooks: ["grpc"], acceptFrom: ["203.0.113.0/24"] });
    const { target } = await shop({ buy: echoMetadata });
    const { restore } = await onServer("203.0.113.9", () => buy(client(target), 1));
    restore();
    expectOneExchange({ request: false, reply: true });
    expect(hooked.recorder.receives[0]?.peer).toContain("203.0.113.9:");
  });
});

it("a Unix socket is local", async () => {
  hooked = hookUp();
  const folder = mkdtempSync(join(tmpdir(), "retroscope-grpc-"));
  try {
    const address = `unix:${join(folder, "s")}`;
    await shop({ buy: echo }, { address });
    const { value } = await buy(client(address), "x");
    expect(value).toBe("x");
    expectOneExchange({ request: false, reply: false });
    expect(hooked.recorder.sends[0]?.peer).toBe(address);
    expect(hooked.recorder.receives[0]?.peer).toBe("local");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("a server without the hook is counted as unstamped", async () => {
  hooked = hookUp();
  const plain = http2.createServer();
  plain.on("stream", (stream) => {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "5" }));
    stream.end();
  });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  const target = `127.0.0.1:${(plain.address() as AddressInfo).port}`;
  await buy(client(target), 1);
  for (const each of clients.splice(0)) each.close();
  await new Promise<void>((resolve) => plain.close(() => resolve()));
  expect(kinds()).toEqual(["send"]);
  expect(hooked.recorder.unstampedCounts).toEqual(new Map([[`in ${target}`, 1]]));
});

it("after close calls go as if the hook had never been", async () => {
  hooked = hookUp();
  const { target } = await shop();
  const plain = client(target);
  await buy(plain, 1);
  const before = kinds().length;
  expect(before).toBe(4);
  hooked.hooks.close();
  const { metadata } = await buy(plain, 1);
  expect(metadata?.get(CARRIER_HEADER)).toEqual([]);
  expect(kinds()).toHaveLength(before);
});

it("five own errors turn the hook off, and no call is hurt", async () => {
  const reports: string[] = [];
  hooked = hookUp({ onReport: (hook, state) => reports.push(`${hook} ${state}`) });
  const { target } = await shop();
  const each = client(target);
  hooked.recorder.send = () => {
    throw new Error("planted");
  };
  for (let i = 1; i < 7; i += 1) expect((await buy(each, i)).value).toBe(i);
  expect(reports).toEqual(["grpc off"]);
  expect(hooked.hooks.states().grpc).toBe("off");
});

it("is given by hand file by file; the door adds nothing where the watch came first", async () => {
  hooked = hookUp({ hooks: ["grpc"] });
  const files = ["client-interceptors", "subchannel", "server-interceptors"];
  const load = createRequire(import.meta.url);
  const parts = files.map((file) => load(`@grpc/grpc-js/build/src/${file}`) as object);
  const { prototype } = (parts[1] as { Subchannel: { prototype: { createCall: unknown } } })
    .Subchannel;
  const patched = prototype.createCall;
  for (const part of [...parts, grpc]) expect(hooked.hooks.instrument("grpc", part)).toBe(true);
  expect(prototype.createCall).toBe(patched);
  const { target } = await shop();
  await buy(client(target), 1);
  expectOneExchange({ request: false, reply: false });
  expect(hooked.hooks.instrument("grpc", { Client: class {} })).toBe(false);
  expect(hooked.hooks.states().grpc).toBe("degraded");
  await buy(client(target), 1); // what stands goes on
  expect(hooked.recorder.sends).toHaveLength(4);
});
