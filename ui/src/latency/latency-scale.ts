/**
 * The one object that knows where a latency lies: rows of the heat map, lines, picking and axis ask it. Logarithmic,
 * fast below slow, over whole doublings, so that it does not jump with each answer.
 *
 *     top     |‾ 64 ms
 *             |
 *     bottom  |_ 1 ms
 */
import type { LatencyBand } from "./heat-map.ts";

/** Latencies in less than this stand at the foot: below, a doubling is noise. */
const FLOOR_US = 16;
/** The least that is shown, so that a quiet service is no single row. */
const LEAST_DOUBLINGS = 4;
/** Two labels are so far apart at least. */
const LABEL_PX = 15;

export class LatencyScale {
  readonly top: number;
  readonly height: number;
  /** In doublings of a microsecond. */
  readonly #low: number;
  readonly #high: number;

  constructor(band: LatencyBand, top: number, height: number) {
    this.top = top;
    this.height = height;
    this.#low = Math.floor(Math.log2(Math.max(FLOOR_US, band.lowUs)));
    const high = Math.ceil(Math.log2(Math.max(FLOOR_US, band.highUs)));
    this.#high = Math.max(high, this.#low + LEAST_DOUBLINGS);
  }

  get band(): LatencyBand {
    return { lowUs: 2 ** this.#low, highUs: 2 ** this.#high };
  }

  /** Where `us` lies; at an edge where it lies beyond. */
  y(us: number): number {
    const doublings = Math.log2(Math.max(1, us)) - this.#low;
    const share = Math.min(1, Math.max(0, doublings / (this.#high - this.#low)));
    return this.top + (1 - share) * this.height;
  }

  /** The latency at `y`; of an edge where it lies beyond. */
  us(y: number): number {
    const share = Math.min(1, Math.max(0, 1 - (y - this.top) / this.height));
    return 2 ** (this.#low + share * (this.#high - this.#low));
  }

  /** Round latencies for the axis: powers of ten, and between them 2 and 5 where there is room. */
  ticks(): readonly number[] {
    const { lowUs, highUs } = this.band;
    const decade = this.height / ((this.#high - this.#low) / Math.log2(10));
    const steps = decade >= 4 * LABEL_PX ? [1, 2, 5] : [1];
    const ticks: number[] = [];
    for (let power = 1; power <= highUs; power *= 10) {
      for (const step of steps) {
        const us = power * step;
        if (us >= lowUs && us <= highUs) ticks.push(us);
      }
    }
    return ticks;
  }
}

/** Where in the strip what is drawn. */
export interface StripBands {
  readonly flags: { readonly top: number; readonly height: number };
  readonly heat: { readonly top: number; readonly height: number };
  readonly lines: { readonly top: number; readonly height: number };
}

const FLAGS_PX = 14;
const GAP_PX = 10;
/** Of what flags and gaps leave. */
const HEAT_SHARE = 0.6;

/** Flags of episodes above, heat map in the middle, percentiles at the foot. */
export function stripBands(height: number): StripBands {
  const room = Math.max(40, height - FLAGS_PX - 2 * GAP_PX);
  const heat = Math.round(room * HEAT_SHARE);
  const linesTop = FLAGS_PX + heat + GAP_PX;
  return {
    flags: { top: 2, height: FLAGS_PX - 4 },
    heat: { top: FLAGS_PX, height: heat },
    lines: { top: linesTop, height: room - heat },
  };
}
