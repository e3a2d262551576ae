/**
 * Messages: a line from send to receive in the sender's colour. Which lines there are, and which stand
 * for many, is decided in model/message-lines.ts; width tells the count. A message that never arrived
 * as far as is known ends open.
 */
import { EXACT_BELOW, type MessageLine } from "../model/message-lines.ts";
import { nodeColour, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

export function paintMessages(
  surface: Surface,
  palette: Palette,
  lines: readonly MessageLine[],
  scrollTop: number,
): void {
  const { context: pen } = surface;
  const total = lines.reduce((sum, { count }) => sum + count, 0);
  // The more there are, the paler each: lines must not hide the events.
  const alpha = palette.isForced ? 1 : Math.min(0.75, Math.max(0.14, 9 / Math.sqrt(total + 1)));
  const hasHeads = lines.length <= EXACT_BELOW;
  for (const line of lines) {
    if (outOfSight(line, scrollTop, surface.height)) continue;
    pen.strokeStyle = nodeColour(palette, line.hue);
    pen.globalAlpha = alpha;
    pen.lineWidth = Math.min(4, 1.1 + Math.log2(line.count) * 0.45);
    // Joined over a hidden node: longer dashes than those of an open end.
    pen.setLineDash(line.isOpen ? [3, 3] : line.message.isJoined ? [9, 5] : []);
    pen.beginPath();
    pen.moveTo(line.x0, line.y0 - scrollTop);
    pen.lineTo(line.x1, line.y1 - scrollTop);
    pen.stroke();
    if (line.isOpen) openEnd(pen, line.x1, line.y1 - scrollTop);
    else if (hasHeads) arrowHead(pen, palette, line, scrollTop);
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/** One line strong and on top: what is hovered or selected. */
export function paintLitMessage(
  surface: Surface,
  palette: Palette,
  line: MessageLine,
  scrollTop: number,
): void {
  const { context: pen } = surface;
  pen.strokeStyle = nodeColour(palette, line.hue);
  pen.lineWidth = 3;
  pen.beginPath();
  pen.moveTo(line.x0, line.y0 - scrollTop);
  pen.lineTo(line.x1, line.y1 - scrollTop);
  pen.stroke();
  if (!line.isOpen) arrowHead(pen, palette, line, scrollTop, 9);
}

function outOfSight(line: MessageLine, scrollTop: number, height: number): boolean {
  return Math.max(line.y0, line.y1) < scrollTop || Math.min(line.y0, line.y1) > scrollTop + height;
}

function openEnd(pen: CanvasRenderingContext2D, x: number, y: number): void {
  pen.setLineDash([]);
  pen.beginPath();
  pen.arc(x + 3, y, 2.5, 0, 2 * Math.PI);
  pen.stroke();
}

function arrowHead(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  line: MessageLine,
  scrollTop: number,
  size = 6,
): void {
  const length = Math.hypot(line.x1 - line.x0, line.y1 - line.y0);
  if (length < 14) return;
  const ux = (line.x1 - line.x0) / length;
  const uy = (line.y1 - line.y0) / length;
  // Stops short of the glyph of the receive.
  const x = line.x1 - ux * 6;
  const y = line.y1 - uy * 6 - scrollTop;
  pen.fillStyle = nodeColour(palette, line.hue);
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x - ux * size - uy * size * 0.45, y - uy * size + ux * size * 0.45);
  pen.lineTo(x - ux * size + uy * size * 0.45, y - uy * size - ux * size * 0.45);
  pen.closePath();
  pen.fill();
}
