/**
 * How long to wait after a failure: doubling from 100 ms to 30 s, each wait jittered over its upper
 * half, so that a hundred agents do not come back together. `Retry-After` is a floor, capped at 60 s,
 * and jittered upwards.
 */
import type { Scheduler } from "./scheduler.ts";

const FIRST_MS = 100;
const LONGEST_MS = 30_000;
/** No collector can silence an agent for longer. */
export const MAX_RETRY_AFTER_MS = 60_000;
/** Of the wait asked for, so much is added at most. */
const RETRY_AFTER_JITTER = 0.25;

export class BackOff {
  readonly #scheduler: Scheduler;
  #failureCount = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Failures in a row. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** The wait before the next attempt. */
  failedMs(retryAfterMs: number | null): number {
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failureCount, 20));
    this.#failureCount += 1;
    const own = ceiling * (0.5 + this.#scheduler.random() / 2);
    if (retryAfterMs === null || !(retryAfterMs >= 0)) return own;
    const asked = Math.min(MAX_RETRY_AFTER_MS, retryAfterMs);
    const jittered = asked * (1 + this.#scheduler.random() * RETRY_AFTER_JITTER);
    return Math.max(own, Math.min(MAX_RETRY_AFTER_MS, jittered));
  }

  succeeded(): void {
    this.#failureCount = 0;
  }
}
