/**
 * Latency below the lanes: heat map, percentiles, flags of episodes, on the time scale of the lanes; or the same as a
 * table. Loads when it is opened first.
 */
import "../styles/latency.css";
import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { episodesIn } from "../model/episode-book.ts";
import { Backdrop } from "../paint/backdrop.ts";
import { openSurface } from "../paint/surface.ts";
import { palette } from "../view/theme.ts";
import type { HeatMap } from "./heat-map.ts";
import { type Edge, grown, movedBox, slowestCell } from "./latency-box.ts";
import { chooseBox, keepAskingLatency, latencyDesk } from "./latency-desk.ts";
import { LatencyTable } from "./latency-table.tsx";
import { paintAxis, paintStrip, stripRows } from "./paint-strip.ts";
import { paintStripOver } from "./paint-strip-over.ts";
import { themeRamp } from "./ramp-colours.ts";
import { listenToStrip } from "./strip-pointer.ts";
import { StripState, StripTools } from "./strip-tools.tsx";

export function LatencyStrip({ app }: { readonly app: App }): JSX.Element {
  const isTable = useSignal(false);
  useEffect(() => keepAskingLatency(app), [app]);
  return (
    <div class="latency-body">
      <StripTools app={app} isTable={isTable} />
      {isTable.value ? <LatencyTable app={app} /> : <Chart app={app} />}
    </div>
  );
}

function Chart({ app }: { readonly app: App }): JSX.Element {
  const plot = useRef<HTMLDivElement>(null);
  const axis = useRef<HTMLCanvasElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (plot.current === null) return undefined;
    const watchSize = new ResizeObserver(() => app.frames.mark("latency", "latency-over"));
    watchSize.observe(plot.current);
    const picture = new Backdrop(app.host, () => app.frames.mark("latency"));
    const removers = [
      app.frames.add("latency", () => {
        paintChart(app, picture, base.current, plot.current);
        paintScale(app, axis.current);
      }),
      app.frames.add("latency-over", () => paintOver(app, over.current)),
      listenToStrip(app, plot.current),
      effect(() => repaintOnChange(app)),
      () => watchSize.disconnect(),
    ];
    return () => {
      for (const remove of removers) remove();
    };
  }, [app]);
  return (
    <div class="latency-chart">
      <canvas ref={axis} class="latency-axis" aria-hidden="true" />
      <div
        class="latency-plot"
        id="latency"
        ref={plot}
        data-over="heat"
        tabIndex={0}
        role="group"
        aria-label="Heat map of latencies. Shift and arrows draw a box, arrows move it; the button Table has the same in rows."
        onKeyDown={(event) => onKey(app, event)}
      >
        <canvas ref={base} aria-hidden="true" />
        <canvas ref={over} aria-hidden="true" />
        <StripState app={app} />
      </div>
    </div>
  );
}

interface Shown {
  readonly map: HeatMap;
  readonly other: HeatMap;
}

function shownMaps(app: App): Shown | undefined {
  const maps = latencyDesk(app).maps.peek();
  if (maps === null) return undefined;
  const isServer = app.choices.latencySide.peek() === "server";
  return isServer
    ? { map: maps.server, other: maps.caller }
    : { map: maps.caller, other: maps.server };
}

function paintChart(
  app: App,
  picture: Backdrop,
  canvas: HTMLCanvasElement | null,
  plot: HTMLElement | null,
): void {
  const scale = app.scale.peek();
  const shown = shownMaps(app);
  if (canvas === null || plot === null || scale === null) return;
  if (shown === undefined) {
    openSurface(canvas);
    return;
  }
  const colours = palette();
  const ramp = themeRamp(plot, colours);
  const known = app.episodes.list.peek();
  picture.show(canvas, scale, [shown.map, known, ramp], (surface, at) => {
    const episodes = episodesIn(known, at.viewport);
    paintStrip(surface, colours, { ...shown, scale: at, episodes, ramp });
  });
}

function paintScale(app: App, canvas: HTMLCanvasElement | null): void {
  const surface = canvas === null ? undefined : openSurface(canvas);
  const shown = shownMaps(app);
  const rows = surface && shown && stripRows(shown.map, shown.other, surface.height);
  if (surface !== undefined && rows !== undefined) paintAxis(surface, palette(), rows);
}

function paintOver(app: App, canvas: HTMLCanvasElement | null): void {
  const surface = canvas === null ? undefined : openSurface(canvas);
  const scale = app.scale.peek();
  if (surface === undefined || scale === null) return;
  const shown = shownMaps(app);
  const { drawn, hover } = latencyDesk(app);
  const hovered = hover.peek();
  paintStripOver(surface, palette(), {
    scale,
    rows: shown && stripRows(shown.map, shown.other, surface.height)?.heat,
    cut: app.choices.cut.peek(),
    fixedCut: app.choices.fixedCut.peek(),
    box: drawn.peek() ?? app.choices.box.peek(),
    hovered:
      hovered === null || drawn.peek() !== null
        ? null
        : { from: hovered.column.from, to: hovered.column.to, ...hovered.band },
  });
}

function repaintOnChange(app: App): void {
  const desk = latencyDesk(app);
  // Read, so that this runs again when any of them changes; what the lanes depend on marks all layers.
  void [desk.maps.value, desk.drawn.value, desk.hover.value];
  void [app.choices.latencySide.value, app.choices.box.value, app.episodes.list.value];
  app.frames.mark("latency", "latency-over");
}

const EDGES: Readonly<Record<string, Edge>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** Shift and arrows grow the box, arrows move it. Without a box arrows step the cut, as everywhere. */
function onKey(app: App, event: KeyboardEvent): void {
  const edge = EDGES[event.key];
  const map = shownMaps(app)?.map;
  const view = app.choices.viewport.peek();
  if (edge === undefined || map === undefined || view === null) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const box = app.choices.box.peek();
  if (box === null && !event.shiftKey) return;
  event.preventDefault();
  if (box === null) {
    const first = slowestCell(map, view);
    if (first === null) app.verbs.say("No request ended in this view.");
    else chooseBox(app, first);
    return;
  }
  chooseBox(app, event.shiftKey ? grown(map, box, edge) : movedBox(map, box, edge));
}
