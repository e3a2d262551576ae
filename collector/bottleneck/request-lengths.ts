/**
 * How many requests of which length departed, coarsely, for any stretch between steps of baselines: counts up to
 * each step, so that a stretch is a difference of two rows and costs the same whatever its length.
 *
 *     length     1 us ... 8 to a doubling, by their upper ends ... 1 h
 *     row i      of all that departed before step i
 */
import type { LoadTrack } from "./load-track.ts";

const PER_DOUBLING = 8;
const BUCKETS: number = 32 * PER_DOUBLING;

export interface LengthCount {
  /** The upper end of the bucket. */
  readonly us: number;
  readonly count: number;
}

export class RequestLengths {
  readonly #stepSlots: number;
  readonly #firstStep: number;
  readonly #rows: Float64Array[] = [new Float64Array(BUCKETS)];

  constructor(track: LoadTrack, stepSlots: number) {
    this.#stepSlots = stepSlots;
    this.#firstStep = Math.floor(track.firstSlot / stepSlots);
    const steps = Math.ceil(track.endSlot / stepSlots) - this.#firstStep;
    for (let i = 0; i < steps; i += 1) {
      const row = (this.#rows[i] as Float64Array).slice();
      const from = (this.#firstStep + i) * stepSlots;
      track.eachLatency(from, from + stepSlots, (us, count) => {
        const bucket = Math.min(BUCKETS - 1, bucketOf(us));
        row[bucket] = (row[bucket] as number) + count;
      });
      this.#rows.push(row);
    }
  }

  /** Of [from, until), slots; both are multiples of a step. Ascending, without those that there are none of. */
  between(from: number, until: number): LengthCount[] {
    const [before, after] = [this.#rowAt(from), this.#rowAt(until)];
    const found: LengthCount[] = [];
    for (let i = 0; i < BUCKETS; i += 1) {
      const count = (after[i] as number) - (before[i] as number);
      if (count > 0) found.push({ us: 2 ** ((i + 1) / PER_DOUBLING), count });
    }
    return found;
  }

  #rowAt(slot: number): Float64Array {
    const i = slot / this.#stepSlots - this.#firstStep;
    return this.#rows[Math.min(this.#rows.length - 1, Math.max(0, i))] as Float64Array;
  }
}

function bucketOf(us: number): number {
  return Math.floor(Math.log2(Math.max(1, us)) * PER_DOUBLING);
}
