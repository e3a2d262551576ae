/**
 * When the machine was disturbed: stretches in which a tier's main thread was ready and waited for a processor.
 *
 * On few cores that happens whenever something else works, and it is no false alarm to say so; nor can anybody
 * tell what is right there. So what is said of such stretches outside of the injections is counted apart, and
 * they are no clean time. /proc alone decides, for all detectors alike.
 */
import { type Tier, USED_TIERS } from "../faults.ts";
import type { HostLog, Span } from "../recording.ts";
import { waitedMs } from "./conditions.ts";

const WIDTH_MS = 100;
/** Of each window. */
const WAIT_MS = 10;

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

/** Milliseconds of the span that lie in none of them. */
export function calmMsOf({ startMs, endMs }: Span, disturbances: readonly Span[]): number {
  return disturbances.reduce(
    (calm, each) =>
      calm - Math.max(0, Math.min(endMs, each.endMs) - Math.max(startMs, each.startMs)),
    endMs - startMs,
  );
}
