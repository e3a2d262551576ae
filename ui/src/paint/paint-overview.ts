/**
 * The minimap: all that is retained. Density rises from the middle ground; the strip below it is as
 * dark as the worst latency of its stretch, never a mean; what is flagged keeps its mark however much
 * time a pixel holds. On top the view and the cuts.
 *
 *     ▁▂▂▁▅█▂▁▁▂      events
 *     ░░▒▓█░░         worst latency, where requests were recorded
 *       ◆    ⚑        flagged; marks of users
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { OverviewColumns } from "../model/overview-columns.ts";
import type { RowMark } from "../query/row-marks.ts";
import { TimeScale, type Viewport } from "../scale/time-scale.ts";
import { drawRowMarks } from "./paint-rows.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

export interface OverviewScene {
  readonly columns: OverviewColumns;
  /** What `paintOverviewGround` painted of them: it does not change while the view moves. */
  readonly ground: CanvasImageSource;
  readonly extent: Viewport;
  readonly view: Viewport;
  readonly cut: Hlc | null;
  readonly fixedCut: Hlc | null;
  /** Of the query's rows, on a scale over the extent. */
  readonly rows: readonly RowMark[];
}

/** A view is never drawn narrower, so that it can be found and grabbed. */
export const MIN_WINDOW_PX = 10;
const TOP = 4;
const STRIP_PX = 6;
const SIGN_PX = 7;
/** Of the strip, where requests were fast. */
const FAINTEST = 0.12;

/** Left edge and width of the view on the minimap. */
export function windowOn(scale: TimeScale, view: Viewport): { x: number; width: number } {
  const x = scale.x(view.from);
  const width = scale.x(view.to) - x;
  if (width >= MIN_WINDOW_PX) return { x, width };
  return { x: x - (MIN_WINDOW_PX - width) / 2, width: MIN_WINDOW_PX };
}

export function paintOverviewGround(
  { context: pen, height }: Surface,
  palette: Palette,
  columns: OverviewColumns,
): void {
  const strip = columns.worstUs === 0 ? 0 : STRIP_PX;
  paintDensity(pen, palette, columns, height - 4 - strip);
  if (strip > 0) paintStrip(pen, palette, columns, height - 3 - strip, strip);
}

export function paintOverview(surface: Surface, palette: Palette, scene: OverviewScene): void {
  const { context: pen, width, height } = surface;
  const scale = new TimeScale(scene.extent, width);
  pen.drawImage(scene.ground, 0, 0, width, height);
  paintWindow(surface, palette, scale, scene.view);
  paintSigns(pen, palette, scene.columns);
  drawRowMarks(surface, palette, scene.rows, 0, 5);
  line(pen, scale, scene.fixedCut, palette.fixedCut, height, [4, 3]);
  line(pen, scale, scene.cut, palette.cut, height, []);
}

function paintDensity(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  { counts, most }: OverviewColumns,
  bottom: number,
): void {
  pen.fillStyle = palette.muted;
  pen.globalAlpha = palette.isForced ? 1 : 0.55;
  for (let x = 0; x < counts.length; x += 1) {
    const count = counts[x] as number;
    if (count === 0) continue;
    const rise = (Math.log1p(count) / Math.log1p(most)) * (bottom - TOP - 1) + 1;
    pen.fillRect(x, bottom - rise, 1, rise);
  }
  pen.globalAlpha = 1;
}

/** The further from the ground, the worse; blank where no request was recorded. */
function paintStrip(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  { worst, requests, worstUs }: OverviewColumns,
  top: number,
  height: number,
): void {
  pen.fillStyle = palette.isForced ? palette.text : palette.warning;
  for (let x = 0; x < worst.length; x += 1) {
    if ((requests[x] as number) === 0) continue;
    const share = Math.log1p(worst[x] as number) / Math.log1p(worstUs);
    pen.globalAlpha = FAINTEST + (1 - FAINTEST) * share ** 2;
    pen.fillRect(x, top, 1, height);
  }
  pen.globalAlpha = 1;
}

function paintSigns(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  { flagged, marks }: OverviewColumns,
): void {
  let lastFlag = -Infinity;
  let lastMark = -Infinity;
  for (let x = 0; x < flagged.length; x += 1) {
    if (marks[x] === 1 && x - lastMark >= SIGN_PX) {
      lastMark = x;
      pen.fillStyle = palette.text;
      pen.fillRect(x, 2, 1, 9);
      pen.fillRect(x, 2, 5, 4);
    }
    if (flagged[x] === 1 && x - lastFlag >= SIGN_PX) {
      lastFlag = x;
      pen.fillStyle = palette.warning;
      pen.beginPath();
      pen.moveTo(x + 0.5, 1);
      pen.lineTo(x + 4.5, 5);
      pen.lineTo(x + 0.5, 9);
      pen.lineTo(x - 3.5, 5);
      pen.fill();
    }
  }
}

function paintWindow(
  { context: pen, width, height }: Surface,
  palette: Palette,
  scale: TimeScale,
  view: Viewport,
): void {
  const { x, width: shown } = windowOn(scale, view);
  const from = Math.max(0, x);
  const to = Math.min(width, x + shown);
  pen.fillStyle = palette.ground;
  pen.globalAlpha = palette.isForced ? 0 : 0.62;
  pen.fillRect(0, 0, from, height);
  pen.fillRect(to, 0, width - to, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = palette.accent;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.roundRect(from + 0.75, 1.75, Math.max(1, to - from - 1.5), height - 3.5, 4);
  pen.stroke();
  // Grips: the edges of the view can be dragged by themselves.
  pen.fillStyle = palette.accent;
  for (const edge of to - from > 24 ? [from + 3, to - 5] : []) {
    pen.fillRect(edge, height / 2 - 6, 2, 12);
  }
}

function line(
  pen: CanvasRenderingContext2D,
  scale: TimeScale,
  t: Hlc | null,
  colour: string,
  height: number,
  dash: number[],
): void {
  if (t === null || !scale.isVisible(t)) return;
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.setLineDash(dash);
  pen.beginPath();
  pen.moveTo(scale.x(t), 3);
  pen.lineTo(scale.x(t), height - 3);
  pen.stroke();
  pen.setLineDash([]);
}
