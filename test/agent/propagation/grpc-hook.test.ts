/** gRPC with strangers; and the hook itself: closing, giving up, given by hand. */
import { mkdtempSync, rmSync } from "node:fs";
import http2 from "node:http2";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { CARRIER_HEADER } from "../../../agent/propagation/carrier.ts";
import { echo, expectOneExchange, grpcScene, type Unary } from "../../support/grpc-calls.ts";
import { buy } from "../../support/grpc-exchange.ts";
import { onServer } from "../../support/grpc-stranger.ts";
import { foreign } from "../../support/http-exchange.ts";

const { exchange, hookUp, kinds } = grpcScene();

describe("strangers", () => {
  it("do not see the header, not even a copied one, and are counted", async () => {
    const hooked = hookUp();
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
      await buy(exchange.client(`127.0.0.1:${port}`), 1, metadata);
      await buy(exchange.client(`127.0.0.1:${port}`), 1);
    } finally {
      Subchannel.prototype.createCall = createCall;
      for (const each of exchange.clients.splice(0)) each.close();
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
    const hooked = hookUp({ hooks: ["grpc"] });
    const { target } = await exchange.shop({ buy: echoMetadata });
    const { reply, restore } = await onServer("203.0.113.9", () => buy(exchange.client(target), 1));
    restore();
    expect(reply.metadata?.get(CARRIER_HEADER)).toEqual([]);
    expect(kinds()).toEqual(["send"]);
    expect(hooked.recorder.unstampedCounts.get("in 203.0.113.9")).toBe(1);
  });

  it("that are listed are strangers no more", async () => {
    const hooked = hookUp({ hooks: ["grpc"], acceptFrom: ["203.0.113.0/24"] });
    const { target } = await exchange.shop({ buy: echoMetadata });
    const { restore } = await onServer("203.0.113.9", () => buy(exchange.client(target), 1));
    restore();
    expectOneExchange(hooked, { request: false, reply: true });
    expect(hooked.recorder.receives[0]?.peer).toContain("203.0.113.9:");
  });
});

it("a Unix socket is local", async () => {
  const hooked = hookUp();
  const folder = mkdtempSync(join(tmpdir(), "retroscope-grpc-"));
  try {
    const address = `unix:${join(folder, "s")}`;
    await exchange.shop({ buy: echo }, { address });
    const { value } = await buy(exchange.client(address), "x");
    expect(value).toBe("x");
    expectOneExchange(hooked, { request: false, reply: false });
    expect(hooked.recorder.sends[0]?.peer).toBe(address);
    expect(hooked.recorder.receives[0]?.peer).toBe("local");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("a server without the hook is counted as unstamped", async () => {
  const hooked = hookUp();
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
  await buy(exchange.client(target), 1);
  for (const each of exchange.clients.splice(0)) each.close();
  await new Promise<void>((resolve) => plain.close(() => resolve()));
  expect(kinds()).toEqual(["send"]);
  expect(hooked.recorder.unstampedCounts).toEqual(new Map([[`in ${target}`, 1]]));
});

it("after close calls go as if the hook had never been", async () => {
  const hooked = hookUp();
  const { target } = await exchange.shop();
  const plain = exchange.client(target);
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
  const hooked = hookUp({ onReport: (hook, state) => reports.push(`${hook} ${state}`) });
  const { target } = await exchange.shop();
  const each = exchange.client(target);
  hooked.recorder.send = () => {
    throw new Error("planted");
  };
  for (let i = 1; i < 7; i += 1) expect((await buy(each, i)).value).toBe(i);
  expect(reports).toEqual(["grpc off"]);
  expect(hooked.hooks.states().grpc).toBe("off");
});

it("is given by hand file by file; the door adds nothing where the watch came first", async () => {
  const hooked = hookUp({ hooks: ["grpc"] });
  const files = ["client-interceptors", "subchannel", "server-interceptors"];
  const load = createRequire(import.meta.url);
  const parts = files.map((file) => load(`@grpc/grpc-js/build/src/${file}`) as object);
  const { prototype } = (parts[1] as { Subchannel: { prototype: { createCall: unknown } } })
    .Subchannel;
  const patched = prototype.createCall;
  for (const part of [...parts, grpc]) expect(hooked.hooks.instrument("grpc", part)).toBe(true);
  expect(prototype.createCall).toBe(patched);
  const { target } = await exchange.shop();
  await buy(exchange.client(target), 1);
  expectOneExchange(hooked, { request: false, reply: false });
  expect(hooked.hooks.instrument("grpc", { Client: class {} })).toBe(false);
  expect(hooked.hooks.states().grpc).toBe("degraded");
  await buy(exchange.client(target), 1); // what stands goes on
  expect(hooked.recorder.sends).toHaveLength(4);
});
