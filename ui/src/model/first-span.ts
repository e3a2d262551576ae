/**
 * How much a fresh live view shows: so little that single events can be told apart on the busiest
 * lane, so much that a quiet system is not an empty page.
 *
 * A first answer of ten seconds says when anything happened, to a hundredth of a second or so. The
 * span is the longest of a few round ones in which the glyphs of the newest stretch would cover no
 * more than `COVERED` of their lane. Bursts cover a place once, however many events they hold.
 */
import { TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { Viewport } from "../scale/time-scale.ts";
import { CELL_PX } from "./crowding.ts";
import type { LaneFacts, TimelineFacts } from "./timeline-facts.ts";

const ROUND_MS = [10_000, 5_000, 2_000, 1_000, 500];
/** Below the crowding that turns glyphs into columns, with room for a busier second. */
const COVERED = 0.5;

export function firstSpanTicks(timeline: TimelineFacts, view: Viewport, width: number): number {
  const lanes = [...timeline.lanes.values()];
  const cells = Math.max(1, Math.floor(width / CELL_PX));
  const fitting = ROUND_MS.find((ms) => {
    const span = ms * TICKS_PER_MS;
    // What is newest lies before the air at the right edge, and the slowest node's word.
    const end = Math.min(view.to, ...lanes.map(({ buckets }) => buckets.starts.at(-1) ?? view.to));
    return lanes.every((lane) => coveredCells(lane, end - span, end, cells) <= COVERED * cells);
  });
  return (fitting ?? (ROUND_MS.at(-1) as number)) * TICKS_PER_MS;
}

/** Of so many cells in [from, to], those in which anything happened on the lane. */
function coveredCells({ buckets }: LaneFacts, from: number, to: number, cells: number): number {
  const covered = new Set<number>();
  for (const start of buckets.starts) {
    if (start >= from && start <= to)
      covered.add(Math.floor(((start - from) / (to - from)) * cells));
  }
  return covered.size;
}
