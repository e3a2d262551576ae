/**
 * Dense lanes: one column per pixel. Changes rise above the lifeline, messages hang below it, both on
 * a logarithmic scale of their own, so that one event can still be seen beside a thousand. Requests
 * are a second row whose height is the *worst* residence. What is flagged keeps its diamond at any
 * zoom. All lanes are written into one image.
 */
import type { LaneRow } from "../model/lane-layout.ts";
import type { LaneFacts } from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import type { Palette } from "./palette.ts";
import { clearColumns, emptyColumns, gatherLane, type PixelColumns } from "./pixel-columns.ts";
import { type PixelColour, type PixelImage, pixelColour } from "./pixel-image.ts";
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
/** Messages and requests are paler than changes. */
const PALE = 0.5;
/** A column of single events, which have no width of their own. */
const EXACT_WIDTH = 2;

/** Kept from lane to lane: a frame makes no garbage. */
let kept: PixelColumns = emptyColumns(0);

export function drawColumns(
  image: PixelImage,
  surface: Surface,
  palette: Palette,
  scale: TimeScale,
  lanes: readonly DrawnLane[],
  row: LaneRow,
  scrollTop: number,
): void {
  const [first] = lanes;
  if (first === undefined) return;
  const width = Math.ceil(surface.width);
  if (kept.changes.length !== width) kept = emptyColumns(width);
  else clearColumns(kept);
  const columns = kept;
  for (const { lane } of lanes) gatherLane(columns, scale, lane);

  const middle = row.lifelineY - scrollTop;
  const requestsTop = row.requestY - scrollTop;
  const rise = row.lifelineY - row.y - AIR;
  const columnWidth = first.lane.exact === null ? 1 : EXACT_WIDTH;
  const strong = pixelColour(first.colour);
  const pale = pixelColour(first.colour, palette.isForced ? 1 : PALE);
  for (let x = 0; x < width; x += 1) {
    const changes = columns.changes[x] as number;
    if (changes > 0) {
      const height = LEAST_RISE + share(changes, FULL_COUNT) * (rise - LEAST_RISE);
      image.fill(x, middle - height, columnWidth, height, strong);
    }
    const messages = columns.messages[x] as number;
    if (messages > 0) {
      image.fill(x, middle + 1, columnWidth, 3 + share(messages, FULL_COUNT) * (HANG - 3), pale);
    }
    if ((columns.requests[x] as number) > 0) {
      const height = share(columns.worstUs[x] as number, FULL_US) * REQUEST_RISE;
      image.fill(x, requestsTop + REQUEST_RISE - height, columnWidth, height, pale);
    }
  }
  drawSigns(image, columns, middle, pixelColour(palette.warning), pixelColour(palette.text));
}

function drawSigns(
  image: PixelImage,
  { flagged, marks }: PixelColumns,
  middle: number,
  warning: PixelColour,
  text: PixelColour,
): void {
  let lastMark = -Infinity;
  let lastFlag = -Infinity;
  for (let x = 0; x < flagged.length; x += 1) {
    if (flagged[x] === 1 && x - lastFlag >= SIGN_PX) {
      lastFlag = x;
      diamond(image, x, middle - 16, 4, warning);
    }
    if (marks[x] === 1 && x - lastMark >= SIGN_PX) {
      lastMark = x;
      image.fill(x, middle - 18, 1, 26, text);
      image.fill(x, middle - 18, 7, 5, text);
    }
  }
}

function diamond(image: PixelImage, x: number, y: number, half: number, colour: PixelColour): void {
  for (let dy = -half; dy <= half; dy += 1) {
    const reach = half - Math.abs(dy);
    image.fill(x - reach, y + dy, 2 * reach + 1, 1, colour);
  }
}

function share(value: number, full: number): number {
  return Math.min(1, Math.log1p(value) / Math.log1p(full));
}
