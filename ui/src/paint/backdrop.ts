/**
 * What lies behind the cut line, kept as a picture: while the view is dragged the picture is shifted,
 * and drawn anew when it runs out or the hand rests. A cut that moves, or a hover, repaints nothing.
 *
 *     picture    |  margin  |        view        |  margin  |      drawn at the first move
 *     a move     |      |        view        |              |      the same picture, shifted
 *     at rest               |        view        |                 drawn without margins, exactly
 *
 * A shift is a whole number of device pixels, so the picture stays sharp; it is off by half of one at
 * most, until it rests.
 */
import type { Host } from "../host.ts";
import { type Fold, TimeScale } from "../scale/time-scale.ts";
import { clearedSurface, openSurface, type Surface, screenRatio } from "./surface.ts";

/** Drawn on each side during a drag, as a share of the width. */
const MARGIN = 0.3;
const LEAST_TICKS_PER_PIXEL = 8;
/** A view that has not moved for so long rests. */
export const REST_MS = 140;

/** How a picture is painted: `isMoving` asks for less detail. */
export type PaintPicture = (surface: Surface, scale: TimeScale, isMoving: boolean) => void;

interface Picture {
  readonly scale: TimeScale;
  readonly key: readonly unknown[];
  readonly size: string;
  /** Pixels left of the view for which it was drawn. */
  readonly margin: number;
  readonly isMoving: boolean;
}

export class Backdrop {
  readonly #host: Pick<Host, "after">;
  readonly #repaint: () => void;
  #picture: Picture | null = null;
  #wide: HTMLCanvasElement | null = null;
  #shownScale: TimeScale | null = null;
  #isMoving = false;
  #cancelRest: () => void = () => {};

  /** `repaint` asks for another frame, when the view has come to rest. */
  constructor(host: Pick<Host, "after">, repaint: () => void) {
    this.#host = host;
    this.#repaint = repaint;
  }

  /** Shows the picture at `scale`; `key` is everything else that it depends on. */
  show(
    canvas: HTMLCanvasElement,
    scale: TimeScale,
    key: readonly unknown[],
    paint: PaintPicture,
  ): void {
    const size = `${canvas.clientWidth} ${canvas.clientHeight} ${screenRatio()}`;
    const before = this.#shownScale;
    const moved = before !== null && !isSameView(before, scale);
    if (moved) this.#noteMove();
    this.#shownScale = scale;
    const picture = this.#picture;
    const fits = picture !== null && picture.size === size && isSameKey(picture.key, key);
    const isSettled = fits && picture.margin === 0 && picture.isMoving === this.#isMoving;
    if (isSettled && isSameView(picture.scale, scale)) return;
    const isPan = moved && before.spanTicks === scale.spanTicks;
    if (this.#isMoving && (isPan || (fits && picture.margin > 0 && !moved))) {
      if (fits && this.#shift(canvas, picture, scale)) return;
      if (isPan && this.#drawWide(canvas, scale, key, size, paint)) return;
    }
    const surface = openSurface(canvas);
    if (surface === undefined) return;
    paint(surface, scale, this.#isMoving);
    this.#picture = { scale, key, size, margin: 0, isMoving: this.#isMoving };
  }

  #noteMove(): void {
    this.#isMoving = true;
    this.#cancelRest();
    this.#cancelRest = this.#host.after(REST_MS, () => {
      this.#isMoving = false;
      this.#repaint();
    });
  }

  /** Whether the wide picture reaches over the whole view; then it is shown there. */
  #shift(canvas: HTMLCanvasElement, picture: Picture, scale: TimeScale): boolean {
    const isSameZoom = picture.scale.spanTicks === scale.spanTicks;
    if (picture.margin === 0 || !isSameZoom || this.#wide === null) return false;
    if (scale.folds.length > 0) return false;
    const ratio = screenRatio();
    const shift = Math.round(picture.scale.x(scale.viewport.from) * ratio) / ratio;
    if (Math.abs(shift) > picture.margin) return false;
    const surface = openSurface(canvas);
    if (surface === undefined) return false;
    const { context: pen } = surface;
    pen.imageSmoothingEnabled = false;
    const width = surface.width + 2 * picture.margin;
    pen.drawImage(this.#wide, -picture.margin - shift, 0, width, surface.height);
    return true;
  }

  /** Draws the view with margins, off screen, and shows it. */
  #drawWide(
    canvas: HTMLCanvasElement,
    scale: TimeScale,
    key: readonly unknown[],
    size: string,
    paint: PaintPicture,
  ): boolean {
    // Folds are those of the view: beside it there would be others.
    if (scale.folds.length > 0) return false;
    // An edge off screen lies on a whole tick: where those are wide it would lie elsewhere.
    if (scale.ticksPerPixel < LEAST_TICKS_PER_PIXEL) return false;
    const margin = Math.round(canvas.clientWidth * MARGIN);
    this.#wide ??= document.createElement("canvas");
    const wide = clearedSurface(this.#wide, canvas.clientWidth + 2 * margin, canvas.clientHeight);
    if (wide === undefined) return false;
    const from = scale.t(-margin);
    const to = scale.t(scale.width + margin);
    paint(wide, new TimeScale({ from, to }, wide.width), true);
    this.#picture = { scale, key, size, margin, isMoving: true };
    return this.#shift(canvas, this.#picture, scale);
  }
}

function isSameView(a: TimeScale, b: TimeScale): boolean {
  const { from, to } = a.viewport;
  const isSameRange = from === b.viewport.from && to === b.viewport.to && a.width === b.width;
  return isSameRange && isSameFolds(a.folds, b.folds);
}

function isSameFolds(a: readonly Fold[], b: readonly Fold[]): boolean {
  const isSame = (one: Fold, i: number) => one.from === b[i]?.from && one.to === b[i]?.to;
  return a.length === b.length && a.every(isSame);
}

function isSameKey(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => Object.is(one, b[i]));
}
