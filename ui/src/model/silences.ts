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
  const columns = layout.lanes.flatMap(({ nodes }) =>
    nodes.flatMap(({ node }) => {
      const lane = timeline.lanes.get(node);
      if (lane === undefined) return [];
      const { exact, buckets } = lane;
      const length = exact === null ? timeline.bucketTicks : 1;
      return [{ times: exact === null ? buckets.starts : exact.times, length }];
    }),
  );
  for (const { times, length } of columns) {
    for (let i = lowerBound(times, scale.viewport.from - length); i < times.length; i += 1) {
      const t = times[i] as number;
      if (t > scale.viewport.to) break;
      const first = Math.max(0, Math.floor(scale.x(t)));
      isBusy.fill(1, first, Math.max(first + 1, Math.floor(scale.x(t + length - 1)) + 1));
    }
  }
  const air = AIR_PX * scale.ticksPerPixel;
  return runsIn(isBusy).flatMap(([start, end]) => {
    // The exact ends: the last event before the empty pixels, and the first behind them.
    let before = Number.NEGATIVE_INFINITY;
    let after = Number.POSITIVE_INFINITY;
    const middle = scale.t((start + end) / 2);
    for (const { times, length } of columns) {
      const next = lowerBound(times, middle);
      if (next > 0) before = Math.max(before, (times[next - 1] as number) + length - 1);
      if (next < times.length) after = Math.min(after, times[next] as number);
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
