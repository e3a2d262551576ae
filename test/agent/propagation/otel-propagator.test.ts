import { channel } from "node:diagnostics_channel";
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type TextMapGetter,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { AlwaysOffSampler, BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { CARRIER_HEADER, formatCarrier, parseCarrier } from "../../../agent/propagation/carrier.ts";
import {
  RetroscopePropagator,
  withRetroscope,
} from "../../../agent/propagation/otel-propagator.ts";
import type { Stamp } from "../../../agent/propagation/recorder.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

type Headers = Record<string, unknown>;

const tracer = new BasicTracerProvider().getTracer("test");
const propagator = new RetroscopePropagator();
const w3c = (): TextMapPropagator =>
  new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
/** A stamp of another process, a little ahead of the clock of `hookUp`. */
const theirs: Stamp = { node: "n2", epoch: 3, seq: 9, t: 5_000_000 as Stamp["t"] };
const theirHeader = formatCarrier(theirs);

let hooked: HookedProcess;
afterEach(async () => {
  propagation.disable();
  await hooked.close();
});

/** The context of a call, as an instrumentation has it when it injects. */
function callTo(attributes: Record<string, string | number>, kind = SpanKind.CLIENT): Context {
  return trace.setSpan(ROOT_CONTEXT, tracer.startSpan("call", { kind, attributes }));
}

function injected(
  context: Context,
  carrier: Headers = {},
  by: TextMapPropagator<unknown> = propagator,
) {
  by.inject(context, carrier, defaultTextMapSetter);
  return carrier;
}

describe("a message that OpenTelemetry sends", () => {
  it("is recorded as a send, and carries its stamp", () => {
    hooked = hookUp();
    const carrier = injected(callTo({ "server.address": "127.0.0.1", "server.port": 5672 }));
    const stamp = parseCarrier(String(carrier[CARRIER_HEADER]));
    expect(hooked.recorder.sends).toMatchObject([
      { seq: stamp?.seq, t: stamp?.t, channel: "otel", peer: "127.0.0.1:5672", replaces: null },
    ]);
    expect(stamp).toMatchObject({ node: "n1", epoch: 7 });
    expect(hooked.hooks.states().otel).toBe("active");
  });

  const allowed: readonly (readonly [
    why: string,
    attributes: Record<string, string>,
    peer: string,
  ])[] = [
    ["by its new name", { "server.address": "cart" }, "cart"],
    ["by its old name", { "net.peer.name": "cart.internal" }, "cart.internal"],
    ["by address", { "net.peer.ip": "10.1.2.3" }, "10.1.2.3"],
    ["by URL", { "url.full": "amqp://queue:5672/x" }, "queue:5672"],
    ["as the host lists it", { "server.address": "mq.example.com" }, "mq.example.com"],
  ];
  it.each(allowed)("knows its receiver %s", (_why, attributes, peer) => {
    hooked = hookUp({ propagateTo: ["*.example.com"] });
    expect(injected(callTo(attributes, SpanKind.PRODUCER))).toHaveProperty(CARRIER_HEADER);
    expect(hooked.recorder.sends[0]?.peer).toBe(peer);
  });

  const strangers: readonly (readonly [why: string, attributes: Record<string, string>])[] = [
    ["a third party", { "server.address": "pubsub.googleapis.com" }],
    ["the metadata of the cloud", { "server.address": "169.254.169.254" }],
    ["a third party by URL", { "http.url": "https://sqs.eu-west-1.amazonaws.com/q" }],
  ];
  it.each(strangers)(
    "shows nothing to %s, not even a stamp that the host copied",
    (_why, attributes) => {
      hooked = hookUp({ hooks: ["otel"] });
      const carrier = injected(callTo(attributes), { [CARRIER_HEADER]: theirHeader, a: "b" });
      expect(carrier).toEqual({ a: "b" });
      expect(hooked.recorder.events).toEqual([]);
      expect([...hooked.recorder.unstampedCounts.values()]).toEqual([1]);
    },
  );

  it("goes without a stamp if nobody knows its receiver", () => {
    hooked = hookUp();
    const sampledOut = new BasicTracerProvider({ sampler: new AlwaysOffSampler() })
      .getTracer("test")
      .startSpan("call", { kind: SpanKind.CLIENT, attributes: { "server.address": "cart" } });
    const contexts = [
      ROOT_CONTEXT,
      trace.setSpan(ROOT_CONTEXT, sampledOut),
      callTo({ "messaging.system": "nats" }),
      callTo({ "server.address": "127.0.0.1" }, SpanKind.SERVER), // that is us
    ];
    for (const context of contexts) expect(injected(context)).toEqual({});
    expect(hooked.recorder.events).toEqual([]);
  });

  it("gets one all the same if the host says so, or everybody may see it", async () => {
    hooked = hookUp();
    const trusting = new RetroscopePropagator({ unknownPeers: "stamp" });
    expect(injected(ROOT_CONTEXT, {}, trusting)).toHaveProperty(CARRIER_HEADER);
    await hooked.close();
    hooked = hookUp({ propagateTo: ["*"] });
    expect(injected(ROOT_CONTEXT)).toHaveProperty(CARRIER_HEADER);
  });

  it("is left to the hooks if it goes over HTTP, where they stand", async () => {
    const call = callTo({ "http.request.method": "GET", "server.address": "127.0.0.1" });
    hooked = hookUp();
    expect(injected(call)).toEqual({});
    await hooked.close();
    hooked = hookUp({ hooks: ["otel", "http-client"] });
    expect(injected(call)).toHaveProperty(CARRIER_HEADER);
  });

  it("keeps a fresh stamp, and replaces one that is stale or copied from elsewhere", () => {
    hooked = hookUp();
    const call = callTo({ "server.address": "cart" });
    const carrier = injected(call);
    const first = carrier[CARRIER_HEADER];
    expect(injected(call, carrier)[CARRIER_HEADER]).toBe(first);
    expect(hooked.recorder.sends).toHaveLength(1);
    hooked.recorder.change();
    injected(call, carrier);
    expect(hooked.recorder.sends[1]?.replaces).toBe(1);
    injected(call, { [CARRIER_HEADER]: theirHeader });
    expect(hooked.recorder.sends[2]?.replaces).toBe(null);
  });

  it("is recorded as not gone out if the carrier does not take the stamp", () => {
    hooked = hookUp();
    propagator.inject(callTo({ "server.address": "cart" }), Object.freeze({}), {
      set: () => {
        throw new Error("no room");
      },
    });
    expect(hooked.recorder.sends).toMatchObject([{ failed: false }, { failed: true, replaces: 1 }]);
  });
});

describe("a message that OpenTelemetry receives", () => {
  it("is merged and recorded, and the context stays as it was", () => {
    hooked = hookUp();
    const context = propagator.extract(
      ROOT_CONTEXT,
      { [CARRIER_HEADER]: theirHeader },
      defaultTextMapGetter,
    );
    expect(context).toBe(ROOT_CONTEXT);
    const [receive] = hooked.recorder.receives;
    expect(receive).toMatchObject({ from: { node: "n2", epoch: 3, seq: 9 }, channel: "otel" });
    expect(receive?.t).toBeGreaterThan(theirs.t);
  });

  it("may have its stamp as bytes, or several times", () => {
    hooked = hookUp();
    for (const value of [Buffer.from(theirHeader), [theirHeader, "nonsense"]]) {
      const getter: TextMapGetter<unknown> = {
        get: () => value as unknown as string,
        keys: () => [],
      };
      propagator.extract(ROOT_CONTEXT, null, getter);
    }
    expect(hooked.recorder.receives).toHaveLength(2);
    expect(hooked.recorder.malformedCounts.get("otel")).toBe(1);
  });

  it("without a stamp is counted, unless a server's hook did so before", () => {
    hooked = hookUp();
    propagator.extract(ROOT_CONTEXT, { host: "cart:80" }, defaultTextMapGetter);
    expect(hooked.recorder.unstampedCounts.size).toBe(0);
    propagator.extract(ROOT_CONTEXT, {}, defaultTextMapGetter);
    expect(hooked.recorder.unstampedCounts.get("in otel")).toBe(1);
  });

  const spellings: readonly (readonly [string, readonly string[], string])[] = [
    ["once", [theirHeader], theirHeader],
    ["twice, as Node joins it", [theirHeader, "x"], `${theirHeader}, x`],
    ["after nonsense", [`x,${theirHeader}`], `x,${theirHeader}`],
  ];
  it.each(spellings)("is not believed where the server's hook did not: %s", (_why, raw, joined) => {
    hooked = hookUp();
    channel("http.server.request.start").publish({
      request: { rawHeaders: raw.flatMap((value) => [CARRIER_HEADER, value]) },
      response: {},
      socket: { remoteAddress: "203.0.113.7", remotePort: 4 },
      server: { address: () => ({}) },
    });
    propagator.extract(ROOT_CONTEXT, { [CARRIER_HEADER]: joined }, defaultTextMapGetter);
    expect(hooked.recorder.receives).toEqual([]);
    expect(hooked.recorder.last).toBeLessThan(theirs.t);
  });
});

describe("withRetroscope", () => {
  it("adds the clock to trace context and baggage", () => {
    hooked = hookUp();
    const both = withRetroscope(w3c());
    expect(both.fields()).toEqual(["traceparent", "tracestate", "baggage", CARRIER_HEADER]);
    const baggage = propagation.createBaggage({ user: { value: "alice" } });
    const call = propagation.setBaggage(callTo({ "server.address": "cart" }), baggage);
    const carrier = injected(call, {}, both as TextMapPropagator<unknown>);
    expect(Object.keys(carrier).sort()).toEqual(["baggage", CARRIER_HEADER, "traceparent"]);

    carrier[CARRIER_HEADER] = theirHeader;
    const received = both.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
    const sent = (trace.getSpan(call) as Span).spanContext();
    expect(trace.getSpanContext(received)?.traceId).toBe(sent.traceId);
    expect(propagation.getBaggage(received)?.getEntry("user")?.value).toBe("alice");
    expect(hooked.recorder.receives).toHaveLength(1);
  });

  it("stands once however often it is called", () => {
    hooked = hookUp();
    const both = withRetroscope(w3c());
    expect(withRetroscope(both)).toBe(both);
    const composite = new CompositePropagator({ propagators: [w3c(), new RetroscopePropagator()] });
    expect(withRetroscope(composite)).toBe(composite);
  });

  it("leaves the host's propagator its own errors", () => {
    hooked = hookUp();
    const failing = withRetroscope({
      inject: () => {
        throw new Error("theirs");
      },
      extract: (context) => context,
      fields: () => ["x"],
    });
    expect(() => injected(callTo({ "server.address": "cart" }), {}, failing as never)).toThrow(
      "theirs",
    );
    expect(hooked.recorder.sends).toEqual([]);
  });

  it("says at once if there is nothing to stand beside", () => {
    hooked = hookUp();
    for (const nothing of [undefined, null, {}]) {
      expect(() => withRetroscope(nothing as never)).toThrow(/there is no propagator/);
    }
    expect(() => new RetroscopePropagator({ unknownPeers: "yes" as never })).toThrow(
      /unknownPeers/,
    );
  });
});

it("does nothing without an agent, or one that leaves OpenTelemetry alone", async () => {
  hooked = hookUp({ hooks: ["http-client"] });
  const call = callTo({ "server.address": "cart" });
  expect(injected(call)).toEqual({});
  propagator.extract(ROOT_CONTEXT, { [CARRIER_HEADER]: theirHeader }, defaultTextMapGetter);
  expect(hooked.recorder.events).toEqual([]);
  await hooked.close();
  expect(injected(call)).toEqual({});
  hooked = hookUp();
  hooked.recorder.isOn = false;
  expect(injected(call)).toEqual({});
});

describe("whatever carriers, getters and spans do", () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("get");
      },
      ownKeys: () => {
        throw new Error("ownKeys");
      },
      getOwnPropertyDescriptor: () => {
        throw new Error("descriptor");
      },
    },
  );
  const carriers = fc.oneof(
    fc.constantFrom<unknown>(null, undefined, hostile, Object.freeze({}), new Map(), new Headers()),
    fc.anything({ withMap: true, withNullPrototype: true, withSparseArray: true }),
    fc.dictionary(fc.constantFrom("host", CARRIER_HEADER, "RETROSCOPE-HLC"), fc.anything()),
    fc.record({ [CARRIER_HEADER]: fc.string() }),
  );
  const values = fc.oneof(
    fc.anything(),
    fc.string({ maxLength: 500 }),
    fc.uint8Array(),
    fc.array(fc.oneof(fc.anything(), fc.constant(theirHeader)), { maxLength: 20 }),
  );
  const attributes = fc.oneof(
    fc.anything(),
    fc.dictionary(
      fc.constantFrom("server.address", "server.port", "url.full", "http.method", "net.peer.ip"),
      fc.oneof(fc.anything(), fc.constantFrom("127.0.0.1", "cart", "http://cart/", "::1", "[")),
    ),
  );

  it("nothing is thrown, and nothing is written that names no event", () => {
    hooked = hookUp({ hooks: ["otel"] });
    fc.assert(
      fc.property(carriers, values, attributes, fc.boolean(), (carrier, value, found, throws) => {
        const getter: TextMapGetter<unknown> = {
          get: (): string => {
            if (throws) throw new Error("getter");
            return value as string;
          },
          keys: () => [],
        };
        expect(propagator.extract(ROOT_CONTEXT, carrier, getter)).toBe(ROOT_CONTEXT);
        const span = { kind: SpanKind.CLIENT, attributes: found } as unknown as Span;
        let written: string | undefined;
        propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, {
          set: (_carrier, _name, text) => {
            written = text;
            if (throws) throw new Error("setter");
          },
        });
        if (written === undefined) return;
        const stamp = parseCarrier(written);
        const event = hooked.recorder.sends.find(({ seq }) => seq === stamp?.seq);
        expect(event?.t).toBe(stamp?.t);
      }),
      { numRuns: 2_000 },
    );
    expect(hooked.hooks.states().otel).toBe("active");
  });
});
