/** The ruler, and its fine lines behind the lanes. */

import type { RowMark } from "../query/row-marks.ts";
import type { RulerLine } from "../scale/ruler-ticks.ts";
import { drawRowMarks } from "./paint-rows.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** Room of the rows of a query, at the foot. */
const ROWS_HEIGHT = 6;

export function paintRuler(
  surface: Surface,
  palette: Palette,
  lines: readonly RulerLine[],
  rows: readonly RowMark[],
): void {
  const { context: pen, width, height } = surface;
  pen.font = palette.font;
  pen.textBaseline = "alphabetic";
  for (const line of lines) {
    const x = Math.round(line.x) + 0.5;
    pen.strokeStyle = line.label === "" ? palette.softLine : palette.line;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, line.label === "" ? height - 4 : height - 9);
    pen.lineTo(x, height);
    pen.stroke();
    if (line.label === "") continue;
    pen.fillStyle = line.isRound ? palette.text : palette.muted;
    const half = pen.measureText(line.label).width / 2;
    if (x - half < 2 || x + half > width - 2) continue; // a cut label says less than none
    pen.fillText(line.label, x - half, height - 14);
  }
  drawRowMarks(surface, palette, rows, height - ROWS_HEIGHT, ROWS_HEIGHT);
}

export function paintGrid(
  { context: pen, height }: Surface,
  palette: Palette,
  lines: readonly RulerLine[],
): void {
  pen.fillStyle = palette.softLine;
  for (const { x, label } of lines) {
    if (label !== "") pen.fillRect(Math.round(x), 0, 1, height);
  }
}
