/** gRPC calls that fail: what was sent all the same, and what never left. */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { grpcScene, type Unary } from "../../support/grpc-calls.ts";
import { buy } from "../../support/grpc-exchange.ts";

const { exchange, hookUp, kinds } = grpcScene();

describe("a call that fails", () => {
  it("before there is a connection left nothing behind, since nothing was written", async () => {
    hookUp();
    const { target, server } = await exchange.shop();
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    const { error } = await buy(exchange.client(target), 1);
    expect(error?.code).toBe(grpc.status.UNAVAILABLE);
    expect(kinds()).toEqual([]);
  });

  it("because the server refused the stream is a failed send, and its retry a send of its own", async () => {
    const hooked = hookUp();
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
      const { error } = await buy(exchange.client(`127.0.0.1:${port}`), 1);
      expect(error?.code).toBe(grpc.status.NOT_FOUND);
      expect(streamCount).toBe(2);
      const [first, failed, second, ...more] = hooked.recorder.sends;
      expect(first).toMatchObject({ failed: false, replaces: null });
      expect(failed).toMatchObject({ failed: true, replaces: first?.seq });
      expect(second).toMatchObject({ failed: false, replaces: null });
      expect(more).toEqual([]);
    } finally {
      for (const each of exchange.clients.splice(0)) each.close();
      await new Promise<void>((resolve) => refusing.close(() => resolve()));
    }
  });

  it("and is retried by policy is one message per attempt, each with its own stamp", async () => {
    const hooked = hookUp();
    let attempts = 0;
    const { target } = await exchange.shop({
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
    const { value } = await buy(exchange.client(target, options), "x");
    expect(value).toBe("x");
    const { receives, sends } = hooked.recorder;
    expect(sends).toHaveLength(6);
    expect(receives.map(({ from }) => from?.seq)).toEqual(sends.map(({ seq }) => seq));
  });

  it("by its deadline may have arrived, so the send stands", async () => {
    const hooked = hookUp();
    const { target } = await exchange.shop({ buy: (() => undefined) as Unary });
    const { error } = await buy(exchange.client(target), 1, new grpc.Metadata(), {
      deadline: Date.now() + 50,
    });
    expect(error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await turn();
    const { sends } = hooked.recorder;
    expect(sends.filter(({ failed }) => failed)).toEqual([]);
    expect(kinds().slice(0, 2)).toEqual(["send", "receive"]);
  });
});
