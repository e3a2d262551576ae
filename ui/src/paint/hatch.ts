/** Hatching: what is not known. Lines lean the same way and meet across neighbours. */
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

const STEP = 7;

/** Adds the lines over a box to the path, `step` px apart; the pen is clipped to the box by the caller. */
export function traceHatch(
  pen: CanvasRenderingContext2D,
  from: number,
  y: number,
  to: number,
  height: number,
  step: number,
): void {
  for (let at = Math.floor((from - height) / step) * step; at < to; at += step) {
    pen.moveTo(at, y + height);
    pen.lineTo(at + height, y);
  }
}

export function fillHatched(
  { context: pen, width: screen }: Surface,
  palette: Palette,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const from = Math.max(0, x);
  const to = Math.min(screen, x + width);
  if (to <= from) return;
  pen.save();
  pen.beginPath();
  pen.rect(from, y, to - from, height);
  pen.clip();
  pen.strokeStyle = palette.hatch;
  pen.lineWidth = 1;
  pen.beginPath();
  traceHatch(pen, from, y, to, height, STEP);
  pen.stroke();
  pen.restore();
  // A thin edge says where the unknown begins.
  pen.fillStyle = palette.hatch;
  pen.fillRect(from, y, 1, height);
}
