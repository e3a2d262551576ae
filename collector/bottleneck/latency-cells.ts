/**
 * Buckets gathered into cells, for whoever draws them: a second of a busy service has a thousand buckets, and a
 * screen some fifty rows for them.
 *
 *     a doubling      1024 ............................................ 2047
 *     4 cells a one   | 1024 .. 1279 | 1280 .. 1535 | 1536 .. 1791 | 1792 .. 2047 |
 *
 * A cell is the values that share their highest bits, as a bucket is, with fewer of them. So each bucket lies in one
 * cell, whole, and a cell's count is exact. Values too small to be told apart so finely have cells of their own.
 */
import type { LatencyBucketCounts } from "./latency-shapes.ts";

/** A doubling of latency is parted into 1, 2, 4 .. so many; buckets part it no finer. */
export const MAX_CELLS_PER_DOUBLING = 1_024;

/** The lowest value of the cell that a value lies in. `perDoubling` is a power of two. */
export function cellOf(valueUs: number, perDoubling: number): number {
  if (valueUs < 2 * perDoubling) return valueUs;
  const width = 2 ** Math.floor(Math.log2(valueUs)) / perDoubling;
  return Math.floor(valueUs / width) * width;
}

/** Counts by cell: [lowest value of the cell in us, count], rising as the buckets do. */
export function inCells(buckets: LatencyBucketCounts, perDoubling: number): LatencyBucketCounts {
  const cells: [number, number][] = [];
  for (const [valueUs, count] of buckets) {
    const lowest = cellOf(valueUs, perDoubling);
    const last = cells.at(-1);
    if (last?.[0] === lowest) last[1] += count;
    else cells.push([lowest, count]);
  }
  return cells;
}
