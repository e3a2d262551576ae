import { propagation, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HookState } from "../../../agent/kernel/index.ts";
import { withRetroscope } from "../../../agent/propagation/otel-propagator.ts";
import { registerPropagator } from "../../../agent/propagation/otel-register.ts";
import { type HookedProcess, hookUp } from "../../support/http-exchange.ts";

let hooked: HookedProcess | undefined;
let reports: { hook: string; state: HookState; reason: string }[] = [];

beforeEach(() => {
  reports = [];
});
afterEach(async () => {
  propagation.disable();
  trace.disable();
  delete (globalThis as Record<symbol, unknown>)[Symbol.for("retroscope.otel-registered")];
  await hooked?.close();
  hooked = undefined;
});

function start(): void {
  hooked = hookUp({ onReport: (hook, state, reason) => reports.push({ hook, state, reason }) });
}
const state = (): HookState | undefined => hooked?.hooks.states().otel;
const anotherSdk = (): boolean => propagation.setGlobalPropagator(new W3CTraceContextPropagator());

describe("the hook `otel`", () => {
  it("is absent where no SDK registered a propagator", () => {
    start();
    expect(state()).toBe("absent");
    expect(reports).toEqual([]);
  });

  const orders: readonly (readonly [string, readonly (() => unknown)[]])[] = [
    ["SDK first, then the agent", [anotherSdk, start]],
    ["agent first, then the SDK", [start, anotherSdk]],
  ];
  it.each(orders)("is shadowed by another's propagator, and says so once: %s", (_order, steps) => {
    for (const step of steps) step();
    for (let i = 0; i < 3; i += 1) expect(state()).toBe("shadowed");
    expect(reports).toMatchObject([{ hook: "otel", state: "shadowed" }]);
    expect(reports[0]?.reason).toContain("withRetroscope");
    expect(hooked?.hooks.reasons().otel).toBe(reports[0]?.reason);
  });

  const remedy = (): boolean =>
    propagation.setGlobalPropagator(withRetroscope(new W3CTraceContextPropagator()));
  it.each([
    ["SDK first, then the agent", [remedy, start]],
    ["agent first, then the SDK", [start, remedy]],
  ] as const)("is active with the remedy: %s", (_order, steps) => {
    for (const step of steps) step();
    expect(state()).toBe("active");
    expect(reports).toEqual([]);
  });

  it("comes out of the shadow when the SDK is set up anew", () => {
    anotherSdk();
    start();
    propagation.disable();
    expect(state()).toBe("absent");
    remedy();
    expect(state()).toBe("active");
  });
});

describe("registerPropagator", () => {
  it("takes the place that is free, and may be called again", () => {
    start();
    expect(registerPropagator()).toBe(true);
    expect(registerPropagator()).toBe(true);
    expect(state()).toBe("active");
  });

  it("changes nothing where another was first", () => {
    anotherSdk();
    start();
    expect(registerPropagator()).toBe(false);
    expect(propagation.fields()).toEqual(["traceparent", "tracestate"]);
    expect(state()).toBe("shadowed");
    expect(reports).toHaveLength(1);
  });

  it("before the agent starts is as good", () => {
    expect(registerPropagator()).toBe(true);
    start();
    expect(state()).toBe("active");
  });

  it("says what to do if an SDK comes later and finds the place taken", () => {
    start();
    registerPropagator();
    expect(anotherSdk()).toBe(false);
    trace.setGlobalTracerProvider(new BasicTracerProvider());
    expect(state()).toBe("degraded");
    expect(reports).toMatchObject([{ state: "degraded" }]);
    expect(reports[0]?.reason).toContain("withRetroscope");
  });
});
