/** gRPC calls of the four kinds, and their metadata: stamped both ways, never altered. */
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import {
  EXCHANGE,
  echo,
  expectOneExchange,
  grpcScene,
  type Unary,
} from "../../support/grpc-calls.ts";
import { buy, SHOP } from "../../support/grpc-exchange.ts";
import { foreign } from "../../support/http-exchange.ts";

const { exchange, hookUp, kinds } = grpcScene();

describe("a gRPC call", () => {
  it("of the unary kind is stamped, merged before the handler, and answered", async () => {
    const hooked = hookUp();
    let seenByHandler: readonly string[] = [];
    const { target } = await exchange.shop({
      buy: ((call, done) => {
        seenByHandler = kinds();
        hooked.recorder.change();
        echo(call, done);
      }) as Unary,
    });
    const { value, metadata } = await buy(exchange.client(target), { apples: 3 });
    expect(value).toEqual({ apples: 3 });
    expect(seenByHandler).toEqual(["send", "receive"]);
    expect(kinds()).toEqual(["send", "receive", "set", "send", "receive"]);
    expectOneExchange(hooked, { request: false, reply: false });
    expect(hooked.recorder.sends[0]?.peer).toBe(target);
    expect(parseCarrier(String(metadata?.get(CARRIER_HEADER)[0]))?.seq).toBe(4);
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
  });

  it("whose reply is a stream says so of the reply", async () => {
    const hooked = hookUp();
    const { target } = await exchange.shop({
      list: ((call) => {
        for (let i = 0; i < 3; i += 1) call.write(i);
        call.end();
      }) as grpc.handleServerStreamingCall<unknown, unknown>,
    });
    const { path, requestSerialize, responseDeserialize } = SHOP.list;
    const values: unknown[] = [];
    const call = exchange
      .client(target)
      .makeServerStreamRequest(path, requestSerialize, responseDeserialize, 1);
    for await (const value of call) values.push(value);
    expect(values).toEqual([0, 1, 2]);
    expectOneExchange(hooked, { request: false, reply: true });
  });

  it("whose request is a stream says so of the request", async () => {
    const hooked = hookUp();
    const { target } = await exchange.shop({
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
      const call = exchange
        .client(target)
        .makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error, value) =>
          error === null ? resolve(value) : reject(error),
        );
      for (const value of [1, 2, 4]) call.write(value);
      call.end();
    });
    expect(sum).toBe(7);
    expectOneExchange(hooked, { request: true, reply: false });
  });

  it("of the bidirectional kind says so of both", async () => {
    const hooked = hookUp();
    const { target } = await exchange.shop({
      chat: ((call) => {
        call.on("data", (value) => call.write(value));
        call.on("end", () => call.end());
      }) as grpc.handleBidiStreamingCall<unknown, unknown>,
    });
    const { path, requestSerialize, responseDeserialize } = SHOP.chat;
    const call = exchange
      .client(target)
      .makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    call.write("a");
    call.write("b");
    call.end();
    const values: unknown[] = [];
    for await (const value of call) values.push(value);
    expect(values).toEqual(["a", "b"]);
    expectOneExchange(hooked, { request: true, reply: true });
  });

  it("that the handler refuses carries the stamp back in the trailers", async () => {
    const hooked = hookUp();
    const { target } = await exchange.shop({
      buy: ((_call, done) => done({ code: grpc.status.NOT_FOUND, details: "no apples" })) as Unary,
    });
    const { error } = await buy(exchange.client(target), 1);
    expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: "no apples" });
    expectOneExchange(hooked, { request: false, reply: false });
  });

  it("whose handler sends its metadata early says that the message is not covered", async () => {
    const hooked = hookUp();
    const early = new grpc.Metadata();
    early.set("mood", "good");
    const { target } = await exchange.shop({
      buy: ((call, done) => {
        call.sendMetadata(early);
        setImmediate(() => done(null, 1));
      }) as Unary,
    });
    const { metadata } = await buy(exchange.client(target), 1);
    expect(metadata?.get("mood")).toEqual(["good"]);
    expect(early.getMap()).toEqual({ mood: "good" });
    expectOneExchange(hooked, { request: false, reply: true });
  });

  it("merges the reply before interceptors of the client see it", async () => {
    hookUp();
    const { target } = await exchange.shop();
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
    await buy(exchange.client(target, { interceptors: [interceptor] }), 1);
    expect(seen).toEqual(EXCHANGE);
  });

  it("merges the request before interceptors of the server run", async () => {
    hookUp();
    let seen: readonly string[] = [];
    const interceptor: grpc.ServerInterceptor = (_method, call) => {
      seen = kinds();
      return new grpc.ServerInterceptingCall(call);
    };
    const { target } = await exchange.shop({ buy: echo }, { interceptors: [interceptor] });
    await buy(exchange.client(target), 1);
    expect(seen).toEqual(["send", "receive"]);
  });
});

describe("metadata of the caller", () => {
  it("is never altered, and a foreign stamp in it is replaced", async () => {
    const hooked = hookUp();
    let arrived: grpc.Metadata | undefined;
    const { target } = await exchange.shop({
      buy: ((call, done) => {
        arrived = call.metadata;
        done(null, 1);
      }) as Unary,
    });
    const metadata = new grpc.Metadata();
    metadata.add(CARRIER_HEADER, foreign);
    metadata.add(CARRIER_HEADER, foreign);
    metadata.set("kind", "fruit");
    await buy(exchange.client(target), 1, metadata);
    expect(metadata.get(CARRIER_HEADER)).toEqual([foreign, foreign]);
    expect(arrived?.get("kind")).toEqual(["fruit"]);
    expect(arrived?.get(CARRIER_HEADER)).toHaveLength(1);
    expect(parseCarrier(String(arrived?.get(CARRIER_HEADER)[0]))?.node).toBe("n1");
    expectOneExchange(hooked, { request: false, reply: false });
  });

  it("that a server forwards is stamped anew, both ways", async () => {
    const hooked = hookUp();
    const back = await exchange.shop();
    const backClient = exchange.client(back.target);
    const front = await exchange.shop({
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
    const { value } = await buy(exchange.client(front.target), "x");
    expect(value).toBe("x");
    const { receives, sends } = hooked.recorder;
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
    expect(sends).toHaveLength(4);
  });

  it("with a stale stamp of ours gets a new one that says what it replaces", async () => {
    const hooked = hookUp();
    const { target } = await exchange.shop();
    const stamp = hooked.recorder.send("manual", null, false, null);
    hooked.recorder.change();
    const metadata = new grpc.Metadata();
    metadata.set(CARRIER_HEADER, formatCarrier(stamp as never));
    await buy(exchange.client(target), 1, metadata);
    expect(hooked.recorder.sends[1]).toMatchObject({ channel: "grpc", replaces: stamp?.seq });
  });
});
