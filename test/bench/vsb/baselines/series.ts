/**
 * Series of equal windows, and how the baselines decide that one of them is out of the ordinary.
 *
 * None of this is shared with the product: a mistake of ours must not flatter us by being in both.
 */
import type { Span, TierLog } from "../recording.ts";

/** Values of windows that follow each other from `startMs` on. NaN: nothing to say of that window. */
export interface Series {
  readonly startMs: number;
  readonly widthMs: number;
  readonly values: Float64Array;
}

/** How far back "normal" is looked for. */
const BACK_MS = 60_000;
/** Without so much to compare with nothing is flagged. */
const WARM_MS = 5_000;
/** "Normal" is worked out anew so often. */
const RENEW_MS = 1_000;
/** Flagged windows closer than this are one detection. */
const MERGE_MS = 100;
/** A normal deviate's standard deviation over its median absolute deviation. */
const MAD_SCALE = 1.4826;

export interface Normal {
  readonly median: number;
  readonly spread: number;
  readonly mean: number;
  readonly deviation: number;
}

export function emptySeries({ startMs, endMs }: Span, widthMs: number): Series {
  const count = Math.max(0, Math.ceil((endMs - startMs) / widthMs));
  return { startMs, widthMs, values: new Float64Array(count) };
}

export function windowOf({ startMs, widthMs }: Series, ms: number): number {
  return Math.floor((ms - startMs) / widthMs);
}

/** Mean number of requests under way, by window. */
export function inFlight(log: TierLog, span: Span, widthMs: number): Series {
  const series = emptySeries(span, widthMs);
  const { values } = series;
  for (let i = 0; i < log.arrivedMs.length; i += 1) {
    const from = log.arrivedMs[i] as number;
    const to = log.departedMs[i] as number;
    const last = Math.min(values.length - 1, windowOf(series, to));
    for (let w = Math.max(0, windowOf(series, from)); w <= last; w += 1) {
      const start = span.startMs + w * widthMs;
      const inside = Math.min(to, start + widthMs) - Math.max(from, start);
      values[w] = (values[w] as number) + Math.max(0, inside) / widthMs;
    }
  }
  return series;
}

/** Mean of the values that ended in each window; NaN where fewer than `atLeast` did. */
export function meanByEnd(
  ends: Float64Array,
  values: Float64Array,
  span: Span,
  widthMs: number,
  atLeast: number,
): Series {
  const sums = emptySeries(span, widthMs);
  const counts = new Float64Array(sums.values.length);
  for (const [i, end] of ends.entries()) {
    const w = windowOf(sums, end);
    if (!(w >= 0 && w < counts.length)) continue;
    counts[w] = (counts[w] as number) + 1;
    sums.values[w] = (sums.values[w] as number) + (values[i] as number);
  }
  const means = sums.values.map((sum, w) => {
    const count = counts[w] as number;
    return count < atLeast ? Number.NaN : sum / count;
  });
  return { ...sums, values: means };
}

/** Differences of a rising counter between the edges of windows, by linear interpolation. */
export function rateOf(
  atMs: Float64Array,
  counter: Float64Array,
  span: Span,
  widthMs: number,
): Series {
  const series = emptySeries(span, widthMs);
  let row = 0;
  const valueAt = (ms: number): number => {
    while (row + 1 < atMs.length && (atMs[row + 1] as number) <= ms) row += 1;
    const [t0, t1] = [atMs[row] ?? Number.NaN, atMs[row + 1] ?? Number.NaN];
    const [v0, v1] = [counter[row] ?? Number.NaN, counter[row + 1] ?? Number.NaN];
    return ms < t0 ? Number.NaN : v0 + ((v1 - v0) * (ms - t0)) / (t1 - t0);
  };
  let before = valueAt(span.startMs);
  for (let w = 0; w < series.values.length; w += 1) {
    const after = valueAt(span.startMs + (w + 1) * widthMs);
    series.values[w] = after - before;
    before = after;
  }
  return series;
}

/**
 * Marks windows that are out of the ordinary of the minute before them, those marked left out of it.
 * @param isHigh of a value and what is normal there
 */
export function outliers(
  { values, widthMs }: Series,
  isHigh: (value: number, normal: Normal, window: number) => boolean,
): boolean[] {
  const back = Math.ceil(BACK_MS / widthMs);
  const warm = Math.ceil(WARM_MS / widthMs);
  const renew = Math.max(1, Math.floor(RENEW_MS / widthMs));
  const flags: boolean[] = new Array<boolean>(values.length).fill(false);
  let normal: Normal | undefined;
  for (let w = 0; w < values.length; w += 1) {
    if (w >= warm && (normal === undefined || w % renew === 0)) {
      const past: number[] = [];
      for (let p = Math.max(0, w - back); p < w; p += 1) {
        if (flags[p] === false && !Number.isNaN(values[p])) past.push(values[p] as number);
      }
      normal = past.length === 0 ? undefined : normalOf(past);
    }
    const value = values[w] as number;
    flags[w] = normal !== undefined && !Number.isNaN(value) && isHigh(value, normal, w);
  }
  return flags;
}

export function normalOf(values: readonly number[]): Normal {
  const median = middle(values);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const spread = MAD_SCALE * middle(values.map((value) => Math.abs(value - median)));
  return { median, spread, mean, deviation: Math.sqrt(square) };
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A run of flagged windows; `firstEndMs` is when the first of them could be judged. */
export interface Flagged extends Span {
  readonly firstEndMs: number;
}

export function merged({ startMs, widthMs }: Series, flags: readonly boolean[]): Flagged[] {
  const spans: Array<{ startMs: number; endMs: number; firstEndMs: number }> = [];
  for (const [w, isFlagged] of flags.entries()) {
    if (!isFlagged) continue;
    const from = startMs + w * widthMs;
    const last = spans.at(-1);
    if (last !== undefined && from - last.endMs <= MERGE_MS) last.endMs = from + widthMs;
    else spans.push({ startMs: from, endMs: from + widthMs, firstEndMs: from + widthMs });
  }
  return spans;
}

/** The greatest value of windows that touch the span; NaN: none. */
export function peakIn(series: Series, { startMs, endMs }: Span): number {
  let peak = Number.NaN;
  const last = Math.min(series.values.length - 1, windowOf(series, endMs));
  for (let w = Math.max(0, windowOf(series, startMs)); w <= last; w += 1) {
    const value = series.values[w] as number;
    if (!(value <= peak)) peak = Number.isNaN(value) ? peak : value;
  }
  return peak;
}
