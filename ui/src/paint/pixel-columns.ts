/**
 * What a dense lane shows of each pixel: sums, and the worst latency. Several cells of a tile may share
 * a pixel; a cell that is wider than a pixel (a coarser tile, while the right one is on its way) fills
 * all of its pixels.
 */
import {
  type ExactEvents,
  GlyphCode,
  type LaneFacts,
  lowerBound,
} from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";

export interface PixelColumns {
  readonly changes: Float64Array;
  readonly messages: Float64Array;
  readonly requests: Float64Array;
  readonly worstUs: Float64Array;
  readonly marks: Uint8Array;
  readonly flagged: Uint8Array;
}

export function emptyColumns(width: number): PixelColumns {
  return {
    changes: new Float64Array(width),
    messages: new Float64Array(width),
    requests: new Float64Array(width),
    worstUs: new Float64Array(width),
    marks: new Uint8Array(width),
    flagged: new Uint8Array(width),
  };
}

export function clearColumns(columns: PixelColumns): void {
  for (const column of Object.values(columns) as (Float64Array | Uint8Array)[]) column.fill(0);
}

/** Adds a lane: the columns of a folded row are the sums of its nodes. */
export function gatherLane(columns: PixelColumns, scale: TimeScale, lane: LaneFacts): void {
  if (lane.exact === null) gatherBuckets(columns, scale, lane);
  else gatherExact(columns, scale, lane.exact);
}

/** Hot while zooming: bench `ui`. */
function gatherBuckets(columns: PixelColumns, scale: TimeScale, { buckets }: LaneFacts): void {
  const { starts, ends, changes, messages, requests, worstUs, marks, flagged } = buckets;
  const width = columns.changes.length;
  for (let i = lowerBound(ends, scale.viewport.from + 1); i < starts.length; i += 1) {
    const left = Math.floor(scale.x(starts[i] as number));
    if (left >= width) break;
    // A cell that is cut by an edge of the view lies at that edge.
    const first = Math.max(0, left);
    const right = Math.ceil(scale.x(ends[i] as number)) - 1;
    // Of a cell of up to a pixel only the pixel that it begins in: no event is drawn twice.
    const isWide = right - left > 1;
    const last = isWide ? Math.min(width - 1, right) : first;
    for (let x = first; x <= last; x += 1) {
      columns.changes[x] = (columns.changes[x] as number) + (changes[i] as number);
      columns.messages[x] = (columns.messages[x] as number) + (messages[i] as number);
      columns.requests[x] = (columns.requests[x] as number) + (requests[i] as number);
      columns.worstUs[x] = Math.max(columns.worstUs[x] as number, worstUs[i] as number);
    }
    if ((marks[i] as number) > 0) columns.marks[first] = 1;
    if (flagged[i] === 1) columns.flagged[first] = 1;
  }
}

/** The same from single events, where they are too close for glyphs. */
function gatherExact(columns: PixelColumns, scale: TimeScale, exact: ExactEvents): void {
  const { times, glyphs, counts, residenceUs } = exact;
  const width = columns.changes.length;
  for (let i = lowerBound(times, scale.viewport.from); i < times.length; i += 1) {
    const x = Math.floor(scale.x(times[i] as number));
    if (x >= width) break;
    const glyph = glyphs[i] as number;
    if (glyph === GlyphCode.send || glyph === GlyphCode.receive) {
      columns.messages[x] = (columns.messages[x] as number) + 1;
    } else if (glyph === GlyphCode.request) {
      columns.requests[x] = (columns.requests[x] as number) + 1;
      columns.worstUs[x] = Math.max(columns.worstUs[x] as number, residenceUs[i] as number);
    } else if (glyph === GlyphCode.mark) {
      columns.marks[x] = 1;
    } else if (
      glyph === GlyphCode.change ||
      glyph === GlyphCode.commit ||
      glyph === GlyphCode.delete
    ) {
      columns.changes[x] = (columns.changes[x] as number) + (counts[i] as number);
    }
  }
}
