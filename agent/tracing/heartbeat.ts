/**
 * The main thread's signs of life: a stamp into shared memory every 5 ms, for the sampler to watch. A beat that
 * comes late tells so itself: from when it was due to when it came, the loop was held.
 *
 *     due    |    |    |    |    |    |    |
 *     came   |    |    |                   ||    |
 *                        [--- gap --------]
 *
 * The block began up to one period before the gap does: what is claimed was seen.
 */
import { Double, type SharedTable, Word } from "./open-requests.ts";
import type { RawTime } from "./raw-time.ts";

export const BEAT_MS = 5;
/** Lateness of this much is always told. */
export const MIN_GAP_US = 10_000;

/** Timers, as far as they are needed here. */
export interface BeatTimers {
  /** Calls `run` once, after at least `delayMs`, without keeping the process alive; returns what cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export interface HeartbeatOptions {
  readonly time: RawTime;
  readonly timers: BeatTimers;
  readonly table: SharedTable;
  /** The loop was held; monotonic. */
  readonly onGap: (dueUs: number, lateUs: number) => void;
  /** The sampler asks for a flush, or a gap is worth one. */
  readonly onUrgent: () => void;
  readonly onError: (error: unknown) => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #dueUs: number;
  #arrivals: number;
  #cancel: () => void;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#arrivals = options.table.words[Word.arrivals] as number;
    this.#dueUs = this.#stamp() + BEAT_MS * 1_000;
    this.#cancel = options.timers.after(BEAT_MS, this.#beat);
  }

  /** May be called twice. */
  close(): void {
    this.#cancel();
    this.#cancel = () => undefined;
  }

  #stamp(): number {
    const { time, table } = this.#options;
    const { words, doubles } = table;
    const nowUs = time.nowUs();
    doubles[Double.beatUs] = nowUs;
    doubles[Double.offsetUs] = time.offsetUs(nowUs);
    words[Word.beats] = (words[Word.beats] as number) + 1;
    return nowUs;
  }

  readonly #beat = (): void => {
    const { table, timers, onGap, onUrgent, onError } = this.#options;
    try {
      const { words, doubles } = table;
      const nowUs = this.#stamp();
      const lateUs = nowUs - this.#dueUs;
      const arrivals = words[Word.arrivals] as number;
      let isUrgent = Atomics.exchange(words, Word.urgent, 0) === 1;
      if (lateUs >= MIN_GAP_US) {
        onGap(this.#dueUs, lateUs);
        const isBusy = (words[Word.inFlight] as number) > 0 || arrivals !== this.#arrivals;
        if (isBusy && lateUs > (doubles[Double.lateLimitUs] as number)) isUrgent = true;
      }
      this.#arrivals = arrivals;
      this.#dueUs = nowUs + BEAT_MS * 1_000;
      if (isUrgent) onUrgent();
    } catch (error) {
      onError(error);
    }
    this.#cancel = timers.after(BEAT_MS, this.#beat);
  };
}
