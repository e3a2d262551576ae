/**
 * How long to wait after a failure: doubling from 100 ms, to 2 s in the first minute of an outage (a
 * collector that is being restarted is found at once), to 5 s in the first ten, then to 30 s. Each wait is
 * jittered over its upper half, so that a hundred agents do not come back together. `Retry-After` is a floor,
 * capped at 60 s, and lengthened by up to a quarter: also where it was capped, or all would return at the cap.
 */
import type { Scheduler } from "./scheduler.ts";

const FIRST_MS = 100;
/** The longest wait while an outage is younger than so much; and that of an older one. */
const LONGEST_MS: ReadonlyArray<readonly [outageMs: number, longestMs: number]> = [
  [60_000, 2_000],
  [600_000, 5_000],
];
const LONGEST_OF_ALL_MS = 30_000;
/** No collector can silence an agent for longer than this and the jitter. */
export const MAX_RETRY_AFTER_MS = 60_000;
/** Of the wait asked for, so much is added at most. */
const RETRY_AFTER_JITTER = 0.25;

export class BackOff {
  readonly #scheduler: Scheduler;
  #failureCount = 0;
  #sinceMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Failures in a row. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** How long it has failed by now. */
  get outageMs(): number {
    return this.#failureCount === 0 ? 0 : this.#scheduler.nowMs() - this.#sinceMs;
  }

  /** The wait before the next attempt. */
  failedMs(retryAfterMs: number | null): number {
    if (this.#failureCount === 0) this.#sinceMs = this.#scheduler.nowMs();
    const { outageMs } = this;
    const longestMs = LONGEST_MS.find(([end]) => outageMs < end)?.[1] ?? LONGEST_OF_ALL_MS;
    const ceiling = Math.min(longestMs, FIRST_MS * 2 ** Math.min(this.#failureCount, 20));
    this.#failureCount += 1;
    const own = ceiling * (0.5 + this.#scheduler.random() / 2);
    if (retryAfterMs === null || !(retryAfterMs >= 0)) return own;
    const asked = Math.min(MAX_RETRY_AFTER_MS, retryAfterMs);
    return Math.max(own, asked * (1 + this.#scheduler.random() * RETRY_AFTER_JITTER));
  }

  succeeded(): void {
    this.#failureCount = 0;
  }
}
