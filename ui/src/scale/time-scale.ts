/**
 * The one object that knows where a time lies on screen: ruler, lanes, cut lines, picking and
 * measuring all ask it, so they can never disagree.
 *
 *     x = 0                              x = width
 *     |──────────────────────────────────|
 *     viewport.from                      viewport.to
 *
 * Ticks are safe integers near 2^50 and a pixel may be worth a fraction of one, so every step
 * subtracts first and divides afterwards. The scale is a value: a move makes a new one. Folded
 * silences will make it piecewise; that is why nobody else may do this arithmetic.
 */
import { type Hlc, MAX_HLC, MIN_HLC, TICKS_PER_MS } from "../../../agent/kernel/index.ts";

/** The interval on screen, in ticks: `from` at the left edge, `to` at the right. */
export interface Viewport {
  readonly from: Hlc;
  readonly to: Hlc;
}

/** Narrowest view: 20 microseconds. Below it a tick would be wider than a glyph. */
export const MIN_SPAN_TICKS: number = Math.ceil(0.02 * TICKS_PER_MS);
/** Widest view: ten years. */
export const MAX_SPAN_TICKS: number = 10 * 365.25 * 86_400_000 * TICKS_PER_MS;

export class TimeScale {
  readonly viewport: Viewport;
  /** Width in CSS pixels, at least 1. */
  readonly width: number;

  constructor(viewport: Viewport, width: number) {
    this.viewport = viewport;
    this.width = Math.max(1, width);
  }

  get spanTicks(): number {
    return this.viewport.to - this.viewport.from;
  }

  get ticksPerPixel(): number {
    return this.spanTicks / this.width;
  }

  /**
   * Where `t` lies, in CSS pixels from the left edge; outside the view too. `plusTicks` is added
   * after `from` was subtracted: so it may be a fraction of a tick, which `t` itself cannot hold.
   */
  x(t: number, plusTicks = 0): number {
    return ((t - this.viewport.from + plusTicks) / this.spanTicks) * this.width;
  }

  /** The tick at `x`, rounded to the nearest. */
  t(x: number): Hlc {
    const offset = Math.round((x / this.width) * this.spanTicks);
    return clampTicks(this.viewport.from + offset);
  }

  isVisible(t: number): boolean {
    return t >= this.viewport.from && t <= this.viewport.to;
  }

  /** Milliseconds between two places on screen. */
  measureMs(x0: number, x1: number): number {
    return (this.t(x1) - this.t(x0)) / TICKS_PER_MS;
  }
}

/** The view moved by a share of its own width: 0.1 is a tenth to the right. */
export function panned(viewport: Viewport, share: number): Viewport {
  const span = viewport.to - viewport.from;
  return spanFrom(viewport.from + Math.round(span * share), span);
}

/** The view zoomed so that `anchor` keeps its place. `factor` < 1 zooms in. */
export function zoomed(viewport: Viewport, factor: number, anchor: number): Viewport {
  const span = viewport.to - viewport.from;
  const newSpan = Math.round(Math.min(MAX_SPAN_TICKS, Math.max(MIN_SPAN_TICKS, span * factor)));
  const share = (anchor - viewport.from) / span;
  return spanFrom(Math.round(anchor - share * newSpan), newSpan);
}

/** The view moved so that `t` is in its middle. */
export function centred(viewport: Viewport, t: number): Viewport {
  const span = viewport.to - viewport.from;
  return spanFrom(Math.round(t - span / 2), span);
}

/** A view that shows [first, last] with a little air on both sides. */
export function fitted(first: number, last: number): Viewport {
  const inner = Math.max(MIN_SPAN_TICKS, last - first);
  const air = Math.ceil(inner * 0.03);
  return spanFrom(first - air, inner + 2 * air);
}

/** `t` moved into view with a margin if it is outside; else the same view. */
export function revealing(viewport: Viewport, t: number): Viewport {
  const span = viewport.to - viewport.from;
  const margin = span * 0.04;
  if (t >= viewport.from && t <= viewport.to) return viewport;
  return t < viewport.from
    ? spanFrom(Math.round(t - margin), span)
    : spanFrom(Math.round(t + margin - span), span);
}

function spanFrom(from: number, span: number): Viewport {
  const start = Math.min(Math.max(from, MIN_HLC), MAX_HLC - span);
  return { from: start as Hlc, to: (start + span) as Hlc };
}

/** The nearest tick that is a stamp. */
export function clampTicks(t: number): Hlc {
  return Math.min(MAX_HLC, Math.max(MIN_HLC, Math.round(t))) as Hlc;
}
