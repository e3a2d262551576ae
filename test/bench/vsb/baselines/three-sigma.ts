/**
 * Three sigma, as monitoring tools offer it: mean residence per tier in windows of 50 ms, flagged above the mean
 * plus three standard deviations of the last minute. The tier furthest out is named; it gives no cause.
 */
import { type Tier, USED_TIERS } from "../faults.ts";
import type { Detection, Observed } from "../recording.ts";
import { emptySeries, meanByEnd, merged, outliers, type Series, windowOf } from "./series.ts";

const WIDTH_MS = 50;
const SIGMAS = 3;
const AT_LEAST = 3;

export function threeSigma({ tiers, run }: Observed): Detection[] {
  const scores = new Map<Tier, Float64Array>();
  let series: Series = emptySeries(run, WIDTH_MS);
  const any: boolean[] = new Array<boolean>(series.values.length).fill(false);
  for (const tier of USED_TIERS) {
    const log = tiers.get(tier);
    if (log === undefined) continue;
    const residences = log.departedMs.map((departed, i) => departed - (log.arrivedMs[i] as number));
    series = meanByEnd(log.departedMs, residences, run, WIDTH_MS, AT_LEAST);
    const found = new Float64Array(series.values.length);
    const flags = outliers(series, (value, { mean, deviation }, w) => {
      found[w] = (value - mean) / deviation;
      return value > mean + SIGMAS * deviation;
    });
    for (const [i, isFlagged] of flags.entries()) if (isFlagged) any[i] = true;
    scores.set(tier, found);
  }
  return merged(series, any).map((span) => {
    const first = windowOf(series, span.startMs);
    const last = windowOf(series, span.endMs - 1);
    const ranked = [...scores]
      .map(([tier, found]) => ({ tier, score: Math.max(...found.slice(first, last + 1)) }))
      .sort((a, b) => b.score - a.score);
    return {
      ...{ startMs: span.startMs, endMs: span.endMs, knownMs: span.firstEndMs },
      ...{ class: "fault", explained: null },
      suspects: ranked.map(({ tier }) => ({ tier, cause: null })),
    };
  });
}
