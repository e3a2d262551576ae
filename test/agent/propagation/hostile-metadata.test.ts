/** Whatever stands in gRPC metadata, calls go as they would without hooks, and the clock stays honest. */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type * as grpc from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { AGENT_NODE_ID, formatHlc, type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { CARRIER_HEADER } from "../../../agent/propagation/carrier.ts";
import { buy, type ShopServer, serveShop, shopClient } from "../../support/grpc-exchange.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess;
afterEach(() => hooked.close());

/** hookUp's clock stands here. */
const PHYSICAL = 1_000 * TICKS_PER_MS;
const GATE_TICKS = 60_000 * TICKS_PER_MS;

const aText = fc
  .array(fc.integer({ min: 0x20, max: 0x7e }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes));
const aForgedStamp = fc
  .tuple(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.nat(), fc.integer({ min: 1 }))
  .map(
    ([t, epoch, seq]) =>
      `1-${formatHlc(t as Hlc)}-${epoch.toString(36)}.${seq.toString(36)}-forger`,
  );
const aNearMiss = fc
  .tuple(aForgedStamp, fc.nat(50), aText)
  .map(([text, at, insert]) => text.slice(0, at) + insert + text.slice(at + 1));
const aValue = fc.oneof(
  aText,
  aForgedStamp,
  aNearMiss,
  fc.array(aForgedStamp, { maxLength: 9 }).map((texts) => texts.join(", ")),
  fc.integer({ min: 0, max: 8_000 }).map((length) => "1".repeat(length)),
);
/** HTTP/2 takes a list for a header that comes several times. */
const values = fc.oneof(aValue, fc.array(aValue, { minLength: 1, maxLength: 4 }));

it("a server under forged and broken metadata answers as it would without hooks", async () => {
  hooked = hookUp({ hooks: ["grpc"] });
  const shop: ShopServer = await serveShop({
    buy: ((call, done) => done(null, call.request)) as grpc.handleUnaryCall<unknown, unknown>,
  });
  const session = http2.connect(`http://${shop.target}`);
  const asked: (string | string[])[] = [];
  const answers: string[] = [];
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      asked.push(value);
      answers.push(await ask(session, value));
    }),
    { numRuns: 300 },
  );
  expect(hooked.hooks.states().grpc).toBe("active");
  expect(new Set(answers)).toContain("200 0");
  const { receives, last, malformedCounts, events } = hooked.recorder;
  expect(receives.length).toBeGreaterThan(20);
  expect(malformedCounts.get("127.0.0.1")).toBeGreaterThan(20);
  expect(receives.some(({ unverified }) => unverified)).toBe(true);
  for (const { from } of receives) expect(from?.node).toMatch(AGENT_NODE_ID);
  expect(last).toBeLessThanOrEqual(PHYSICAL + GATE_TICKS + events.length);

  hooked.hooks.close();
  for (const [i, value] of asked.entries()) {
    expect(await ask(session, value), JSON.stringify(value)).toBe(answers[i]);
  }
  session.close();
  shop.server.forceShutdown();
}, 60_000);

it("a client under forged and broken replies sees what it would see without hooks", async () => {
  hooked = hookUp({ hooks: ["grpc"] });
  let reply: { readonly value: string | string[]; readonly isTrailersOnly: boolean };
  const server = http2.createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    const head = {
      ...{ ":status": 200, "content-type": "application/grpc" },
      [CARRIER_HEADER]: reply.value,
    };
    if (reply.isTrailersOnly) {
      stream.respond({ ...head, "grpc-status": "5" }, { endStream: true });
      return;
    }
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed("1"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = shopClient(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const seen: string[] = [];
  const replies: (typeof reply)[] = [];
  const call = async (): Promise<string> => {
    const { value, error } = await buy(client, 1);
    return `${JSON.stringify(value)} ${error?.code}`;
  };
  await fc.assert(
    fc.asyncProperty(values, fc.boolean(), async (value, isTrailersOnly) => {
      reply = { value, isTrailersOnly };
      replies.push(reply);
      seen.push(await call());
    }),
    { numRuns: 200 },
  );
  expect(new Set(seen)).toContain("1 undefined");
  expect(hooked.hooks.states().grpc).toBe("active");
  expect(hooked.recorder.receives.length).toBeGreaterThan(20);
  hooked.hooks.close();
  for (const [i, each] of replies.entries()) {
    reply = each;
    expect(await call(), JSON.stringify(each)).toBe(seen[i]);
  }
  client.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}, 60_000);

/** A length-prefixed gRPC message. */
function framed(json: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, Buffer.from(json)]);
}

/** One call over plain HTTP/2; the HTTP and the gRPC status of the answer. */
function ask(session: http2.ClientHttp2Session, value: string | string[]): Promise<string> {
  return new Promise((resolve) => {
    let stream: http2.ClientHttp2Stream;
    try {
      stream = session.request({
        ...{ ":method": "POST", ":path": "/shop.Shop/buy", te: "trailers" },
        "content-type": "application/grpc",
        [CARRIER_HEADER]: value,
      });
    } catch (error) {
      resolve((error as NodeJS.ErrnoException).code ?? "error"); // Node sends no such header
      return;
    }
    let status = "";
    stream.on("response", (head) => {
      status += `${head[":status"]}${head["grpc-status"] === undefined ? "" : ` ${head["grpc-status"]}`}`;
    });
    stream.on("trailers", (trailers) => {
      status += ` ${trailers["grpc-status"]}`;
    });
    stream.on("error", (error: NodeJS.ErrnoException) => {
      status += ` ${error.code}`;
    });
    stream.on("close", () => resolve(status));
    stream.resume();
    stream.end(framed("1"));
  });
}
