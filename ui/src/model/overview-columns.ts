/** What the minimap shows of each pixel: sums of all lanes, and the worst of them. */
import type { TimeScale } from "../scale/time-scale.ts";
import { eventsIn, GlyphCode, lowerBound, type TimelineFacts } from "./timeline-facts.ts";

export interface OverviewColumns {
  /** Events, all lanes together. */
  readonly counts: Float64Array;
  /** The highest of them; at least 1. */
  readonly most: number;
  readonly requests: Float64Array;
  /** Microseconds. */
  readonly worst: Float64Array;
  /** The worst of all; 0 where no request was recorded. */
  readonly worstUs: number;
  readonly flagged: Uint8Array;
  readonly marks: Uint8Array;
}

export function overviewColumns(timeline: TimelineFacts | null, scale: TimeScale): OverviewColumns {
  const width = Math.ceil(scale.width);
  const counts = new Float64Array(width);
  const requests = new Float64Array(width);
  const worst = new Float64Array(width);
  const flagged = new Uint8Array(width);
  const marks = new Uint8Array(width);
  const place = (t: number): number => Math.min(width - 1, Math.max(0, Math.floor(scale.x(t))));
  for (const { buckets, exact } of timeline?.lanes.values() ?? []) {
    for (
      let i = lowerBound(buckets.ends, scale.viewport.from + 1);
      i < buckets.starts.length;
      i += 1
    ) {
      const start = buckets.starts[i] as number;
      if (start > scale.viewport.to) break;
      const x = place(start);
      if (buckets.flagged[i] === 1) flagged[x] = 1;
      if (exact !== null) continue;
      counts[x] = (counts[x] as number) + eventsIn(buckets, i);
      requests[x] = (requests[x] as number) + (buckets.requests[i] as number);
      worst[x] = Math.max(worst[x] as number, buckets.worstUs[i] as number);
      if ((buckets.marks[i] as number) > 0) marks[x] = 1;
    }
    if (exact === null) continue;
    for (const [i, t] of exact.times.entries()) {
      if (!scale.isVisible(t)) continue;
      const x = place(t);
      counts[x] = (counts[x] as number) + (exact.counts[i] as number);
      if (exact.glyphs[i] === GlyphCode.mark) marks[x] = 1;
      if (exact.glyphs[i] !== GlyphCode.request) continue;
      requests[x] = (requests[x] as number) + 1;
      worst[x] = Math.max(worst[x] as number, exact.residenceUs[i] as number);
    }
  }
  const highest = (column: Float64Array, least: number): number =>
    column.reduce((most, one) => Math.max(most, one), least);
  return {
    counts,
    most: highest(counts, 1),
    requests,
    worst,
    worstUs: highest(worst, 0),
    flagged,
    marks,
  };
}
