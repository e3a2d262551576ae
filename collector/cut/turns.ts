/**
 * Long questions in short turns. A question that may read much of history is written as a generator
 * that yields wherever it may be paused; here it is run for `sliceMs` at a stretch, and the event loop
 * serves ingest and everybody else between. Only one question has a slice in each turn of the loop:
 * they go round.
 *
 *     turn     | slice of A | I/O | slice of B | I/O | slice of A ends, answer |
 *
 * No read of the store outlives a turn (`onPause` ends them, and they go on where they were): a read
 * left open would pin one of LMDB's few readers.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import type { CutLimits } from "./limits.ts";
import type { CutTimers } from "./timers.ts";

/** Work that may be paused at each `yield`. */
export type Work<Answer> = Generator<void, Answer, void>;

export class Turns {
  readonly #timers: CutTimers;
  readonly #limits: CutLimits;
  readonly #onPause: () => void;
  /** Resolves when whoever came last has given the turn on. */
  #last: Promise<void> = Promise.resolve();
  #count = 0;
  /** When the present turn of the event loop was first used; NaN: not yet. */
  #turnStartMs = Number.NaN;

  constructor(timers: CutTimers, limits: CutLimits, onPause: () => void) {
    this.#timers = timers;
    this.#limits = limits;
    this.#onPause = onPause;
  }

  /** How many questions are being answered. */
  get count(): number {
    return this.#count;
  }

  /**
   * Runs work to its end.
   * @throws RetroError `cancelled` once `signal` aborts, or the signal's reason if that is one
   * (`timed-out`); `overloaded` if too many are asked; else what the work throws
   */
  async run<Answer>(work: Work<Answer>, signal?: AbortSignal): Promise<Answer> {
    if (this.#count >= this.#limits.asking) {
      throw new RetroError("overloaded", `${this.#count} long questions are being answered`, {
        retriable: true,
        hint: "Ask again in a second.",
      });
    }
    this.#count += 1;
    try {
      for (;;) {
        const giveOn = await this.#take();
        try {
          if (signal?.aborted === true) throw endedBy(signal);
          const result = this.#slice(work);
          if (result.done === true) return result.value;
          this.#onPause();
          await this.#timers.turn();
          this.#turnStartMs = Number.NaN;
        } finally {
          giveOn();
        }
      }
    } finally {
      this.#count -= 1;
      work.return(undefined as never);
    }
  }

  async #take(): Promise<() => void> {
    const before = this.#last;
    let giveOn = (): void => {};
    this.#last = new Promise((resolve) => {
      giveOn = resolve;
    });
    await before;
    return giveOn;
  }

  /** At least one step; then on until the turn is used up, by this question or those before it. */
  #slice<Answer>(work: Work<Answer>): IteratorResult<void, Answer> {
    const now = this.#timers.nowMs();
    // Long ago, or the clock was set back: another turn.
    const isNewTurn = !(now - this.#turnStartMs < 2 * this.#limits.sliceMs);
    if (isNewTurn || now < this.#turnStartMs) this.#turnStartMs = now;
    for (;;) {
      const result = work.next();
      if (result.done === true) return result;
      const spentMs = this.#timers.nowMs() - this.#turnStartMs;
      if (spentMs < 0 || spentMs >= this.#limits.sliceMs) return result;
    }
  }
}

/** What a question ends with whose signal has aborted: it may say why. */
export function endedBy({ reason }: AbortSignal): RetroError {
  return reason instanceof RetroError
    ? reason
    : new RetroError("cancelled", "nobody waits for the answer", { hint: "Ask again." });
}

/** Work without pauses: for those that have little to do, and for tests. */
export function finish<Answer>(work: Work<Answer>): Answer {
  for (;;) {
    const result = work.next();
    if (result.done === true) return result.value;
  }
}
