/** Hatching: what is not known. Lines lean the same way and meet across neighbours. */
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

const STEP = 7;

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
  for (let at = Math.floor((from - height) / STEP) * STEP; at < to; at += STEP) {
    pen.moveTo(at, y + height);
    pen.lineTo(at + height, y);
  }
  pen.stroke();
  pen.restore();
  // A thin edge says where the unknown begins.
  pen.fillStyle = palette.hatch;
  pen.fillRect(from, y, 1, height);
}
