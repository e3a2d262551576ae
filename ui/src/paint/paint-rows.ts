/**
 * Rows of a query: bars on ruler and minimap, diamonds on the lanes whose nodes began them, and the row
 * that was gone to as a band over all lanes. Shape carries what colour cannot: hatched is incomplete,
 * a ragged end is not the true one. Bounded by pixels: marks come merged (query/row-marks.ts).
 */

import type { ResultRow } from "../query/row-book.ts";
import { laneMarks, type RowMark } from "../query/row-marks.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import { traceHatch } from "./hatch.ts";
import type { LanesScene } from "./paint-lanes.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** A row is never drawn narrower, so that a single cut is seen. */
const LEAST_PX = 3;
const TOOTH_PX = 3;
const HATCH_PX = 4;
/** Diamonds on a lane: half their width, and how near two may come. */
const DIAMOND_PX = 5;
const DIAMONDS_APART_PX = 8;
/** From a lane's top edge to the middle of its diamonds. */
const DIAMOND_BELOW = 8;

/** Bars between `y` and `y + height`. */
export function drawRowMarks(
  surface: Surface,
  palette: Palette,
  marks: readonly RowMark[],
  y: number,
  height: number,
): void {
  const { context: pen } = surface;
  pen.fillStyle = palette.hit;
  for (const mark of marks) {
    const width = Math.max(LEAST_PX, mark.x1 - mark.x0);
    const x = mark.x1 - mark.x0 < LEAST_PX ? mark.x0 - (width - (mark.x1 - mark.x0)) / 2 : mark.x0;
    if (mark.isHatched) hatchedBar(surface, palette, x, y, width, height);
    else pen.fillRect(x, y, width, height);
    if (mark.isRaggedLeft) raggedEnd(surface, palette, x, y, height, 1);
    if (mark.isRaggedRight) raggedEnd(surface, palette, x + width, y, height, -1);
  }
}

function hatchedBar(
  { context: pen, width: screen }: Surface,
  palette: Palette,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const from = Math.max(-HATCH_PX, x);
  const to = Math.min(screen + HATCH_PX, x + width);
  pen.save();
  pen.beginPath();
  pen.rect(from, y, to - from, height);
  pen.clip();
  pen.strokeStyle = palette.hit;
  pen.lineWidth = 1.5;
  pen.beginPath();
  traceHatch(pen, from, y, to, height, HATCH_PX);
  pen.moveTo(from, y + 0.5);
  pen.lineTo(to, y + 0.5);
  pen.stroke();
  pen.restore();
}

/** Teeth cut out of a bar's end; `inwards` is the direction into the bar. */
function raggedEnd(
  { context: pen }: Surface,
  palette: Palette,
  x: number,
  y: number,
  height: number,
  inwards: 1 | -1,
): void {
  const tooth = height / 2;
  pen.fillStyle = palette.ground;
  pen.beginPath();
  for (const top of [y, y + tooth]) {
    pen.moveTo(x - inwards, top);
    pen.lineTo(x + inwards * TOOTH_PX, top + tooth / 2);
    pen.lineTo(x - inwards, top + tooth);
  }
  pen.fill();
  pen.fillStyle = palette.hit;
}

/** Behind the lanes' events: how long the row lasts, on all of them. */
export function paintChosenRow(
  { context: pen, width, height }: Surface,
  palette: Palette,
  scale: TimeScale,
  row: ResultRow | null,
): void {
  if (row === null) return;
  const x0 = Math.max(-2, scale.x(row.from));
  const x1 = Math.min(width + 2, Math.max(scale.x(row.to), x0 + 1));
  if (x1 < 0 || x0 > width) return;
  pen.fillStyle = palette.hit;
  pen.globalAlpha = palette.isForced ? 0 : 0.1;
  pen.fillRect(x0, 0, x1 - x0, height);
  pen.globalAlpha = palette.isForced ? 1 : 0.55;
  const isRaggedRight = row.open || row.kind === "hit";
  edge(pen, x0, height, row.sinceStart);
  edge(pen, x1, height, isRaggedRight);
  pen.globalAlpha = 1;
}

/** A line where the row begins or ends; broken where that is not its true end. */
function edge(pen: CanvasRenderingContext2D, x: number, height: number, isRagged: boolean): void {
  pen.strokeStyle = pen.fillStyle;
  pen.lineWidth = 1;
  pen.setLineDash(isRagged ? [3, 4] : []);
  pen.beginPath();
  pen.moveTo(Math.round(x) + 0.5, 0);
  pen.lineTo(Math.round(x) + 0.5, height);
  pen.stroke();
  pen.setLineDash([]);
}

/** Above the events: a diamond where a node's change began a row. */
export function paintRowsOnLanes(
  { context: pen, height }: Surface,
  palette: Palette,
  { layout, scale, scrollTop }: LanesScene,
  rows: readonly ResultRow[],
  chosen: ResultRow | null,
): void {
  if (rows.length === 0) return;
  for (const lane of layout.lanes) {
    const y = lane.y - scrollTop + DIAMOND_BELOW;
    if (y < -DIAMOND_PX || y > height + DIAMOND_PX) continue;
    const nodes = new Set(lane.nodes.map(({ node }) => node));
    for (const { x, isHatched } of laneMarks(rows, nodes, scale, DIAMONDS_APART_PX)) {
      diamond(pen, palette, x, y, DIAMOND_PX, isHatched);
    }
    const isChosen = chosen?.by.some((node) => nodes.has(node)) ?? false;
    if (chosen === null || !isChosen || !scale.isVisible(chosen.from)) continue;
    diamond(pen, palette, scale.x(chosen.from), y, DIAMOND_PX + 2, !chosen.complete);
  }
}

/** Hollow where the row is incomplete: a diamond is too small for hatching. */
function diamond(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  x: number,
  y: number,
  half: number,
  isHollow: boolean,
): void {
  pen.beginPath();
  pen.moveTo(x, y - half);
  pen.lineTo(x + half, y);
  pen.lineTo(x, y + half);
  pen.lineTo(x - half, y);
  pen.closePath();
  pen.strokeStyle = palette.ground;
  pen.lineWidth = 3;
  pen.stroke();
  pen.fillStyle = isHollow ? palette.ground : palette.hit;
  pen.fill();
  pen.strokeStyle = palette.hit;
  pen.lineWidth = 1.5;
  pen.stroke();
}
