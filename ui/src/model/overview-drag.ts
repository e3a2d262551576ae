/**
 * Dragging on the minimap: inside the view moves it, an edge moves that edge alone, and elsewhere the
 * view is brought there. Pure: from where it was taken hold of and where the pointer is, the view.
 */
import { centred, MIN_SPAN_TICKS, type TimeScale, type Viewport } from "../scale/time-scale.ts";

/** Half of the grip of an edge. */
export const EDGE_PX = 5;
/** A narrower view has no edges to grip: it would leave no middle. */
const LEAST_GRIPPED_PX = 24;

export interface Hold {
  readonly part: "whole" | "from" | "to";
  /** Ticks from what moves to where it was taken hold of. */
  readonly offset: number;
}

/** What a press at `x` takes hold of; `window` is how the view is drawn. */
export function holdAt(
  scale: TimeScale,
  view: Viewport,
  window: { readonly x: number; readonly width: number },
  x: number,
): Hold {
  const t = scale.t(x);
  const right = window.x + window.width;
  if (window.width >= LEAST_GRIPPED_PX) {
    if (Math.abs(x - window.x) <= EDGE_PX) return { part: "from", offset: t - view.from };
    if (Math.abs(x - right) <= EDGE_PX) return { part: "to", offset: t - view.to };
  }
  const isInside = x >= window.x && x <= right;
  return { part: "whole", offset: isInside ? t - (view.from + view.to) / 2 : 0 };
}

/** The view when the pointer is at `x`. */
export function draggedView(scale: TimeScale, view: Viewport, hold: Hold, x: number): Viewport {
  const t = scale.t(x) - hold.offset;
  if (hold.part === "whole") return centred(view, t);
  if (hold.part === "from") {
    return { from: Math.min(t, view.to - MIN_SPAN_TICKS) as Viewport["from"], to: view.to };
  }
  return { from: view.from, to: Math.max(t, view.from + MIN_SPAN_TICKS) as Viewport["to"] };
}
