/**
 * What moves without the lanes: cut lines, hover, selection, lit messages.
 *
 * The asked time is thin. The answer is thick, and lies on it as soon as the collector has said that
 * the cut is consistent; while the answer is still on its way the thick line stays where the shown
 * state belongs, pale. For an inconsistent cut it is the largest consistent cut inside, bent back at
 * some lanes, with the messages that bend it; a broken line with the word beside it where that cut is
 * not known.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { PathPoint } from "../model/bend-path.ts";
import type { MessageLine } from "../model/message-lines.ts";
import type { TimeScale, Viewport } from "../scale/time-scale.ts";
import { paintLitMessage } from "./paint-messages.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

export interface OverlayScene {
  readonly scale: TimeScale;
  readonly scrollTop: number;
  readonly cut: Hlc | null;
  readonly fixedCut: Hlc | null;
  readonly bookmarks: readonly Hlc[];
  /** A stretch that is measured. */
  readonly measured: Viewport | null;
  /** The cut whose state is shown; null before the first answer. */
  readonly shown: {
    readonly at: Hlc;
    readonly isInconsistent: boolean;
    /** From the top of all rows. */
    readonly path: readonly PathPoint[];
  } | null;
  /** The messages that bend the line. */
  readonly bends: readonly MessageLine[];
  readonly lit: readonly MessageLine[];
  /** Centre of the hovered and of the selected glyph, from the top of all rows. */
  readonly hovered: { readonly x: number; readonly y: number } | null;
  readonly selected: { readonly x: number; readonly y: number } | null;
}

export function paintOverlay(surface: Surface, palette: Palette, scene: OverlayScene): void {
  const { context: pen, height } = surface;
  for (const line of [...scene.bends, ...scene.lit])
    paintLitMessage(surface, palette, line, scene.scrollTop);
  const { scale, cut, fixedCut, shown, measured } = scene;
  if (measured !== null) stretch(surface, palette, scale, measured);
  for (const t of scene.bookmarks) vertical(surface, scale.x(t), palette.accent, 1, [1, 3]);
  if (fixedCut !== null) vertical(surface, scale.x(fixedCut), palette.fixedCut, 2, [6, 4]);
  if (shown !== null) {
    const isCurrent = shown.at === cut;
    pen.globalAlpha = isCurrent || palette.isForced ? 1 : 0.35;
    if (shown.isInconsistent) vertical(surface, scale.x(shown.at), palette.cut, 2, [2, 5]);
    else thick(surface, palette, shown.path, scene.scrollTop);
    pen.globalAlpha = 1;
    if (shown.isInconsistent && isCurrent) {
      word(surface, palette, "inconsistent", scale.x(shown.at), height - 10);
    }
  }
  if (cut !== null) vertical(surface, scale.x(cut), palette.cut, 1, []);
  ring(pen, palette, scene.selected, scene.scrollTop, 8.5, 2);
  ring(pen, palette, scene.hovered, scene.scrollTop, 7.5, 1.5);
}

/** The measured stretch: a veil between two edges, so that what it covers stays readable. */
function stretch(
  { context: pen, height }: Surface,
  palette: Palette,
  scale: TimeScale,
  { from, to }: Viewport,
): void {
  const [left, right] = [scale.x(from), scale.x(to)];
  pen.fillStyle = palette.accent;
  pen.globalAlpha = palette.isForced ? 0 : 0.1;
  pen.fillRect(left, 0, right - left, height);
  pen.globalAlpha = 1;
  for (const x of [left, right]) pen.fillRect(Math.round(x), 0, 1, height);
}

/** The answer's line, through its bends. */
function thick(
  { context: pen }: Surface,
  palette: Palette,
  path: readonly PathPoint[],
  scrollTop: number,
): void {
  pen.strokeStyle = palette.cut;
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.beginPath();
  for (const { x, y } of path) pen.lineTo(Math.round(x) + 0.5, y - scrollTop);
  pen.stroke();
}

function vertical(
  { context: pen, width, height }: Surface,
  x: number,
  colour: string,
  thickness: number,
  dash: number[],
): void {
  if (x < -2 || x > width + 2) return;
  const at = thickness % 2 === 1 ? Math.round(x) + 0.5 : Math.round(x);
  pen.strokeStyle = colour;
  pen.lineWidth = thickness;
  pen.setLineDash(dash);
  pen.beginPath();
  pen.moveTo(at, 0);
  pen.lineTo(at, height);
  pen.stroke();
  pen.setLineDash([]);
}

function ring(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  at: { readonly x: number; readonly y: number } | null,
  scrollTop: number,
  radius: number,
  thickness: number,
): void {
  if (at === null) return;
  pen.strokeStyle = palette.text;
  pen.lineWidth = thickness;
  pen.beginPath();
  pen.arc(at.x, at.y - scrollTop, radius, 0, 2 * Math.PI);
  pen.stroke();
}

/** Right of `x`; left of it where it would be cut off at the edge. */
function word(
  { context: pen, width }: Surface,
  palette: Palette,
  text: string,
  x: number,
  y: number,
): void {
  const gap = 7;
  pen.font = palette.font;
  const textWidth = pen.measureText(text).width;
  const left = x + gap + textWidth <= width ? x + gap : x - gap - textWidth;
  pen.fillStyle = palette.ground;
  pen.fillRect(left - 3, y - 12, textWidth + 6, 17);
  pen.fillStyle = palette.warning;
  pen.fillText(text, left, y);
}
