/**
 * Silences that may be folded: stretches of the view without an event on any visible lane, wider than
 * `MIN_SILENCE_PX`, with something on both sides. A silence that reaches the edge of the view stays
 * as it is: what lies beyond would jump in and out while the view moves.
 *
 *     lane 1   ●  ●                        ●
 *     lane 2      ●                     ●
 *                  |◀── folded, less a little air ──▶|
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { Fold, TimeScale } from "../scale/time-scale.ts";
import type { LaneLayout } from "./lane-layout.ts";
import { lowerBound, type TimelineFacts } from "./timeline-facts.ts";

export const MIN_SILENCE_PX = 120;
/** Pixels left between the break and the events beside it. */
const AIR_PX = 10;

/** `scale` is the view without folds. */
export function silencesIn(
  timeline: TimelineFacts,
  layout: LaneLayout,
  scale: TimeScale,
): readonly Fold[] {
  const pixels = Math.ceil(scale.width);
  const isBusy = new Uint8Array(pixels);
  const busy = (first: number, last: number) => {
    const start = Math.max(0, Math.floor(scale.x(first)));
    isBusy.fill(1, start, Math.max(start + 1, Math.floor(scale.x(last)) + 1));
  };
  const columns = layout.lanes.flatMap(({ nodes }) =>
    nodes.flatMap(({ node }): { starts: Float64Array; ends: Float64Array | null }[] => {
      const lane = timeline.lanes.get(node);
      if (lane === undefined) return [];
      const { exact, buckets } = lane;
      return [exact === null ? buckets : { starts: exact.times, ends: null }];
    }),
  );
  /** The last tick of a row. */
  const lastOf = ({ starts, ends }: (typeof columns)[number], i: number): number =>
    ends === null ? (starts[i] as number) : (ends[i] as number) - 1;
  for (const column of columns) {
    const { starts, ends } = column;
    const { from, to } = scale.viewport;
    for (
      let i = lowerBound(ends ?? starts, ends === null ? from : from + 1);
      i < starts.length;
      i += 1
    ) {
      const t = starts[i] as number;
      if (t > to) break;
      busy(t, lastOf(column, i));
    }
  }
  // Where nothing is known yet there is no silence.
  for (const { from, to } of timeline.missing) {
    if (to >= scale.viewport.from && from <= scale.viewport.to) busy(from, to);
  }
  const air = AIR_PX * scale.ticksPerPixel;
  return runsIn(isBusy).flatMap(([start, end]) => {
    // The exact ends: the last event before the empty pixels, and the first behind them.
    let before = Number.NEGATIVE_INFINITY;
    let after = Number.POSITIVE_INFINITY;
    const middle = scale.t((start + end) / 2);
    for (const column of columns) {
      const { starts } = column;
      const next = lowerBound(starts, middle);
      if (next > 0) before = Math.max(before, lastOf(column, next - 1));
      if (next < starts.length) after = Math.min(after, starts[next] as number);
    }
    for (const { from, to } of timeline.missing) {
      if (to < middle) before = Math.max(before, to);
      if (from > middle) after = Math.min(after, from);
    }
    const from = Math.ceil(before + air) as Hlc;
    const to = Math.floor(after - air) as Hlc;
    return Number.isFinite(to - from) && to > from ? [{ from, to }] : [];
  });
}

/** Stretches of empty pixels, wide enough, that touch neither edge: [first, behind the last). */
function runsIn(isBusy: Uint8Array): readonly (readonly [start: number, end: number])[] {
  const runs: (readonly [number, number])[] = [];
  let start = 0;
  for (let x = 0; x < isBusy.length; x += 1) {
    if (isBusy[x] === 0) continue;
    if (start > 0 && x - start >= MIN_SILENCE_PX) runs.push([start, x]);
    start = x + 1;
  }
  return runs;
}
