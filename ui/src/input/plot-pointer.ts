/**
 * Pointer on the plot: drag the cut line, drag the ground to pan, pinch and wheel to zoom. A click
 * on a glyph selects its event; a click anywhere else puts the cut there. A press becomes a drag only
 * after a few pixels, so that a glyph under the cut line can still be clicked.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { type Picked, type PickedEvent, pick } from "../paint/picking.ts";
import { type Viewport, zoomed } from "../scale/time-scale.ts";

/** Half of the cut line's grip: 24 pixels in all. */
const GRIP_PX = 12;
const DRAG_AFTER_PX = 4;
const WHEEL_ZOOM = 0.0022;

type Press = {
  readonly startX: number;
  readonly startY: number;
  readonly view: Viewport;
  readonly grips: "cut" | "ground";
  isDrag: boolean;
};

/** Listens until the answer is called. */
export function listenToPlot(app: App, plot: HTMLElement, lanes: HTMLElement): () => void {
  const stop = new AbortController();
  const on = <Type extends keyof HTMLElementEventMap>(
    type: Type,
    run: (event: HTMLElementEventMap[Type]) => void,
    passive = true,
  ) => plot.addEventListener(type, run, { signal: stop.signal, passive });

  const pointers = new Map<number, { x: number; y: number }>();
  let press: Press | null = null;
  let pinchWidth = 0;

  const place = (event: MouseEvent) => {
    const box = plot.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const pickAt = (x: number, y: number): Picked | undefined => {
    const scale = app.scale.peek();
    const timeline = app.timeline.peek();
    if (scale === null || timeline === null) return undefined;
    return pick(timeline, app.layout.peek(), scale, x, y + lanes.scrollTop);
  };

  on("pointerdown", (event) => {
    const at = place(event);
    const scale = app.scale.peek();
    if (scale === null || event.button !== 0) return;
    // What floats above the lanes has buttons of its own.
    if (event.target instanceof Element && event.target.closest("button, .measure") !== null)
      return;
    plot.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at);
    const cut = app.choices.cut.peek();
    const onCut = cut !== null && Math.abs(scale.x(cut) - at.x) <= GRIP_PX;
    press = {
      startX: at.x,
      startY: at.y,
      view: scale.viewport,
      grips: onCut ? "cut" : "ground",
      isDrag: false,
    };
    pinchWidth = spread(pointers);
    app.hover.value = null;
  });

  on("pointermove", (event) => {
    const at = place(event);
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, at);
    const scale = app.scale.peek();
    if (scale === null) return;
    if (pointers.size === 2) {
      const width = spread(pointers);
      const middle = [...pointers.values()].reduce((sum, { x }) => sum + x / 2, 0);
      if (width > 10 && pinchWidth > 10) app.verbs.zoom(pinchWidth / width, scale.t(middle));
      pinchWidth = width;
      press = null;
      return;
    }
    if (press === null) {
      hover(app, plot, scale.x(app.choices.cut.peek() ?? Number.NaN), at, pickAt(at.x, at.y));
      return;
    }
    if (Math.hypot(at.x - press.startX, at.y - press.startY) > DRAG_AFTER_PX) press.isDrag = true;
    if (!press.isDrag) return;
    if (press.grips === "cut") app.verbs.moveCut(scale.t(at.x));
    else {
      const span = press.view.to - press.view.from;
      const share = (press.startX - at.x) / scale.width;
      app.verbs.showRange(zoomed(shifted(press.view, share * span), 1, press.view.from));
    }
  });

  const release = (event: PointerEvent) => {
    const finished = press;
    pointers.delete(event.pointerId);
    pinchWidth = spread(pointers);
    press = null;
    if (finished === null || finished.isDrag || event.type === "pointercancel") return;
    const picked = pickAt(finished.startX, finished.startY);
    const scale = app.scale.peek();
    if (scale !== null) choose(app, picked, scale.t(finished.startX));
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("pointerleave", () => {
    app.hover.value = null;
  });
  on("dblclick", (event) => {
    const { x, y } = place(event);
    if (pickAt(x, y)?.type !== "event") app.verbs.fitAll();
  });
  on(
    "wheel",
    (event) => {
      const scale = app.scale.peek();
      if (scale === null) return;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey) {
        event.preventDefault();
        app.verbs.zoom(Math.exp(event.deltaY * WHEEL_ZOOM * 2), scale.t(place(event).x));
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        app.verbs.pan(sideways / scale.width);
      }
    },
    false,
  );
  return () => stop.abort();
}

function hover(
  app: App,
  plot: HTMLElement,
  cutX: number,
  at: { x: number; y: number },
  picked: Picked | undefined,
): void {
  app.hover.value = picked === undefined ? null : { picked, ...at };
  const isOnCut = Math.abs(cutX - at.x) <= GRIP_PX;
  plot.dataset["over"] =
    picked !== undefined && picked.type !== "gap" ? "glyph" : isOnCut ? "cut" : "ground";
}

/**
 * What a click on `picked`, at the time `t`, does. A dense column is ground too, whose events are
 * then what the tab Events lists: a lane full of columns would leave no ground to click on.
 */
export function choose(app: App, picked: Picked | undefined, t: Hlc): void {
  if (picked === undefined || picked.type === "gap") {
    app.verbs.clearSelection();
    app.verbs.moveCut(t);
    return;
  }
  if (picked.type === "column") {
    app.verbs.moveCut(t);
    app.verbs.keepStretch({ nodes: picked.nodes, from: picked.from, to: picked.to });
    return;
  }
  chooseEvent(app, picked);
}

function chooseEvent(app: App, picked: PickedEvent): void {
  const { node, epoch, seq } = picked.line;
  const t = ticksOf(picked.line.t);
  if (picked.count > 1) app.verbs.openStretch({ nodes: [node], from: t, to: t });
  else app.verbs.selectEvent({ node, epoch, seq, t });
}

function shifted(view: Viewport, ticks: number): Viewport {
  const by = Math.round(ticks);
  return { from: (view.from + by) as Viewport["from"], to: (view.to + by) as Viewport["to"] };
}

function spread(pointers: ReadonlyMap<number, { x: number; y: number }>): number {
  const [a, b] = [...pointers.values()];
  return a === undefined || b === undefined ? 0 : Math.hypot(a.x - b.x, a.y - b.y);
}
