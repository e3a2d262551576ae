/**
 * Rests of work that can wait: while ingest goes on it has a third of the thread, and no more.
 *
 *     work   |####|    rest    |####|    rest    |####|####|####|...
 *     ingest  |   |  |  |   | |  |   |  |                  nothing is stored: no rest
 *
 * What counts is the time that the work held the thread, not what went by in turns of others. A rest is
 * never long, so that a clock which is set forward costs no more than that; and whoever waits for
 * the work to be done, or closes, ends it.
 */
import type { CutTimers } from "./timers.ts";

/** A rest is so many times as long as what was worked before it ... */
export const REST_SHARE = 2;
/** ... and never longer than this. */
export const LONGEST_REST_MS = 1_000;
/** Shorter work is added up before anybody rests from it. */
const LEAST_WORK_MS = 2;

export class Rests {
  readonly #timers: CutTimers;
  #storedCount = 0;
  #seenCount = 0;
  #workedMs = 0;
  #hurryCount = 0;
  #endRest: (() => void) | undefined;

  constructor(timers: CutTimers) {
    this.#timers = timers;
  }

  /** Ingest has stored something. */
  noteStored(): void {
    this.#storedCount += 1;
  }

  /** The work held the thread for so long. */
  noteWorked(ms: number): void {
    this.#workedMs += Math.max(0, ms);
  }

  /** Resolves when the work may go on: at once, unless something was stored since the last time. */
  async due(): Promise<void> {
    const isBusy = this.#storedCount > this.#seenCount;
    const workedMs = this.#workedMs;
    if (isBusy && workedMs < LEAST_WORK_MS) return;
    this.#seenCount = this.#storedCount;
    this.#workedMs = 0;
    if (!isBusy || this.#hurryCount > 0) return;
    await new Promise<void>((resolve) => {
      const restMs = Math.min(workedMs * REST_SHARE, LONGEST_REST_MS);
      const cancel = this.#timers.after(restMs, resolve);
      this.#endRest = () => {
        cancel();
        resolve();
      };
    });
    this.#endRest = undefined;
  }

  /** Nobody rests until the result has been called. */
  hurry(): () => void {
    this.#hurryCount += 1;
    this.#endRest?.();
    let isOver = false;
    return () => {
      if (!isOver) this.#hurryCount -= 1;
      isOver = true;
    };
  }
}
