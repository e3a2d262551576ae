/**
 * The two clocks of recording: a monotonic one, in which all is measured, and the node's raw physical clock (never
 * the HLC), by whose seconds and slots it is laid down.
 *
 *     physical = monotonic + offset
 *
 * The offset is read again every OFFSET_AGE_US, so that a step of the wall clock is followed, and no reading of
 * it is paid for by an event.
 */
export interface RawTimeSource {
  /** Monotonic microseconds, from any origin, the same in all threads of the process. */
  readonly nowUs: () => number;
  /** The node's physical clock in Unix microseconds. */
  readonly physicalUs: () => number;
}

/** A step of the wall clock is followed within so much. */
export const OFFSET_AGE_US = 20_000;

export class RawTime {
  readonly #source: RawTimeSource;
  #offsetUs = 0;
  #readAtUs = Number.NEGATIVE_INFINITY;

  constructor(source: RawTimeSource) {
    this.#source = source;
  }

  /** Monotonic now, in whole microseconds. */
  nowUs(): number {
    return Math.floor(this.#source.nowUs());
  }

  /** Physical less monotonic time, in whole microseconds; read anew if the last reading is old at `nowUs`. */
  offsetUs(nowUs: number): number {
    if (!(nowUs - this.#readAtUs < OFFSET_AGE_US) || nowUs < this.#readAtUs) {
      this.#offsetUs = Math.round(this.#source.physicalUs() - this.#source.nowUs());
      this.#readAtUs = nowUs;
    }
    return this.#offsetUs;
  }
}
