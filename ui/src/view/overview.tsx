/** The minimap. Its keyboard twins are the pan and zoom keys; assistive technology does not see it. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { type OverviewColumns, overviewColumns } from "../model/overview-columns.ts";
import { draggedView, type Hold, holdAt } from "../model/overview-drag.ts";
import type { TimelineFacts } from "../model/timeline-facts.ts";
import { paintOverview, paintOverviewGround, windowOn } from "../paint/paint-overview.ts";
import { clearedSurface, openSurface, type Surface } from "../paint/surface.ts";
import { rowMarks } from "../query/row-marks.ts";
import { fitted, TimeScale } from "../scale/time-scale.ts";
import { palette } from "./theme.ts";

export function Overview({ app }: { readonly app: App }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => app.frames.add("overview", () => paint(app, canvas.current)), [app]);
  return (
    <div class="overview" aria-hidden="true">
      <canvas
        ref={canvas}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          grab(app, event);
        }}
        onPointerMove={(event) => {
          if (event.buttons === 1) drag(app, event);
          else point(app, event);
        }}
      />
    </div>
  );
}

let hold: Hold | null = null;

function grab(app: App, event: PointerEvent): void {
  const scale = scaleOf(app, event.currentTarget);
  const view = app.choices.viewport.peek();
  if (scale === undefined || view === null) return;
  hold = holdAt(scale, view, windowOn(scale, view), event.offsetX);
  drag(app, event);
}

function drag(app: App, event: PointerEvent): void {
  const scale = scaleOf(app, event.currentTarget);
  const view = app.choices.viewport.peek();
  if (scale === undefined || view === null || hold === null) return;
  app.verbs.showRange(draggedView(scale, view, hold, event.offsetX));
}

/** The pointer says what a press would take hold of. */
function point(app: App, event: PointerEvent): void {
  const scale = scaleOf(app, event.currentTarget);
  const view = app.choices.viewport.peek();
  if (scale === undefined || view === null || !(event.target instanceof HTMLElement)) return;
  const { part } = holdAt(scale, view, windowOn(scale, view), event.offsetX);
  event.target.dataset["over"] = part;
}

function scaleOf(app: App, canvas: EventTarget | null): TimeScale | undefined {
  const extent = app.watch.facts.peek()?.extent;
  if (!extent || !(canvas instanceof HTMLCanvasElement)) return undefined;
  return new TimeScale(fitted(extent.first, extent.last), canvas.clientWidth);
}

/** Sums over all lanes: kept while neither they nor the width change. */
let kept: { timeline: unknown; scale: TimeScale; columns: OverviewColumns } | null = null;

function columnsOf(timeline: TimelineFacts | null, scale: TimeScale): OverviewColumns {
  const { from, to } = scale.viewport;
  const isKept =
    kept?.timeline === timeline &&
    kept.scale.width === scale.width &&
    kept.scale.viewport.from === from &&
    kept.scale.viewport.to === to;
  if (!isKept) kept = { timeline, scale, columns: overviewColumns(timeline, scale) };
  return (kept as NonNullable<typeof kept>).columns;
}

/** Density and heat, painted once for the columns, colours and size of now. */
let ground: { readonly key: readonly unknown[]; readonly canvas: HTMLCanvasElement } | null = null;

function groundOf(columns: OverviewColumns, { width, height, ratio }: Surface): HTMLCanvasElement {
  const key = [columns, palette(), width, height, ratio];
  if (ground?.key.every((one, i) => one === key[i])) return ground.canvas;
  const canvas = ground?.canvas ?? document.createElement("canvas");
  const surface = clearedSurface(canvas, width, height);
  if (surface !== undefined) paintOverviewGround(surface, palette(), columns);
  ground = { key, canvas };
  return canvas;
}

function paint(app: App, canvas: HTMLCanvasElement | null): void {
  const surface = canvas === null ? undefined : openSurface(canvas);
  const extent = app.watch.facts.peek()?.extent;
  const view = app.choices.viewport.peek();
  if (surface === undefined || !extent || view === null) return;
  const shown = fitted(extent.first, extent.last);
  const timeline = app.answers.overview.answered.peek()?.answer ?? null;
  const columns = columnsOf(timeline, new TimeScale(shown, surface.width));
  paintOverview(surface, palette(), {
    columns,
    ground: groundOf(columns, surface),
    extent: shown,
    view,
    cut: app.choices.cut.peek(),
    fixedCut: app.choices.fixedCut.peek(),
    rows: rowMarks(app.query.rows.peek(), new TimeScale(shown, surface.width)),
  });
}
