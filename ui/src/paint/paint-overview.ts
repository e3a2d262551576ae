/** The minimap: all that is retained, as density, with the view and the cuts on it. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { TimelineFacts } from "../model/timeline-facts.ts";
import type { RowMark } from "../query/row-marks.ts";
import { TimeScale, type Viewport } from "../scale/time-scale.ts";
import { drawRowMarks } from "./paint-rows.ts";
import type { Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

export interface OverviewScene {
  readonly timeline: TimelineFacts | null;
  readonly extent: Viewport;
  readonly view: Viewport;
  readonly cut: Hlc | null;
  readonly fixedCut: Hlc | null;
  /** Of the query's rows, on a scale over the extent. */
  readonly rows: readonly RowMark[];
}

/** A view is never drawn narrower, so that it can be found and grabbed. */
export const MIN_WINDOW_PX = 10;

/** Left edge and width of the view on the minimap. */
export function windowOn(scale: TimeScale, view: Viewport): { x: number; width: number } {
  const x = scale.x(view.from);
  const width = scale.x(view.to) - x;
  if (width >= MIN_WINDOW_PX) return { x, width };
  return { x: x - (MIN_WINDOW_PX - width) / 2, width: MIN_WINDOW_PX };
}

export function paintOverview(surface: Surface, palette: Palette, scene: OverviewScene): void {
  const { context: pen, width, height } = surface;
  const scale = new TimeScale(scene.extent, width);
  const counts = densities(scene.timeline, scale, Math.ceil(width));
  const most = counts.reduce((highest, count) => Math.max(highest, count), 1);
  pen.fillStyle = palette.muted;
  pen.globalAlpha = palette.isForced ? 1 : 0.55;
  pen.beginPath();
  for (let x = 0; x < counts.length; x += 1) {
    const count = counts[x] as number;
    if (count === 0) continue;
    const rise = (Math.log1p(count) / Math.log1p(most)) * (height - 10) + 1;
    pen.rect(x, height - 4 - rise, 1, rise);
  }
  pen.fill();
  pen.globalAlpha = 1;

  const { x, width: shown } = windowOn(scale, scene.view);
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
  pen.roundRect(from + 0.75, 2.75, Math.max(1, to - from - 1.5), height - 5.5, 4);
  pen.stroke();
  drawRowMarks(surface, palette, scene.rows, 0, 5);
  line(pen, scale, scene.fixedCut, palette.fixedCut, height, [4, 3]);
  line(pen, scale, scene.cut, palette.cut, height, []);
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

function densities(timeline: TimelineFacts | null, scale: TimeScale, width: number): Float64Array {
  const counts = new Float64Array(width);
  for (const lane of timeline?.lanes.values() ?? []) {
    const add = (t: number, count: number) => {
      const x = Math.floor(scale.x(t));
      if (x >= 0 && x < width) counts[x] = (counts[x] as number) + count;
    };
    const { buckets, exact } = lane;
    if (exact !== null) for (const t of exact.times) add(t, 1);
    else {
      buckets.starts.forEach((t, i) => {
        add(
          t,
          (buckets.changes[i] as number) +
            (buckets.messages[i] as number) +
            (buckets.requests[i] as number),
        );
      });
    }
  }
  return counts;
}
