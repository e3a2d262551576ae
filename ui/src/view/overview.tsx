/** The minimap. Its keyboard twins are the pan and zoom keys; assistive technology does not see it. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { paintOverview, windowOn } from "../paint/paint-overview.ts";
import { openSurface } from "../paint/surface.ts";
import { rowMarks } from "../query/row-marks.ts";
import { centred, fitted, TimeScale } from "../scale/time-scale.ts";
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
        }}
      />
    </div>
  );
}

/** Where inside the view it was taken hold of, in ticks from its middle. */
let heldAt = 0;

function grab(app: App, event: PointerEvent): void {
  const scale = scaleOf(app, event.currentTarget);
  const view = app.choices.viewport.peek();
  if (scale === undefined || view === null) return;
  const { x, width } = windowOn(scale, view);
  const isInside = event.offsetX >= x && event.offsetX <= x + width;
  heldAt = isInside ? scale.t(event.offsetX) - (view.from + view.to) / 2 : 0;
  drag(app, event);
}

function drag(app: App, event: PointerEvent): void {
  const scale = scaleOf(app, event.currentTarget);
  const view = app.choices.viewport.peek();
  if (scale === undefined || view === null) return;
  app.verbs.showRange(centred(view, scale.t(event.offsetX) - heldAt));
}

function scaleOf(app: App, canvas: EventTarget | null): TimeScale | undefined {
  const extent = app.watch.facts.peek()?.extent;
  if (!extent || !(canvas instanceof HTMLCanvasElement)) return undefined;
  return new TimeScale(fitted(extent.first, extent.last), canvas.clientWidth);
}

function paint(app: App, canvas: HTMLCanvasElement | null): void {
  const surface = canvas === null ? undefined : openSurface(canvas);
  const extent = app.watch.facts.peek()?.extent;
  const view = app.choices.viewport.peek();
  if (surface === undefined || !extent || view === null) return;
  const all = fitted(extent.first, extent.last);
  paintOverview(surface, palette(), {
    timeline: app.answers.overview.answered.peek()?.answer ?? null,
    extent: all,
    view,
    cut: app.choices.cut.peek(),
    fixedCut: app.choices.fixedCut.peek(),
    rows: rowMarks(app.query.rows.peek(), new TimeScale(all, surface.width)),
  });
}
