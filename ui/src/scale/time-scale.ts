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
 * silences make it piecewise; that is why nobody else may do this arithmetic.
 *
 *     |────────|╱╱ 42.1 s ╱╱|────────────|     a fold is as wide as its label, and linear inside
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

/** A silence drawn as a break of `FOLD_PX`, however long it is; the cut may stand inside. */
export interface Fold {
  readonly from: Hlc;
  readonly to: Hlc;
}

/** Width of a break: room for its length in words. */
export const FOLD_PX = 72;

/** Where a piece of the scale begins; it is linear up to the next. */
interface Piece {
  readonly t: number;
  readonly x: number;
  readonly pixelsPerTick: number;
}

export class TimeScale {
  readonly viewport: Viewport;
  /** Width in CSS pixels, at least 1. */
  readonly width: number;
  /** Ascending, disjoint, inside the viewport. */
  readonly folds: readonly Fold[];
  readonly #pieces: readonly Piece[];

  /** @param folds ascending and disjoint; what lies outside the viewport is left out. */
  constructor(viewport: Viewport, width: number, folds: readonly Fold[] = []) {
    this.viewport = viewport;
    this.width = Math.max(1, width);
    this.folds = foldsThatFit(viewport, this.width, folds);
    this.#pieces = piecesOf(viewport, this.width, this.folds);
  }

  /** Of the whole view, its silences included. */
  get spanTicks(): number {
    return this.viewport.to - this.viewport.from;
  }

  /** Outside of folds. */
  get ticksPerPixel(): number {
    const folded = this.folds.reduce((sum, { from, to }) => sum + (to - from), 0);
    return (this.spanTicks - folded) / (this.width - this.folds.length * FOLD_PX);
  }

  /**
   * Where `t` lies, in CSS pixels from the left edge; outside the view too. `plusTicks` is added
   * after the beginning of the piece was subtracted: so it may be a fraction of a tick, which `t`
   * itself cannot hold.
   */
  x(t: number, plusTicks = 0): number {
    const pieces = this.#pieces;
    let place = pieces.length - 1;
    // Hot: a painter comes here for each event. There are few pieces, mostly one.
    while (place > 0 && t - (pieces[place] as Piece).t + plusTicks < 0) place -= 1;
    const piece = pieces[place] as Piece;
    return piece.x + (t - piece.t + plusTicks) * piece.pixelsPerTick;
  }

  /** The tick at `x`, rounded to the nearest. */
  t(x: number): Hlc {
    const pieces = this.#pieces;
    let place = pieces.length - 1;
    while (place > 0 && x < (pieces[place] as Piece).x) place -= 1;
    const piece = pieces[place] as Piece;
    return clampTicks(piece.t + Math.round((x - piece.x) / piece.pixelsPerTick));
  }

  isVisible(t: number): boolean {
    return t >= this.viewport.from && t <= this.viewport.to;
  }

  /** Milliseconds between two places on screen, folded silences included. */
  measureMs(x0: number, x1: number): number {
    return (this.t(x1) - this.t(x0)) / TICKS_PER_MS;
  }

  /** The fold that `t` lies in. */
  foldAt(t: number): Fold | undefined {
    return this.folds.find(({ from, to }) => t > from && t < to);
  }

  /** The same scale for a lane whose times are drawn `ticks` later than they are. */
  shifted(ticks: number): TimeScale {
    if (ticks === 0) return this;
    const moved = ({ from, to }: Viewport) => ({
      from: (from - ticks) as Hlc,
      to: (to - ticks) as Hlc,
    });
    return new TimeScale(moved(this.viewport), this.width, this.folds.map(moved));
  }
}

/**
 * As many as leave at least half of the width to what is not folded. A stretch that is narrower than
 * its break would be is left as it is: a fold never widens.
 */
function foldsThatFit(view: Viewport, width: number, folds: readonly Fold[]): readonly Fold[] {
  if (folds.length === 0) return folds;
  const least = (FOLD_PX / width) * (view.to - view.from);
  const inside = folds.filter(
    ({ from, to }) => from > view.from && to < view.to && to - from > least,
  );
  return inside.slice(0, Math.floor(width / 2 / FOLD_PX));
}

function piecesOf(view: Viewport, width: number, folds: readonly Fold[]): readonly Piece[] {
  const span = view.to - view.from;
  const folded = folds.reduce((sum, { from, to }) => sum + (to - from), 0);
  const open = (width - folds.length * FOLD_PX) / (span - folded);
  const pieces: Piece[] = [{ t: view.from, x: 0, pixelsPerTick: open }];
  let x = 0;
  let from: number = view.from;
  for (const fold of folds) {
    x += (fold.from - from) * open;
    pieces.push({ t: fold.from, x, pixelsPerTick: FOLD_PX / (fold.to - fold.from) });
    x += FOLD_PX;
    pieces.push({ t: fold.to, x, pixelsPerTick: open });
    from = fold.to;
  }
  return pieces;
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
