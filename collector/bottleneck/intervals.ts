/** Sets of intervals: unions, overlaps, what one set leaves of another. All are half open. */
import type { Interval } from "./recording.ts";

/** The same stretches, ascending and disjoint. */
export function unionOf(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals
    .filter(({ startUs, endUs }) => endUs > startUs)
    .sort((a, b) => a.startUs - b.startUs);
  const union: { startUs: number; endUs: number }[] = [];
  for (const { startUs, endUs } of sorted) {
    const last = union.at(-1);
    if (last === undefined || startUs > last.endUs) union.push({ startUs, endUs });
    else last.endUs = Math.max(last.endUs, endUs);
  }
  return union;
}

/** Their length together; of a union, what they cover. */
export function lengthOf(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { startUs, endUs }) => sum + Math.max(0, endUs - startUs), 0);
}

/** How much of an interval a union (ascending, disjoint) covers. */
export function coveredOf({ startUs, endUs }: Interval, union: readonly Interval[]): number {
  let covered = 0;
  for (let i = firstEndingAfter(union, startUs); i < union.length; i += 1) {
    const one = union[i] as Interval;
    if (one.startUs >= endUs) break;
    covered += Math.min(endUs, one.endUs) - Math.max(startUs, one.startUs);
  }
  return covered;
}

/** What of a union touches an interval, cut to it. */
export function partsIn({ startUs, endUs }: Interval, union: readonly Interval[]): Interval[] {
  const parts: Interval[] = [];
  for (let i = firstEndingAfter(union, startUs); i < union.length; i += 1) {
    const one = union[i] as Interval;
    if (one.startUs >= endUs) break;
    parts.push({ startUs: Math.max(startUs, one.startUs), endUs: Math.min(endUs, one.endUs) });
  }
  return parts;
}

/** The index of the first that ends after `us`, in a list that is ascending by end. */
export function firstEndingAfter(sorted: readonly Interval[], us: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as Interval).endUs <= us) low = middle + 1;
    else high = middle;
  }
  return low;
}
