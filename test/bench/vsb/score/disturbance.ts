/**
 * When the scene was disturbed by what nobody planted, by the word of others than the detectors:
 *
 *     waits    a tier's main thread was ready and waited for a processor            /proc
 *     pauses   V8 held a tier's main thread to collect its garbage                  --trace-gc
 *
 * On few cores the first happens whenever something else works, and the second to every service; it is no false
 * alarm to say so. So what is said of such stretches outside of the injections is counted apart, and they are no clean
 * time, for all detectors alike.
 */
import { type Tier, USED_TIERS } from "../faults.ts";
import type { Collection, HostLog, Injection, Span } from "../recording.ts";
import { waitedMs } from "./conditions.ts";
import { overlap } from "./match.ts";

const WIDTH_MS = 100;
/** Of each window. */
const WAIT_MS = 10;
/** A collection that takes as long as this is a stall: it is what detection has to know of. */
const PAUSE_MS = 10;
/** V8 counts whole ms from a start that is known to some ms. */
const TRACE_ERROR_MS = 25;

/** Rising, apart from each other. */
export function disturbancesOf(
  hosts: ReadonlyMap<Tier, HostLog>,
  { startMs, endMs }: Span,
): Span[] {
  const spans: Array<{ startMs: number; endMs: number }> = [];
  for (let from = startMs; from < endMs; from += WIDTH_MS) {
    const window = { startMs: from, endMs: Math.min(endMs, from + WIDTH_MS) };
    const waits = USED_TIERS.some((tier) => {
      const host = hosts.get(tier);
      return host !== undefined && waitedMs(host, window) > WAIT_MS;
    });
    if (!waits) continue;
    const last = spans.at(-1);
    if (last !== undefined && last.endMs >= from) last.endMs = window.endMs;
    else spans.push({ ...window });
  }
  return spans;
}

/** Collections of tiers that requests pass through, but for those of an injection; each is told of at its end. */
export function pausesOf(
  collections: readonly Collection[],
  injections: readonly Injection[],
): Span[] {
  return collections
    .filter(({ tier, ms }) => ms >= PAUSE_MS && USED_TIERS.includes(tier))
    .map(({ atMs, ms }) => {
      return { startMs: atMs - ms - TRACE_ERROR_MS, endMs: atMs + TRACE_ERROR_MS };
    })
    .filter((pause) => !injections.some((injection) => overlap(pause, injection)));
}

/** Rising, and those that touch as one. */
export function joined(spans: readonly Span[]): Span[] {
  const all: Array<{ startMs: number; endMs: number }> = [];
  for (const { startMs, endMs } of [...spans].sort((a, b) => a.startMs - b.startMs)) {
    const last = all.at(-1);
    if (last !== undefined && last.endMs >= startMs) last.endMs = Math.max(last.endMs, endMs);
    else all.push({ startMs, endMs });
  }
  return all;
}

/** Milliseconds of the span that lie in none of them, which are apart from each other. */
export function calmMsOf({ startMs, endMs }: Span, disturbances: readonly Span[]): number {
  return disturbances.reduce(
    (calm, each) =>
      calm - Math.max(0, Math.min(endMs, each.endMs) - Math.max(startMs, each.startMs)),
    endMs - startMs,
  );
}
