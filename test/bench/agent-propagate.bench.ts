/**
 * P2: stamping an outgoing header and merging an incoming one, beside W3C trace context with baggage.
 *
 * Ours is the clock and the carrier: a stamp issued on the real clock, written as text into a header
 * object; a header's text read and merged. The rival writes and reads the headers of one sampled span
 * and two baggage entries, as its own propagators do. Recording the event is not in it: `agent-record`.
 */
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { AnchoredClock, addMs, type Hlc, HlcClock } from "#dist/agent/kernel/index.js";
import { CARRIER_HEADER, formatCarrier, readCarrier } from "#dist/agent/propagation/carrier.js";
import type { Figure } from "./figure.ts";
import { interleave, nsPerOperation } from "./support.ts";

export const title = "stamp an outgoing header, merge an incoming one (P2)";

const OPERATIONS = 200_000;
const ROUNDS = 9;
/** Different headers in turns, so that no text is read twice in a row. */
const HEADERS = 1_024;
const NODE = "cart@host7-412";
const EPOCH = 217_000_000_000;
const WORKLOAD = `${OPERATIONS.toLocaleString("en-US")} headers a round, median of ${ROUNDS} rounds`;

type Headers = Record<string, string>;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const w3c = new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
  const contexts = Array.from({ length: HEADERS }, (_, i) => aContext(i));
  const w3cHeaders = contexts.map((context) => {
    const headers: Headers = {};
    w3c.inject(context, headers, defaultTextMapSetter);
    return headers;
  });
  const clock = new HlcClock(new AnchoredClock());
  const ourHeaders = Array.from({ length: HEADERS }, (_, i): Headers => {
    // Some ahead of us, some behind, all within the gate.
    const t = addMs(clock.now(), (i % 7) - 3) as Hlc;
    return { [CARRIER_HEADER]: formatCarrier({ t, epoch: EPOCH + i, seq: i + 1, node: NODE }) };
  });
  let seq = 0;
  let used = 0;

  const measured = await interleave({
    rounds: ROUNDS,
    warmUpRounds: 3,
    candidates: {
      stamp: () =>
        nsPerOperation(OPERATIONS, () => {
          for (let i = 0; i < OPERATIONS; i += 1) {
            const headers: Headers = {};
            seq += 1;
            const text = formatCarrier({ t: clock.now(), epoch: EPOCH, seq, node: NODE });
            headers[CARRIER_HEADER] = text;
            used += text.charCodeAt(20);
          }
        }),
      inject: () =>
        nsPerOperation(OPERATIONS, () => {
          for (let i = 0; i < OPERATIONS; i += 1) {
            const headers: Headers = {};
            w3c.inject(contexts[i % HEADERS] ?? ROOT_CONTEXT, headers, defaultTextMapSetter);
            used += headers["traceparent"]?.charCodeAt(20) ?? 0;
          }
        }),
      merge: () =>
        nsPerOperation(OPERATIONS, () => {
          for (let i = 0; i < OPERATIONS; i += 1) {
            const { stamp } = readCarrier(ourHeaders[i % HEADERS]?.[CARRIER_HEADER] ?? "");
            if (stamp !== undefined) used += clock.receive(stamp.t) % 2;
          }
        }),
      extract: () =>
        nsPerOperation(OPERATIONS, () => {
          for (let i = 0; i < OPERATIONS; i += 1) {
            const headers = w3cHeaders[i % HEADERS];
            const context = w3c.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
            used += context === ROOT_CONTEXT ? 0 : 1;
          }
        }),
    },
  });
  if (used === 0) throw new Error("nothing was measured");

  const pairs = [
    ["stamp an outgoing header", measured.stamp, "inject", measured.inject],
    ["merge an incoming header", measured.merge, "extract", measured.extract],
  ] as const;
  for (const [metric, ours, verb, rival] of pairs) {
    const figure = {
      value: ours.median,
      unit: "ns",
      better: "lower",
      against: { what: `W3C trace context + baggage, ${verb}`, value: rival.median },
      workload: WORKLOAD,
    } as const;
    report({ ...figure, metric, goal: { atMost: 200 } });
    report({ ...figure, metric: `${metric}, beside the rival`, goal: { of: "ratio", atLeast: 3 } });
  }
}

function aContext(i: number): Context {
  const traceId = (i + 1).toString(16).padStart(32, "a");
  const spanId = (i + 1).toString(16).padStart(16, "b");
  const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  const baggage = propagation.createBaggage({
    tenant: { value: `customer-${i}` },
    region: { value: "eu-west" },
  });
  return propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, span), baggage);
}
