/**
 * Dense lanes: one column per pixel. Changes rise above the lifeline, messages hang below it, both on
 * a logarithmic scale of their own, so that one event can still be seen beside a thousand. Requests
 * are a second row whose height is the *worst* residence. What is flagged keeps its diamond at any
 * zoom.
 */
import type { LaneRow } from "../model/lane-layout.ts";
import { type ExactEvents, GLYPHS, type LaneFacts, lowerBound } from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** What is known of one node, with its colour. A folded row draws several in one place. */
export interface DrawnLane {
  readonly lane: LaneFacts;
  readonly colour: string;
}

/** Room that other things need above and below the columns. */
const AIR = 10;
const HANG = 10;
const REQUEST_RISE = 9;
/** A column of one event, so that it is seen. */
const LEAST_RISE = 5;
/** Flags and diamonds closer than this are one. */
const SIGN_PX = 9;
/** Counts and microseconds at which a column is full. */
const FULL_COUNT = 200;
const FULL_US = 1_000_000;

interface PixelColumns {
  readonly changes: Float64Array;
  readonly messages: Float64Array;
  readonly requests: Float64Array;
  readonly worstUs: Float64Array;
  readonly marks: Uint8Array;
  readonly flagged: Uint8Array;
}

export function drawColumns(
  surface: Surface,
  palette: Palette,
  scale: TimeScale,
  bucketTicks: number,
  lanes: readonly DrawnLane[],
  row: LaneRow,
  scrollTop: number,
): void {
  const [first] = lanes;
  if (first === undefined) return;
  const width = Math.ceil(surface.width);
  const columns = gather(scale, bucketTicks, lanes, width);
  const { context: pen } = surface;
  const middle = row.lifelineY - scrollTop;
  const requestsTop = row.requestY - scrollTop;
  const rise = row.lifelineY - row.y - AIR;
  const isExact = first.lane.exact !== null;
  const columnWidth = isExact ? 2 : Math.max(1, Math.round(bucketTicks / scale.ticksPerPixel));

  pen.fillStyle = first.colour;
  fillBars(pen, columns.changes, columnWidth, (count) => {
    const height = LEAST_RISE + share(count, FULL_COUNT) * (rise - LEAST_RISE);
    return [middle - height, height];
  });
  pen.globalAlpha = palette.isForced ? 1 : 0.5;
  fillBars(pen, columns.messages, columnWidth, (count) => [
    middle + 1,
    3 + share(count, FULL_COUNT) * (HANG - 3),
  ]);
  fillBars(pen, columns.requests, columnWidth, (_, x) => {
    const height = share(columns.worstUs[x] as number, FULL_US) * REQUEST_RISE;
    return [requestsTop + REQUEST_RISE - height, height];
  });
  pen.globalAlpha = 1;
  drawSigns(pen, palette, columns, middle);
}

/** Sums and maxima per pixel: several buckets of a finer answer may share one. */
function gather(
  scale: TimeScale,
  bucketTicks: number,
  lanes: readonly DrawnLane[],
  width: number,
): PixelColumns {
  const columns: PixelColumns = {
    changes: new Float64Array(width),
    messages: new Float64Array(width),
    requests: new Float64Array(width),
    worstUs: new Float64Array(width),
    marks: new Uint8Array(width),
    flagged: new Uint8Array(width),
  };
  for (const { lane } of lanes) {
    if (lane.exact !== null) {
      gatherExact(scale, lane.exact, columns);
      continue;
    }
    const { buckets } = lane;
    const start = lowerBound(buckets.starts, scale.viewport.from - bucketTicks);
    for (let i = start; i < buckets.starts.length; i += 1) {
      const x = Math.floor(scale.x(buckets.starts[i] as number));
      if (x >= width) break;
      if (x < 0) continue;
      add(columns.changes, x, buckets.changes[i] as number);
      add(columns.messages, x, buckets.messages[i] as number);
      add(columns.requests, x, buckets.requests[i] as number);
      columns.worstUs[x] = Math.max(columns.worstUs[x] as number, buckets.worstUs[i] as number);
      if ((buckets.marks[i] as number) > 0) columns.marks[x] = 1;
      if (buckets.flagged[i] === 1) columns.flagged[x] = 1;
    }
  }
  return columns;
}

/** The same from single events, where they are too close for glyphs. */
function gatherExact(scale: TimeScale, exact: ExactEvents, columns: PixelColumns): void {
  const { times, glyphs, counts, residenceUs } = exact;
  const width = columns.changes.length;
  for (let i = lowerBound(times, scale.viewport.from); i < times.length; i += 1) {
    const x = Math.floor(scale.x(times[i] as number));
    if (x >= width) break;
    const glyph = GLYPHS[glyphs[i] as number];
    if (glyph === "send" || glyph === "receive") add(columns.messages, x, 1);
    else if (glyph === "request") {
      add(columns.requests, x, 1);
      columns.worstUs[x] = Math.max(columns.worstUs[x] as number, residenceUs[i] as number);
    } else if (glyph === "mark") columns.marks[x] = 1;
    else if (glyph === "change" || glyph === "commit" || glyph === "delete") {
      add(columns.changes, x, counts[i] as number);
    }
  }
}

function add(column: Float64Array, x: number, count: number): void {
  column[x] = (column[x] as number) + count;
}

/** All bars of a kind in one path: one fill a lane, whatever the number of columns. */
function fillBars(
  pen: CanvasRenderingContext2D,
  counts: Float64Array,
  columnWidth: number,
  place: (count: number, x: number) => readonly [y: number, height: number],
): void {
  pen.beginPath();
  for (let x = 0; x < counts.length; x += 1) {
    const count = counts[x] as number;
    if (count === 0) continue;
    const [y, height] = place(count, x);
    pen.rect(x, y, columnWidth, height);
  }
  pen.fill();
}

function drawSigns(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  columns: PixelColumns,
  middle: number,
): void {
  let lastMark = -Infinity;
  let lastFlag = -Infinity;
  for (let x = 0; x < columns.flagged.length; x += 1) {
    if (columns.flagged[x] === 1 && x - lastFlag >= SIGN_PX) {
      lastFlag = x;
      pen.fillStyle = palette.warning;
      pen.beginPath();
      pen.moveTo(x, middle - 20);
      pen.lineTo(x + 4, middle - 16);
      pen.lineTo(x, middle - 12);
      pen.lineTo(x - 4, middle - 16);
      pen.fill();
    }
    if (columns.marks[x] === 1 && x - lastMark >= SIGN_PX) {
      lastMark = x;
      pen.fillStyle = palette.text;
      pen.fillRect(x, middle - 18, 1, 26);
      pen.fillRect(x, middle - 18, 7, 5);
    }
  }
}

function share(value: number, full: number): number {
  return Math.min(1, Math.log1p(value) / Math.log1p(full));
}
