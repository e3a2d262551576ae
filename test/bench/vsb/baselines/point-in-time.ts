/**
 * Point-in-time response (milliScope, ICDCS 2017): the mean response of what was answered in each 50 ms, and the
 * resource whose peak lies nearest to a peak of it, on the deepest tier whose queue grew. What a person does with
 * overlaid plots, done by a program.
 */
import { type Tier, USED_TIERS } from "../faults.ts";
import type { Detection, Observed, Span, Suspect } from "../recording.ts";
import {
  emptySeries,
  inFlight,
  meanByEnd,
  merged,
  normalOf,
  outliers,
  peakIn,
  rateOf,
  type Series,
  windowOf,
} from "./series.ts";

const WIDTH_MS = 50;
const SPREADS = 6;
const TIMES = 2;
/** How far from the response's peak a resource's is looked for. */
const NEAR_MS = 200;
const PEAK_SPREADS = 4;
/** Least spread: a resource that never moves must not make a peak of a trifle. Share of a window. */
const LEAST_SHARE = 0.1;

interface Watched {
  readonly tier: Tier;
  readonly queue: Series;
  readonly resources: ReadonlyArray<readonly [cause: string, series: Series]>;
}

export function pointInTime(observed: Observed): Detection[] {
  const { clients, run } = observed;
  const latencies = clients.doneMs.map((done, i) => done - (clients.intendedMs[i] as number));
  const response = meanByEnd(clients.doneMs, latencies, run, WIDTH_MS, 1);
  const flags = outliers(
    response,
    (value, { median, spread }) => value > median + SPREADS * spread && value > TIMES * median,
  );
  const watched = USED_TIERS.map((tier) => watch(observed, tier));
  return merged(response, flags).map((span) => {
    const { startMs, endMs, firstEndMs } = span;
    return {
      ...{ startMs, endMs, knownMs: firstEndMs, class: "fault", explained: null },
      suspects: suspectsOf(response, span, watched),
    };
  });
}

function watch({ tiers, hosts, collections, run }: Observed, tier: Tier): Watched {
  const log = tiers.get(tier) ?? { arrivedMs: new Float64Array(), departedMs: new Float64Array() };
  const host = hosts.get(tier);
  const gc = emptySeries(run, WIDTH_MS);
  for (const { tier: of, atMs, ms } of collections) {
    const w = windowOf(gc, atMs);
    if (of === tier && w >= 0 && w < gc.values.length) gc.values[w] = (gc.values[w] as number) + ms;
  }
  const counters: ReadonlyArray<readonly [string, Float64Array | undefined]> = [
    ["run", host?.runMs],
    ["run-queue", host?.waitMs],
    ["sync-io", host?.ioStallMs],
  ];
  const sampled = counters.flatMap(([cause, counter]) =>
    host === undefined || counter === undefined
      ? []
      : [[cause, rateOf(host.atMs, counter, run, WIDTH_MS)] as const],
  );
  // A collection is processor time too: named first, it is the nearer peak of the two at the same place.
  return { tier, queue: inFlight(log, run, WIDTH_MS), resources: [["gc", gc], ...sampled] };
}

function suspectsOf(response: Series, span: Span, watched: readonly Watched[]): Suspect[] {
  const peakAt = peakMs(response, span);
  const near = { startMs: peakAt - NEAR_MS, endMs: peakAt + NEAR_MS };
  const grown = watched.filter(({ queue }) => scoreOf(queue, near, 1) >= PEAK_SPREADS).reverse();
  const rest = watched.filter((each) => !grown.includes(each)).reverse();
  return [...grown, ...rest]
    .slice(0, 5)
    .map(({ tier, resources }) => ({ tier, cause: nearestPeak(resources, peakAt, near) }));
}

function nearestPeak(resources: Watched["resources"], peakAt: number, near: Span): string | null {
  const peaks = resources
    .filter(([, series]) => scoreOf(series, near, LEAST_SHARE * WIDTH_MS) >= PEAK_SPREADS)
    .map(([cause, series]) => ({ cause, distance: Math.abs(peakMs(series, near) - peakAt) }));
  return peaks.sort((a, b) => a.distance - b.distance)[0]?.cause ?? null;
}

/** How many spreads the peak near there is above what is usual in the whole recording. */
function scoreOf(series: Series, near: Span, leastSpread: number): number {
  const { median, spread } = usualOf(series);
  return (peakIn(series, near) - median) / Math.max(spread, leastSpread);
}

const usual = new WeakMap<Series, { readonly median: number; readonly spread: number }>();

function usualOf(series: Series): { readonly median: number; readonly spread: number } {
  const known = usual.get(series);
  if (known !== undefined) return known;
  const found = normalOf([...series.values].filter((value) => !Number.isNaN(value)));
  usual.set(series, found);
  return found;
}

/** The middle of the window where the series is highest. */
function peakMs(series: Series, span: Span): number {
  const peak = peakIn(series, span);
  const first = Math.max(0, windowOf(series, span.startMs));
  const at = series.values.indexOf(peak, first);
  return series.startMs + (at + 0.5) * series.widthMs;
}
