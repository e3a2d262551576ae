/**
 * The congestion point (Wang et al., "Detecting transient bottlenecks in n-tier applications through
 * fine-grained analysis", ICDCS 2013): load against throughput in windows of 50 ms, per tier. Up to N* more load
 * brings more throughput; beyond it the tier is congested. Of several congested tiers the deepest is named.
 * It gives no cause.
 *
 *     throughput  |        .---------     slope below a fifth of the first: N*
 *                 |      .´
 *                 |    .´
 *                 +----------------- load
 */
import { type Tier, USED_TIERS } from "../faults.ts";
import type { Detection, Observed, TierLog } from "../recording.ts";
import { emptySeries, inFlight, merged, type Series, windowOf } from "./series.ts";

const WIDTH_MS = 50;
const BINS = 20;
const FLAT = 0.2;
/** A bin of fewer windows says nothing. */
const MIN_WINDOWS = 5;

export function congestionPoint({ tiers, run }: Observed): Detection[] {
  const congested = new Map<Tier, boolean[]>();
  let load: Series = emptySeries(run, WIDTH_MS);
  for (const tier of USED_TIERS) {
    const log = tiers.get(tier);
    if (log === undefined) continue;
    load = inFlight(log, run, WIDTH_MS);
    const limit = congestionLoad(load, throughput(log, load));
    congested.set(
      tier,
      Array.from(load.values, (value) => value > limit),
    );
  }
  const any = Array.from(load.values, (_, w) =>
    [...congested.values()].some((flags) => flags[w] === true),
  );
  return merged(load, any).map((span) => {
    const first = windowOf(load, span.startMs);
    const last = windowOf(load, span.endMs - 1);
    const named = [...USED_TIERS].reverse().filter((tier) =>
      congested
        .get(tier)
        ?.slice(first, last + 1)
        .includes(true),
    );
    return {
      ...{ startMs: span.startMs, endMs: span.endMs, knownMs: span.firstEndMs },
      ...{ class: "fault", explained: null },
      suspects: named.map((tier) => ({ tier, cause: null })),
    };
  });
}

function throughput(log: TierLog, load: Series): Float64Array {
  const done = new Float64Array(load.values.length);
  for (const departed of log.departedMs) {
    const w = windowOf(load, departed);
    if (w >= 0 && w < done.length) done[w] = (done[w] as number) + 1;
  }
  return done;
}

/** N*: where the mean throughput of bins of rising load stops to rise. Infinite: it never does. */
export function congestionLoad({ values }: Series, done: Float64Array): number {
  const sorted = [...values].sort((a, b) => a - b);
  // One stall of the whole run must not stretch all bins.
  const top = sorted[Math.floor(sorted.length * 0.999)] ?? 0;
  const bins = Array.from({ length: BINS }, () => ({ windows: 0, load: 0, done: 0 }));
  for (const [w, load] of values.entries()) {
    const bin = bins[Math.min(BINS - 1, Math.floor((load / top) * BINS))];
    if (bin === undefined) continue;
    bin.windows += 1;
    bin.load += load;
    bin.done += done[w] as number;
  }
  const means = bins
    .filter(({ windows }) => windows >= MIN_WINDOWS)
    .map(({ windows, load, done: sum }) => ({ load: load / windows, done: sum / windows }));
  const [first, second] = means;
  if (first === undefined || second === undefined) return Number.POSITIVE_INFINITY;
  const initial = (second.done - first.done) / (second.load - first.load);
  for (let i = 1; i + 1 < means.length; i += 1) {
    const [low, high] = [means[i], means[i + 1]];
    if (low === undefined || high === undefined) break;
    if ((high.done - low.done) / (high.load - low.load) < FLAT * initial) return low.load;
  }
  return Number.POSITIVE_INFINITY;
}
