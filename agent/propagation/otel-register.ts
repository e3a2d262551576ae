/**
 * Our propagator in OpenTelemetry's global place, for services that have instrumentations or call
 * `propagation.inject` themselves, but no SDK.
 *
 * There is one place, and who comes first has it. An SDK that finds it taken goes on without its own
 * propagator, and the service's traces break at this process. So nothing here is done by itself, and a
 * service with an SDK uses `withRetroscope` instead.
 */
import { propagation } from "@opentelemetry/api";
import { otelHook, rememberRegistration, standingOf } from "./otel-hook.ts";
import { type PropagatorOptions, RetroscopePropagator } from "./otel-propagator.ts";

/**
 * Registers our propagator alone. For services without an OpenTelemetry SDK: one that is set up later
 * finds the place taken.
 *
 * @returns whether ours stands now. false: another SDK was first; then nothing is changed, the agent says
 * once what to do, and its other hooks do their work
 * @throws RetroError `bad-config` for a malformed option
 *
 * @example
 * import { startAgent } from "retroscope";
 * import { registerPropagator } from "retroscope/otel";
 * startAgent({ service: "cart" });
 * registerPropagator();
 */
export function registerPropagator(options: PropagatorOptions = {}): boolean {
  const ours = new RetroscopePropagator(options);
  const standing = standingOf(propagation);
  // Not tried where it would fail: OpenTelemetry would log an error of ours.
  const stands =
    standing === "ours" || (standing === "none" && propagation.setGlobalPropagator(ours));
  if (stands && standing === "none") rememberRegistration();
  otelHook()?.look();
  return stands;
}
