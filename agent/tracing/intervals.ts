/**
 * Lengths of time that overlap, as lists of [start, end) in whole microseconds. A request's calls run side by
 * side, so the time it waited for them is the length of their union and never their sum.
 *
 *     residence    |--------------------------------------------|
 *     calls             |---------|      |-----|
 *                           |---------|
 *     pool waits    |-----|                  |------|
 *     downstream        [-------------]  [-----]                    union of the calls
 *     pool          [---]                       [---]               union of the waits, less the calls
 *     exclusive    [                  ]  [    ]      [-----------]  the rest
 */
export type Interval = readonly [start: number, end: number];

/** The union of `intervals`, in order, without overlap; empty ones left out. Costs a sort. */
export function unionOf(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals.filter(([start, end]) => end > start).sort((a, b) => a[0] - b[0]);
  const union: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = union.at(-1);
    if (last === undefined || start > last[1]) union.push([start, end]);
    else if (end > last[1]) last[1] = end;
  }
  return union;
}

/** What is in `union` and not in `taken`; both as `unionOf` gives them. */
export function without(union: readonly Interval[], taken: readonly Interval[]): Interval[] {
  const rest: Interval[] = [];
  for (const [start, end] of union) {
    let from = start;
    for (const [cutStart, cutEnd] of taken) {
      if (cutEnd <= from) continue;
      if (cutStart >= end) break;
      if (cutStart > from) rest.push([from, cutStart]);
      from = cutEnd;
    }
    if (from < end) rest.push([from, end]);
  }
  return rest;
}

/** The part of `intervals` inside [start, end). */
export function clipped(intervals: readonly Interval[], start: number, end: number): Interval[] {
  return intervals
    .map(([from, to]): Interval => [Math.max(from, start), Math.min(to, end)])
    .filter(([from, to]) => to > from);
}

/** Their lengths together, of what `unionOf` gives. */
export function lengthOf(union: readonly Interval[]): number {
  return union.reduce((sum, [start, end]) => sum + end - start, 0);
}
