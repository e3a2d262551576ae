/**
 * Which injections can be judged: those that reached the requests, and that nothing else on the machine
 * disturbed. The others are counted and scored apart. Decided from clients and /proc alone.
 *
 * What is slow differs by route: a normal report takes longer than an order that was held for 50 ms, so an order is
 * compared with orders.
 */
import { faultOf, USED_TIERS } from "../faults.ts";
import type { ClientLog, HostLog, Injection, Recording, Span } from "../recording.ts";
import { countBelow, countUpTo } from "../sorted.ts";

export interface Condition {
  readonly injection: Injection;
  /** Some requests were slower for it, end to end. */
  readonly hasEffect: boolean;
  /** Somebody else took the processors meanwhile. */
  readonly isContaminated: boolean;
}

/** Requests that must have been slower than is usual. */
const FELT_REQUESTS = 3;
/** By how much: at least so long, or so much of the fault's duration. */
const FELT_MS = 5;
const FELT_SHARE = 0.25;
/** Time in a run queue, of one tier, above which an injection counts as contaminated: the same two. */
const WAIT_MS = 10;
const WAIT_SHARE = 0.25;
/** How late the load may send. */
const LATE_SEND_MS = 15;
/** The load gives a request up after so long. */
const LONGEST_MS = 20_000;
/** These take processors by what they are: waiting for one is their effect, not a disturbance. */
const TAKES_PROCESSORS: ReadonlySet<string> = new Set([
  "cpu-contention",
  "libuv-pool",
  "async-io",
  "throttle",
]);

export function conditionsOf({ truths, clients, hosts, run }: Recording): Condition[] {
  const clean = run.sections
    .filter(({ kind }) => kind === "clean")
    .map(({ fromMs, toMs }) => ({ startMs: fromMs, endMs: toMs }));
  const usual = new Map(
    [...new Set(clients.route)].map((route) => [route, percentileIn(clients, clean, 0.99, route)]),
  );
  return truths.map((injection) => {
    const more = Math.max(FELT_MS, injection.nominalMs * FELT_SHARE);
    const felt = countWhere(
      clients,
      injection,
      (latency, route) => latency > (usual.get(route) ?? Number.NaN) + more,
    );
    const late = sentLate(clients, injection);
    const allowed = Math.max(WAIT_MS, injection.nominalMs * WAIT_SHARE);
    const waits = USED_TIERS.some((tier) => {
      const host = hosts.get(tier);
      return host !== undefined && waitedMs(host, injection) > allowed;
    });
    const takes = injection.parts.some(({ fault }) => TAKES_PROCESSORS.has(faultOf(fault).name));
    // The injector did not get round to it in time.
    const hasFailed = injection.parts.some(({ detail }) => detail["failed"] === 1);
    return {
      injection,
      hasEffect: felt >= FELT_REQUESTS,
      isContaminated: hasFailed || (!takes && (late || waits)),
    };
  });
}

/** How long a tier's main thread waited for a processor, samples around the span included. */
export function waitedMs({ atMs, waitMs }: HostLog, { startMs, endMs }: Span): number {
  const first = Math.max(0, countUpTo(atMs, startMs) - 1);
  const last = Math.min(atMs.length - 1, countBelow(atMs, endMs));
  return (waitMs[last] as number) - (waitMs[first] as number);
}

function sentLate({ intendedMs, sentMs }: ClientLog, { startMs, endMs }: Span): boolean {
  for (let i = countBelow(intendedMs, startMs); i < countBelow(intendedMs, endMs); i += 1) {
    if ((sentMs[i] as number) - (intendedMs[i] as number) > LATE_SEND_MS) return true;
  }
  return false;
}

/** Of requests that were under way in the span. */
function countWhere(
  { intendedMs, doneMs, route }: ClientLog,
  span: Span,
  holds: (latencyMs: number, route: number) => boolean,
): number {
  let count = 0;
  const last = countUpTo(intendedMs, span.endMs);
  for (let i = countBelow(intendedMs, span.startMs - LONGEST_MS); i < last; i += 1) {
    const done = doneMs[i] as number;
    const latency = done - (intendedMs[i] as number);
    if (done >= span.startMs && holds(latency, route[i] as number)) count += 1;
  }
  return count;
}

/** Nearest rank, of requests of one route that were meant to start inside. NaN: there are none. */
export function percentileIn(
  clients: ClientLog,
  spans: readonly Span[],
  part: number,
  route: number,
): number {
  const latencies = Array.from(clients.intendedMs, (intended, i) =>
    clients.route[i] === route && spans.some((span) => isIn(intended, span))
      ? (clients.doneMs[i] as number) - intended
      : Number.NaN,
  ).filter((latency) => !Number.isNaN(latency));
  latencies.sort((a, b) => a - b);
  return latencies[Math.max(0, Math.ceil(latencies.length * part) - 1)] ?? Number.NaN;
}

function isIn(ms: number, { startMs, endMs }: Span): boolean {
  return ms >= startMs && ms < endMs;
}
