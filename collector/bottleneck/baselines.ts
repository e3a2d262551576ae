/**
 * Baselines of one node: what is usual of a signal at a scale, at a time.
 *
 *     |<------------- 60 s ------------->| 2 s |
 *                        made of this    | good for this
 *
 * A baseline is that of the time before a multiple of `baselineStepMs`, so it is the same for whoever asks
 * of whatever range, and is computed once.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import type { LoadTrack, LoadWindow } from "./load-track.ts";
import { type Usual, usualOf } from "./robust.ts";
import { type BottleneckSettings, SLOT_MS } from "./settings.ts";

/** What a window is measured by. NaN: it says nothing of it. */
export interface Signal {
  readonly name: string;
  readonly isLatency: boolean;
  of(window: LoadWindow, track: LoadTrack, slot: number, slots: number): number;
}

export const EXCLUSIVE_LOAD: Signal = {
  name: "load",
  isLatency: false,
  of: ({ exclusive }) => exclusive,
};
export const IN_FLIGHT: Signal = {
  name: "in-flight",
  isLatency: false,
  of: ({ inFlight }) => inFlight,
};
export const POOL_LOAD: Signal = { name: "pool", isLatency: false, of: ({ pool }) => pool };
/** Of requests that completed in the window, us. */
export const MEAN_EXCLUSIVE: Signal = {
  name: "exclusive",
  isLatency: true,
  of: ({ exclusiveUs, completions }) =>
    completions === 0 ? Number.NaN : exclusiveUs / completions,
};

/** How many of a thing a second. */
export interface Rates {
  readonly arrivals: number;
  readonly completions: number;
}

/** A signal by window, from the first on. */
interface SignalValues {
  readonly first: number;
  readonly values: Float64Array;
}

/** Of a window that is not known; NaN is one that says nothing of the signal. */
const UNKNOWN = Number.NEGATIVE_INFINITY;

export class Baselines {
  readonly #track: LoadTrack;
  readonly #settings: BottleneckSettings;
  readonly #values = new Map<string, SignalValues>();
  readonly #known = new Map<string, Usual | undefined>();
  readonly #rates = new Map<number, Rates | undefined>();

  constructor(track: LoadTrack, settings: BottleneckSettings) {
    this.#track = track;
    this.#settings = settings;
  }

  /** What is usual at a slot; undefined: not enough history. */
  at(slot: number, signal: Signal, slots: number): Usual | undefined {
    const step = this.#stepOf(slot);
    const key = `${step} ${signal.name} ${slots}`;
    if (!this.#known.has(key)) this.#known.set(key, this.#usual(step, signal, slots));
    return this.#known.get(key);
  }

  /** Means over the baseline, episodes and all: what the Poisson test goes by. */
  rates(slot: number): Rates | undefined {
    const step = this.#stepOf(slot);
    if (!this.#rates.has(step)) this.#rates.set(step, this.#ratesBefore(step));
    return this.#rates.get(step);
  }

  #stepOf(slot: number): number {
    const { baselineStepMs } = this.#settings;
    return Math.floor((slot * SLOT_MS) / baselineStepMs) * (baselineStepMs / SLOT_MS);
  }

  #usual(until: number, signal: Signal, slots: number): Usual | undefined {
    const { baselineMs, warmUpMs, flagAt, mergeMs } = this.#settings;
    const all = this.#valuesOf(signal, slots);
    const first = Math.ceil((until - baselineMs / SLOT_MS) / slots) - all.first;
    const values = all.values.subarray(
      Math.max(0, first),
      Math.max(0, Math.floor(until / slots) - all.first),
    );
    let knownCount = 0;
    for (let i = 0; i < values.length; i += 1) if (values[i] !== UNKNOWN) knownCount += 1;
    if (knownCount * slots * SLOT_MS < warmUpMs) return undefined;
    const neighbours = Math.ceil(mergeMs / (slots * SLOT_MS));
    const known = knownCount === values.length ? values : values.filter((one) => one !== UNKNOWN);
    return usualOf(known, { ...this.#floors(signal), outlierAt: flagAt, neighbours });
  }

  /** The signal in every window of the track: looked up once, as steps of baselines overlap. */
  #valuesOf(signal: Signal, slots: number): SignalValues {
    const key = `${signal.name} ${slots}`;
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const first = Math.ceil(this.#track.firstSlot / slots);
    const count = Math.max(0, Math.floor(this.#track.endSlot / slots) - first);
    const values = new Float64Array(count).fill(UNKNOWN);
    for (let i = 0; i < count; i += 1) {
      const slot = (first + i) * slots;
      const window = this.#track.window(slot, slots);
      if (window !== undefined) values[i] = signal.of(window, this.#track, slot, slots);
    }
    const all = { first, values };
    this.#values.set(key, all);
    return all;
  }

  #floors({ isLatency }: Signal): { readonly floor: number; readonly floorShare: number } {
    const settings = this.#settings;
    return isLatency
      ? { floor: settings.latencyFloorUs, floorShare: settings.latencyFloorShare }
      : { floor: settings.loadFloor, floorShare: settings.loadFloorShare };
  }

  #ratesBefore(until: number): Rates | undefined {
    const second = 1_000 / SLOT_MS;
    let lengthUs = 0;
    let arrivals = 0;
    let completions = 0;
    const from = until - this.#settings.baselineMs / SLOT_MS;
    for (const { window } of this.#track.windows(from, until, second)) {
      lengthUs += window.lengthUs;
      arrivals += window.arrivals;
      completions += window.completions;
    }
    if (lengthUs < 100 * SLOT_US) return undefined;
    return { arrivals: (arrivals * 1e6) / lengthUs, completions: (completions * 1e6) / lengthUs };
  }
}
