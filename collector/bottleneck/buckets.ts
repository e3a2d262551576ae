/**
 * Latency histograms as agents keep them in cells: counts of values on the layout of an HdrHistogram
 * with three significant digits, as [lowest value of the bucket, count], rising.
 *
 *     value      0 ........ 2047 | 2048 ... 4094 | 4096 .... 8188 | ...
 *     a bucket is           1 us |          2 us |           4 us |      the top 11 bits of the value
 *
 * Merging adds counts, so it loses nothing: the percentiles of a merge are those of all values together,
 * within the width of a bucket (0.1 %). There is no way here to average percentiles. A percentile is the
 * highest value of its bucket, as `getValueAtPercentile` of hdr-histogram-js has it.
 */
import { latencyBucketUs } from "../../agent/kernel/index.ts";
import type { LatencyBucketCounts } from "./latency-shapes.ts";

/** Values below this have buckets of their own. */
const EXACT_BELOW = 2_048;

/** How many whole values share the bucket that begins at `lowest`. */
export function bucketWidth(lowest: number): number {
  return lowest < EXACT_BELOW ? 1 : 2 ** (21 - Math.clz32(lowest));
}

/** Counts by bucket, to which others can be added. */
export class Buckets {
  readonly #counts = new Map<number, number>();
  #sorted: readonly (readonly [number, number])[] | undefined;
  #total = 0;
  #max = 0;

  /** How many values there are. */
  get total(): number {
    return this.#total;
  }

  /** The exact maximum where one was given (`noteMax`), else the highest value of the last bucket. */
  get maxUs(): number {
    if (this.#max > 0 || this.#total === 0) return this.#max;
    const last = this.sorted().at(-1)?.[0] ?? 0;
    return last + bucketWidth(last) - 1;
  }

  add(valueUs: number, count = 1): void {
    const bucket = latencyBucketUs(valueUs);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#total += count;
    this.#sorted = undefined;
  }

  addAll(pairs: LatencyBucketCounts): void {
    for (const [valueUs, count] of pairs) this.add(valueUs, count);
  }

  /** An exact maximum that somebody kept beside the counts. */
  noteMax(us: number): void {
    this.#max = Math.max(this.#max, us);
  }

  merge(other: Buckets): void {
    this.addAll(other.sorted());
    this.noteMax(other.#max);
  }

  /** Ascending by value. */
  sorted(): LatencyBucketCounts {
    this.#sorted ??= [...this.#counts].sort((a, b) => a[0] - b[0]);
    return this.#sorted;
  }

  /** The value below or at which `percentile` of 100 of all values lie; 0 where there is none. */
  percentile(percentile: number): number {
    if (this.#total === 0) return 0;
    // A hair less, as hdr-histogram does: 99.9 of 1000 is the 999th value, whatever 999.0000001 is.
    const wanted = Math.max(1, Math.ceil((percentile * this.#total) / 100 - 1e-9));
    let seen = 0;
    for (const [lowest, count] of this.sorted()) {
      seen += count;
      if (seen < wanted) continue;
      const highest = lowest + bucketWidth(lowest) - 1;
      return this.#max > 0 ? Math.min(highest, this.#max) : highest;
    }
    return this.maxUs;
  }

  /** How many values lie in buckets that begin above `us`. */
  countAbove(us: number): number {
    let count = 0;
    for (const [lowest, many] of this.sorted()) if (lowest > us) count += many;
    return count;
  }
}
