/** What lies under the pointer: the lane by its row, then a binary search in its times. */

import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { COLUMNS_ABOVE, crowdingOf } from "../model/crowding.ts";
import type { LaneLayout, LaneRow } from "../model/lane-layout.ts";
import {
  eventsIn,
  GlyphCode,
  type LaneFacts,
  lowerBound,
  type TimelineFacts,
} from "../model/timeline-facts.ts";
import { clampTicks, type TimeScale } from "../scale/time-scale.ts";

/** How far from a glyph's centre it is still meant. */
export const REACH_PX = 8;

export interface PickedEvent {
  readonly type: "event";
  readonly line: EventLineJson;
  readonly count: number;
  readonly glyph: number;
  readonly x: number;
  readonly y: number;
}

/** A column of a dense lane: everything in [from, to] of these nodes. */
export interface PickedColumn {
  readonly type: "column";
  readonly nodes: readonly string[];
  readonly from: Hlc;
  readonly to: Hlc;
  readonly count: number;
  readonly x: number;
  readonly y: number;
}

export interface PickedGap {
  readonly type: "gap";
  readonly node: string;
  readonly reason: string;
  readonly from: Hlc;
  readonly to: Hlc;
  readonly x: number;
  readonly y: number;
}

export type Picked = PickedEvent | PickedColumn | PickedGap;

/** `y` is from the top of all rows. */
export function pick(
  timeline: TimelineFacts,
  layout: LaneLayout,
  scale: TimeScale,
  x: number,
  y: number,
): Picked | undefined {
  const row = layout.laneAt(y);
  if (row === undefined) return undefined;
  const lanes = row.nodes.flatMap(({ node }) => timeline.lanes.get(node) ?? []);
  const hit =
    crowdingOf(layout, timeline, scale) <= COLUMNS_ABOVE
      ? pickEvent(lanes, scale, row, x, y)
      : pickColumn(lanes, scale, row, x, y);
  return hit ?? pickGap(lanes, scale, row, x);
}

function pickEvent(
  lanes: readonly LaneFacts[],
  scale: TimeScale,
  row: LaneRow,
  x: number,
  y: number,
): PickedEvent | undefined {
  const onRequests = y > (row.lifelineY + row.requestY) / 2 + 2;
  let best: PickedEvent | undefined;
  let bestDistance = REACH_PX + 0.001;
  for (const { exact } of lanes) {
    if (exact === null) continue;
    const { times, glyphs, residenceUs, counts } = exact;
    // A request reaches to the left of its time, at most as far as the longest of the lane.
    const reach = onRequests ? (exact.longestUs / 1_000) * TICKS_PER_MS : 0;
    const last = lowerBound(times, scale.t(x + REACH_PX) + reach + 1);
    for (let i = lowerBound(times, scale.t(x - REACH_PX)); i < last; i += 1) {
      const isRequest = glyphs[i] === GlyphCode.request;
      if (isRequest !== onRequests) continue;
      const end = scale.x(times[i] as number);
      const start =
        end - ((residenceUs[i] as number) / 1_000) * (TICKS_PER_MS / scale.ticksPerPixel);
      if (isRequest && start > x + REACH_PX) continue;
      const distance =
        isRequest && x >= start && x <= end ? 0 : Math.min(Math.abs(x - end), Math.abs(x - start));
      if (distance >= bestDistance) continue;
      bestDistance = distance;
      best = {
        type: "event",
        line: exact.lines[i] as EventLineJson,
        count: counts[i] as number,
        glyph: glyphs[i] as number,
        x: end,
        y: isRequest ? row.requestY + 2 : row.lifelineY,
      };
    }
  }
  return best;
}

function pickColumn(
  lanes: readonly LaneFacts[],
  scale: TimeScale,
  row: LaneRow,
  x: number,
  y: number,
): PickedColumn | undefined {
  if (y >= row.trackY) return undefined;
  // Three pixels wide, so that a single column can be hit; a cell counts if it touches them.
  const from = Math.min(scale.t(x - 1.5), scale.t(x));
  const to = Math.max(scale.t(x + 1.5), scale.t(x));
  let count = 0;
  let first = Infinity;
  let last = -Infinity;
  for (const { buckets, exact } of lanes) {
    if (exact !== null) {
      const end = lowerBound(exact.times, to + 1);
      for (let i = lowerBound(exact.times, from); i < end; i += 1) {
        count += exact.counts[i] as number;
        first = Math.min(first, exact.times[i] as number);
        last = Math.max(last, exact.times[i] as number);
      }
      continue;
    }
    for (let i = lowerBound(buckets.ends, from + 1); i < buckets.starts.length; i += 1) {
      const start = buckets.starts[i] as number;
      if (start > to) break;
      const events = eventsIn(buckets, i);
      if (events === 0) continue; // only what is drawn nowhere: keyframes, joins
      count += events;
      first = Math.min(first, start);
      last = Math.max(last, (buckets.ends[i] as number) - 1);
    }
  }
  if (count === 0) return undefined;
  return {
    type: "column",
    nodes: lanes.map(({ node }) => node),
    from: clampTicks(first),
    to: clampTicks(last),
    count,
    x: scale.x((first + last) / 2),
    y: row.lifelineY,
  };
}

function pickGap(
  lanes: readonly LaneFacts[],
  scale: TimeScale,
  row: LaneRow,
  x: number,
): PickedGap | undefined {
  const t = scale.t(x);
  for (const { node, gaps } of lanes) {
    const gap = gaps.find(({ from, to }) => t >= from && t <= to);
    if (gap !== undefined) return { type: "gap", node, ...gap, x, y: row.lifelineY };
  }
  return undefined;
}
