/**
 * How late a heartbeat must be to be unusual here: m + 8s over the last beats, where m is the median lateness and s
 * its spread (1.4826 x the median distance from m, at least 1 ms). A host that is always a little late is not
 * told of forever. With little history, what a quiet host would have.
 */
import { BEAT_MS, MIN_GAP_US } from "./heartbeat.ts";

/** A minute of beats is 12,000; each fourth is enough to know the median. */
const KEPT = 3_000;
const EACH = 4;
const MIN_HISTORY = 50;
const FLOOR_US = 1_000;
const SPREAD = 1.4826;
const FACTOR = 8;

export class LateLimit {
  readonly #lateUs = new Float64Array(KEPT);
  #count = 0;
  #seen = 0;
  #beatUs = Number.NaN;
  #beats = 0;

  /** A beat came at `beatUs`, the main thread's `beats`-th; some between may not have been seen. */
  beat(beatUs: number, beats: number): void {
    const lateUs = (beatUs - this.#beatUs) / Math.max(1, beats - this.#beats) - BEAT_MS * 1_000;
    this.#beatUs = beatUs;
    this.#beats = beats;
    this.#seen += 1;
    if (this.#seen % EACH !== 0 || Number.isNaN(lateUs)) return;
    this.#lateUs[this.#count % KEPT] = Math.max(0, lateUs);
    this.#count += 1;
  }

  /** In microseconds. Costs two sorts of at most 3,000 numbers. */
  limitUs(): number {
    const known = this.#lateUs.slice(0, Math.min(this.#count, KEPT));
    if (known.length < MIN_HISTORY) return MIN_GAP_US + FACTOR * FLOOR_US;
    const median = middleOf(known);
    const spread = SPREAD * middleOf(known.map((late) => Math.abs(late - median)));
    return Math.max(MIN_GAP_US, median + FACTOR * Math.max(FLOOR_US, spread));
  }
}

function middleOf(values: Float64Array): number {
  return values.sort()[values.length >> 1] as number;
}
