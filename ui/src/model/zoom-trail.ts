/**
 * The zoom trail: each change of the shown range can be taken back, and repeated. A drag or a run of
 * key presses is one change: what counts is where the view came to rest.
 *
 *     back ◀── [ all ][ 10 s ][ 200 ms ]  here  [ 20 ms ] ──▶ forward
 */
import type { Viewport } from "../scale/time-scale.ts";

/** Ranges that can be taken back; the oldest are forgotten. */
export const MAX_TRAIL = 100;

/** A range, or the live view of that width, whose times move by themselves. */
export interface TrailStop {
  readonly view: Viewport;
  readonly live: boolean;
}

export class ZoomTrail {
  readonly #stops: TrailStop[] = [];
  #here = -1;

  get canGoBack(): boolean {
    return this.#here > 0;
  }
  get canGoForward(): boolean {
    return this.#here < this.#stops.length - 1;
  }

  /** Whether the view rested here last. */
  isAt(stop: TrailStop): boolean {
    const here = this.#stops[this.#here];
    return here !== undefined && isSame(here, stop);
  }

  /** The view rests here. What had been taken back is forgotten, unless it is where we are. */
  rest(stop: TrailStop): void {
    const here = this.#stops[this.#here];
    if (here !== undefined && isSame(here, stop)) {
      this.#stops[this.#here] = stop;
      return;
    }
    this.#stops.splice(this.#here + 1);
    this.#stops.push(stop);
    if (this.#stops.length > MAX_TRAIL) this.#stops.shift();
    this.#here = this.#stops.length - 1;
  }

  /** The range before; where the view is still on its way, the one that it left. */
  back(now: TrailStop): TrailStop | undefined {
    this.rest(now);
    if (!this.canGoBack) return undefined;
    this.#here -= 1;
    return this.#stops[this.#here];
  }

  forward(now: TrailStop): TrailStop | undefined {
    this.rest(now);
    if (!this.canGoForward) return undefined;
    this.#here += 1;
    return this.#stops[this.#here];
  }
}

/** Two live views of one width are the same, whenever they were. */
function isSame(a: TrailStop, b: TrailStop): boolean {
  if (a.live !== b.live) return false;
  if (a.live) return a.view.to - a.view.from === b.view.to - b.view.from;
  return a.view.from === b.view.from && a.view.to === b.view.to;
}
