/**
 * The door `retroscope/otel`: the clock beside OpenTelemetry. Needs `@opentelemetry/api` 1.9, the service's
 * own copy; the main door does not load it.
 */

import { getAgent } from "./start.ts";
import { SpanStamper } from "./tracing/otel-span-processor.ts";

export {
  type PropagatorOptions,
  RetroscopePropagator,
  withRetroscope,
} from "./propagation/otel-propagator.ts";
export { registerPropagator } from "./propagation/otel-register.ts";

/**
 * A span processor that sets `retroscope.hlc` and `retroscope.node` on every span that is sampled, at its
 * start. Fits SDKs 1.x and 2.x; put it before the exporting one. Costs about 250 ns a span. Never
 * throws; does nothing while no agent runs.
 *
 * @example
 * const sdk = new NodeSDK({
 *   spanProcessors: [new RetroscopeSpanProcessor(), new BatchSpanProcessor(exporter)],
 * });
 */
export class RetroscopeSpanProcessor extends SpanStamper {
  constructor() {
    super(getAgent);
  }
}
