/** Folded silences: a break in the ruler with its true length, and a pale band through the lanes. */
import type { TimeScale } from "../scale/time-scale.ts";
import { durationText } from "../scale/time-words.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** Half the width of the zigzag at the edges of a band, and the height of one tooth. */
const TOOTH_PX = 3;
const TOOTH_HEIGHT = 8;

export function paintFoldLabels(
  { context: pen, height }: Surface,
  palette: Palette,
  scale: TimeScale,
): void {
  pen.font = palette.font;
  for (const { from, to } of scale.folds) {
    const [start, end] = [scale.x(from), scale.x(to)];
    const text = `╱╱ ${durationText(to - from)} ╱╱`;
    pen.fillStyle = palette.band;
    pen.fillRect(start, 0, end - start, height);
    pen.fillStyle = palette.muted;
    pen.fillText(text, (start + end - pen.measureText(text).width) / 2, height - 14);
  }
}

export function paintFoldBands(
  { context: pen, height }: Surface,
  palette: Palette,
  scale: TimeScale,
): void {
  for (const { from, to } of scale.folds) {
    const [start, end] = [scale.x(from), scale.x(to)];
    pen.fillStyle = palette.band;
    pen.fillRect(start, 0, end - start, height);
    pen.strokeStyle = palette.line;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const x of [start, end]) {
      for (let y = 0, tooth = 0; y <= height + TOOTH_HEIGHT; y += TOOTH_HEIGHT, tooth += 1) {
        const at = x + (tooth % 2 === 0 ? -TOOTH_PX : TOOTH_PX);
        if (y === 0) pen.moveTo(at, y);
        else pen.lineTo(at, y);
      }
    }
    pen.stroke();
  }
}
