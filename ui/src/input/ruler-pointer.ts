/**
 * Pointer on the ruler: a click puts the cut there, a drag measures. The ends of a measure snap to
 * events; Alt frees them.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { App } from "../app.ts";
import { snapped, stretchOf } from "../model/measure.ts";

const DRAG_AFTER_PX = 4;

/** Listens until the answer is called. */
export function listenToRuler(app: App, ruler: HTMLElement): () => void {
  const stop = new AbortController();
  let press: { readonly x: number; readonly start: Hlc; isDrag: boolean } | null = null;

  const timeAt = (event: PointerEvent): Hlc | null => {
    const scale = app.scale.peek();
    if (scale === null) return null;
    const x = event.clientX - ruler.getBoundingClientRect().left;
    if (event.altKey) return scale.t(x);
    return snapped(app.timeline.peek(), app.layout.peek(), scale, x);
  };
  const on = (type: "pointerdown" | "pointermove" | "pointerup" | "pointercancel") => ({
    run: (listener: (event: PointerEvent) => void) =>
      ruler.addEventListener(type, listener, { signal: stop.signal }),
  });

  on("pointerdown").run((event) => {
    // Handles and bookmarks lie on the ruler, and have drags and presses of their own.
    const isHandle = event.target instanceof Element && event.target.closest("div, ul") !== ruler;
    if (event.button !== 0 || isHandle) return;
    const start = timeAt(event);
    if (start === null) return;
    ruler.setPointerCapture(event.pointerId);
    press = { x: event.clientX, start, isDrag: false };
  });
  on("pointermove").run((event) => {
    if (press === null) return;
    if (Math.abs(event.clientX - press.x) > DRAG_AFTER_PX) press.isDrag = true;
    const end = timeAt(event);
    if (press.isDrag && end !== null) app.verbs.measure(stretchOf(press.start, end));
  });
  on("pointerup").run((event) => {
    const scale = app.scale.peek();
    if (press !== null && !press.isDrag && scale !== null) {
      app.verbs.moveCut(scale.t(event.clientX - ruler.getBoundingClientRect().left));
    }
    press = null;
  });
  on("pointercancel").run(() => {
    press = null;
  });
  return () => stop.abort();
}
