/**
 * The shapes: kind is shape, node is colour. Each is drawn around (x, y) and about ten pixels wide.
 *
 *     change ●   deletion ○   commit ■   send ▶   receive ◀   mark ⚑   keyframe |   join ⊢   leave ⊣
 */
import { GLYPHS, type Glyph } from "../model/timeline-facts.ts";
import type { Palette } from "./palette.ts";

type Pen = CanvasRenderingContext2D;

export function drawGlyph(
  pen: Pen,
  palette: Palette,
  code: number,
  colour: string,
  x: number,
  y: number,
  size = 1,
): void {
  if (size === 1) {
    drawFull(pen, palette, GLYPHS[code] as Glyph, colour, x, y);
    return;
  }
  pen.save();
  pen.translate(x, y);
  pen.scale(size, size);
  drawFull(pen, palette, GLYPHS[code] as Glyph, colour, 0, 0);
  pen.restore();
}

function drawFull(
  pen: Pen,
  palette: Palette,
  glyph: Glyph,
  colour: string,
  x: number,
  y: number,
): void {
  pen.fillStyle = colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  switch (glyph) {
    case "change":
      disc(pen, x, y, 4);
      haloFill(pen, palette);
      return;
    case "delete":
      disc(pen, x, y, 3.5);
      pen.fillStyle = palette.ground;
      pen.fill();
      pen.stroke();
      return;
    case "commit":
      pen.beginPath();
      pen.roundRect(x - 4, y - 4, 8, 8, 1.5);
      haloFill(pen, palette);
      return;
    case "send":
      triangle(pen, x - 3, x + 5, y);
      pen.fillStyle = palette.ground;
      pen.fill();
      pen.stroke();
      return;
    case "receive":
      triangle(pen, x + 3, x - 5, y);
      pen.fillStyle = palette.ground;
      pen.fill();
      pen.stroke();
      return;
    case "mark":
      flag(pen, x, y);
      return;
    case "keyframe":
      bar(pen, x, y, 6);
      return;
    case "join":
      bar(pen, x, y, 9);
      bar(pen, x + 3, y, 5);
      return;
    case "leave":
      bar(pen, x, y, 9);
      bar(pen, x - 3, y, 5);
      return;
    case "request":
      return; // drawn as a bar below the lifeline
  }
}

function haloFill(pen: Pen, palette: Palette): void {
  const colour = pen.fillStyle;
  pen.strokeStyle = palette.ground;
  pen.lineWidth = 2;
  pen.stroke();
  pen.fillStyle = colour;
  pen.fill();
}

function disc(pen: Pen, x: number, y: number, radius: number): void {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

function triangle(pen: Pen, base: number, tip: number, y: number): void {
  pen.beginPath();
  pen.moveTo(base, y - 4.5);
  pen.lineTo(tip, y);
  pen.lineTo(base, y + 4.5);
  pen.closePath();
}

function bar(pen: Pen, x: number, y: number, half: number): void {
  pen.beginPath();
  pen.moveTo(x, y - half);
  pen.lineTo(x, y + half);
  pen.stroke();
}

function flag(pen: Pen, x: number, y: number): void {
  pen.beginPath();
  pen.moveTo(x, y + 6);
  pen.lineTo(x, y - 11);
  pen.stroke();
  pen.beginPath();
  pen.moveTo(x, y - 11);
  pen.lineTo(x + 8, y - 8);
  pen.lineTo(x, y - 5);
  pen.closePath();
  pen.fill();
}
