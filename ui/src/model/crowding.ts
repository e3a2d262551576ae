/**
 * Whether single events can be told apart: decided once per view, for painter and pointer alike, so
 * that what looks like a column is also clicked like one.
 */
import type { TimeScale } from "../scale/time-scale.ts";
import type { LaneLayout } from "./lane-layout.ts";
import { lowerBound, type TimelineFacts } from "./timeline-facts.ts";

/** A glyph covers about one cell. */
export const CELL_PX = 9;
/** Crowding above which glyphs shrink, and above which they turn into columns. */
export const SMALL_ABOVE = 0.35;
export const COLUMNS_ABOVE = 0.6;

let kept: {
  readonly layout: LaneLayout;
  readonly timeline: TimelineFacts;
  readonly scale: TimeScale;
  readonly crowding: number;
} | null = null;

/**
 * How much of the busiest lane its glyphs would cover, 0 to 1; bursts count once. 1 where the
 * collector gave buckets only. Every event of the view is looked at, so the last answer is kept.
 */
export function crowdingOf(layout: LaneLayout, timeline: TimelineFacts, scale: TimeScale): number {
  if (!timeline.exact) return 1;
  if (kept?.layout !== layout || kept.timeline !== timeline || kept.scale !== scale) {
    kept = { layout, timeline, scale, crowding: mostCovered(layout, timeline, scale) };
  }
  return kept.crowding;
}

function mostCovered(layout: LaneLayout, timeline: TimelineFacts, scale: TimeScale): number {
  const cells = Math.max(1, Math.ceil(scale.width / CELL_PX));
  let most = 0;
  for (const row of layout.lanes) {
    const covered = new Uint8Array(cells);
    for (const { node } of row.nodes) {
      const times = timeline.lanes.get(node)?.exact?.times;
      if (times === undefined) continue;
      for (let i = lowerBound(times, scale.viewport.from); i < times.length; i += 1) {
        const cell = Math.floor(scale.x(times[i] as number) / CELL_PX);
        if (cell >= cells) break;
        covered[cell] = 1;
      }
    }
    most = Math.max(most, covered.reduce((sum, one) => sum + one, 0) / cells);
  }
  return most;
}
