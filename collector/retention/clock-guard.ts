/**
 * Holds the collector's wall clock against its monotonic one. Age is reckoned by arrival times, which the
 * wall clock stamped: if it jumps a week ahead, everything is a week older at once, and would go.
 *
 *     wall        ----------|  jump  |------------------------------
 *     monotonic   ----------|-------------------------|-------------
 *     by age        goes on | paused for `retentionMs`| goes on
 *
 * After that pause whatever came before the jump is truly older than the retention, and what came after
 * it was stamped by the clock as it is now: nothing is ever removed too early, whichever of the two times
 * was right. If the clock is set back meanwhile, the pause ends at once. A clock that only goes back makes
 * everything younger: it is kept for longer, and needs no guard.
 *
 * Nobody can tell a jump of the clock from a stop of the collector while it was down. What would take
 * away everything at the first look is taken for a jump.
 */
import type { RetentionTimers } from "./timers.ts";

/** A step of the clock that is no jump: what time servers correct. */
const MAX_TOLERANCE_MS = 60_000;
/** As a part of the retention, where that is short. */
const TOLERANCE_SHARE = 16;

export interface ClockJump {
  /** How far the wall clock went ahead of the monotonic one; of a first look: of the latest arrival. */
  readonly aheadMs: number;
  /** For so long nothing is removed for its age, unless the clock is set back. */
  readonly pausedMs: number;
}

export class ClockGuard {
  readonly #timers: RetentionTimers;
  readonly #retentionMs: number;
  readonly #toleranceMs: number;
  readonly #onJump: (jump: ClockJump) => void;
  #wallMs: number;
  #monotonicMs: number;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** How far the wall clock is ahead of where it was when the pause began. */
  #aheadMs = 0;

  constructor(
    timers: RetentionTimers,
    retentionMs: number,
    onJump: (jump: ClockJump) => void = () => {},
  ) {
    this.#timers = timers;
    this.#retentionMs = retentionMs;
    this.#toleranceMs = Math.min(MAX_TOLERANCE_MS, retentionMs / TOLERANCE_SHARE);
    this.#onJump = onJump;
    this.#wallMs = timers.wallMs();
    this.#monotonicMs = timers.monotonicMs();
  }

  /** Whether age may be reckoned by the wall clock now. */
  get isTrusted(): boolean {
    return this.#timers.monotonicMs() >= this.#pausedUntilMs;
  }

  /** Pauses if all that is stored is older than the retention. Call once, before the first round. */
  begin(latestArrivalMs: number | undefined): void {
    if (latestArrivalMs === undefined) return;
    const aheadMs = this.#wallMs - latestArrivalMs;
    if (aheadMs > this.#retentionMs) this.#pause(aheadMs);
  }

  /** Looks at both clocks. Call at every round, before `isTrusted`. */
  look(): void {
    const wallMs = this.#timers.wallMs();
    const monotonicMs = this.#timers.monotonicMs();
    const stepMs = wallMs - this.#wallMs - (monotonicMs - this.#monotonicMs);
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    if (Math.abs(stepMs) <= this.#toleranceMs) return;
    const aheadMs = (this.isTrusted ? 0 : this.#aheadMs) + stepMs;
    if (stepMs > 0) this.#pause(aheadMs);
    else if (aheadMs <= this.#toleranceMs) this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    this.#aheadMs = Math.max(0, aheadMs);
  }

  #pause(aheadMs: number): void {
    this.#aheadMs = aheadMs;
    this.#pausedUntilMs = this.#timers.monotonicMs() + this.#retentionMs;
    this.#onJump({ aheadMs, pausedMs: this.#retentionMs });
  }
}
