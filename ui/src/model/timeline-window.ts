/**
 * Which stretch to ask `/api/timeline` for, so that small moves ask nothing.
 *
 * The bucket is ticks per pixel rounded down to a power of two; the range is the view with a part
 * of its width on both sides, snapped to `SNAP_BUCKETS` buckets. An answer serves every view that
 * lies inside it and wants the same bucket.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import { clampTicks, type Viewport } from "../scale/time-scale.ts";

export interface TimelineQuestion {
  readonly from: Hlc;
  readonly to: Hlc;
  /** Buckets wanted: the range is a whole number of power-of-two buckets. */
  readonly pixels: number;
}

const SNAP_BUCKETS = 64;
/** Share of the view added on each side. */
const PADDING = 0.3;
/** Most buckets ever asked for, whatever the screen. */
export const MAX_PIXELS = 8_000;

export function bucketTicksOf(viewport: Viewport, width: number): number {
  const ticksPerPixel = (viewport.to - viewport.from) / Math.max(1, width);
  return 2 ** Math.max(0, Math.floor(Math.log2(ticksPerPixel)));
}

export function timelineQuestion(viewport: Viewport, width: number): TimelineQuestion {
  const span = viewport.to - viewport.from;
  let bucket = bucketTicksOf(viewport, width);
  while (rangeOf(viewport, span, bucket).pixels > MAX_PIXELS) bucket *= 2;
  return rangeOf(viewport, span, bucket);
}

function rangeOf(viewport: Viewport, span: number, bucket: number): TimelineQuestion {
  const snap = bucket * SNAP_BUCKETS;
  const from = clampTicks(Math.floor((viewport.from - span * PADDING) / snap) * snap);
  const to = clampTicks(Math.ceil((viewport.to + span * PADDING) / snap) * snap);
  return { from, to, pixels: Math.ceil((to - from) / bucket) };
}

/** Whether the answer to `asked` still serves `viewport` at this width. */
export function serves(asked: TimelineQuestion, viewport: Viewport, width: number): boolean {
  if (viewport.from < asked.from || viewport.to > asked.to) return false;
  const wanted = timelineQuestion(viewport, width);
  return (asked.to - asked.from) * wanted.pixels === (wanted.to - wanted.from) * asked.pixels;
}
