/** What moves above the heat map: the cuts, the box that is chosen or drawn, the cell under the pointer. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { LatencyBox } from "../model/choices.ts";
import type { Palette } from "../paint/palette.ts";
import type { Surface } from "../paint/surface.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import type { LatencyScale } from "./latency-scale.ts";

export interface OverScene {
  readonly scale: TimeScale;
  /** Absent where there is no heat map. */
  readonly rows: LatencyScale | undefined;
  readonly cut: Hlc | null;
  readonly fixedCut: Hlc | null;
  readonly box: LatencyBox | null;
  readonly hovered: LatencyBox | null;
}

export function paintStripOver(surface: Surface, palette: Palette, scene: OverScene): void {
  const { context: pen, height } = surface;
  const { scale, rows } = scene;
  const lines = [
    { t: scene.fixedCut, colour: palette.fixedCut, dash: [6, 4] },
    { t: scene.cut, colour: palette.cut, dash: [] },
  ];
  for (const { t, colour, dash } of lines) {
    if (t === null || !scale.isVisible(t)) continue;
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(Math.round(scale.x(t)) + 0.5, 0);
    pen.lineTo(Math.round(scale.x(t)) + 0.5, height);
    pen.stroke();
    pen.setLineDash([]);
  }
  if (rows === undefined) return;
  if (scene.hovered !== null) {
    pen.strokeStyle = palette.text;
    pen.lineWidth = 1;
    const { x, y, width, height: tall } = placeOf(scene.hovered, scale, rows);
    pen.strokeRect(x - 0.5, y - 0.5, width + 1, tall + 1);
  }
  if (scene.box !== null) paintBox(surface, palette, scene.box, scale, rows);
}

/** A light line inside a dark one: seen on every shade of the ramp. */
function paintBox(
  { context: pen }: Surface,
  palette: Palette,
  box: LatencyBox,
  scale: TimeScale,
  rows: LatencyScale,
): void {
  const { x, y, width, height } = placeOf(box, scale, rows);
  pen.lineWidth = 4;
  pen.strokeStyle = palette.ground;
  pen.strokeRect(x - 1, y - 1, width + 2, height + 2);
  pen.lineWidth = 2;
  pen.strokeStyle = palette.accent;
  pen.strokeRect(x - 1, y - 1, width + 2, height + 2);
}

function placeOf(
  { from, to, lowUs, highUs }: LatencyBox,
  scale: TimeScale,
  rows: LatencyScale,
): { x: number; y: number; width: number; height: number } {
  const left = Math.round(Math.max(-4, scale.x(from)));
  const right = Math.round(Math.min(scale.width + 4, scale.x(to)));
  const top = Math.round(rows.y(highUs));
  const bottom = Math.round(rows.y(lowUs));
  return {
    ...{ x: left, y: top },
    ...{ width: Math.max(2, right - left), height: Math.max(2, bottom - top) },
  };
}
