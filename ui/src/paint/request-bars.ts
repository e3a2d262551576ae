/** Requests below the lifeline: a bar from arrival to departure, lighter where it overlaps the last. */
import { TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { type ExactEvents, GlyphCode } from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

const HEIGHT = 5;
const MARGIN = 4;

export function drawRequests(
  { context: pen, width }: Surface,
  palette: Palette,
  scale: TimeScale,
  exact: ExactEvents,
  colour: string,
  top: number,
): void {
  pen.fillStyle = colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  let lastEnd = -Infinity;
  for (let i = 0; i < exact.times.length; i += 1) {
    if (exact.glyphs[i] !== GlyphCode.request) continue;
    const departure = exact.times[i] as number;
    const end = scale.x(departure);
    const start = scale.x(departure - ((exact.residenceUs[i] as number) / 1_000) * TICKS_PER_MS);
    const isHidden = end < -MARGIN || start > width + MARGIN;
    if (isHidden || (end - lastEnd < 1 && end - start < 1)) continue;
    const overlaps = start < lastEnd;
    lastEnd = end;
    pen.globalAlpha = palette.isForced ? 1 : overlaps ? 0.3 : 0.5;
    const from = Math.max(start, -MARGIN);
    const length = Math.max(2, Math.min(end, width + MARGIN) - from);
    if (palette.isForced) pen.strokeRect(from, top + 0.5, length, HEIGHT);
    else pen.fillRect(from, top + (overlaps ? 2 : 0), length, HEIGHT);
  }
  pen.globalAlpha = 1;
}
