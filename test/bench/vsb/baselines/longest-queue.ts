/**
 * The longest queue: a detection where the load at the door is out of the ordinary (windows of 10 ms), charged
 * to the tier with the most requests under way. It gives no cause.
 */
import { USED_TIERS } from "../faults.ts";
import type { Detection, Observed } from "../recording.ts";
import { inFlight, merged, outliers, peakIn } from "./series.ts";

const WIDTH_MS = 10;
const SPREADS = 4;
/** Least spread, in requests: a calm system must not be flagged for one more. */
const LEAST_SPREAD = 0.5;

export function longestQueue({ tiers, run }: Observed): Detection[] {
  const queues = USED_TIERS.flatMap((tier) => {
    const log = tiers.get(tier);
    return log === undefined ? [] : [{ tier, load: inFlight(log, run, WIDTH_MS) }];
  });
  const entry = queues[0];
  if (entry === undefined) return [];
  const flags = outliers(
    entry.load,
    (value, { median, spread }) => value > median + SPREADS * Math.max(spread, LEAST_SPREAD),
  );
  return merged(entry.load, flags).map((span) => ({
    ...{ startMs: span.startMs, endMs: span.endMs, knownMs: span.firstEndMs },
    ...{ class: "fault", explained: null },
    suspects: queues
      .map(({ tier, load }) => ({ tier, peak: peakIn(load, span) }))
      .sort((a, b) => b.peak - a.peak)
      .map(({ tier }) => ({ tier, cause: null })),
  }));
}
