/**
 * The two clocks of a simulated machine: a monotonic one that may run too fast or too slow, and a wall
 * clock that follows it with a skew and is stepped. Over them stands the product's own `AnchoredClock`.
 */
import type { MachineTime } from "../../agent/kernel/index.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** True time at the start of every simulation: 2026-11-21T16:00:00Z. */
export const START_UNIX_MS = 1_795_276_800_000;

export class NodeClock implements MachineTime {
  readonly #time: VirtualTime;
  readonly #rate: number;
  #offsetMs: number;
  #backMs = 0;
  #steppedAtMs = Number.NEGATIVE_INFINITY;

  constructor(time: VirtualTime, skewMs: number, drift: number) {
    this.#time = time;
    this.#rate = 1 + drift;
    this.#offsetMs = START_UNIX_MS + skewMs;
  }

  wallMs(): number {
    return Math.floor(this.monotonicMs() + this.#offsetMs);
  }

  monotonicMs(): number {
    return this.#time.nowMs * this.#rate;
  }

  get offsetGuessMs(): number {
    return this.#offsetMs;
  }

  /** How far the wall clock was set back, all steps together. */
  get backMs(): number {
    return this.#backMs;
  }

  /** How long ago the wall clock was last stepped. */
  get sinceStepMs(): number {
    return this.#time.nowMs - this.#steppedAtMs;
  }

  step(ms: number): void {
    this.#offsetMs += ms;
    this.#steppedAtMs = this.#time.nowMs;
    this.#backMs += Math.max(0, -ms);
  }

  /** How long the world waits while this machine counts `ms`. */
  trueMs(ms: number): number {
    return ms / this.#rate;
  }

  /** Wall time with its fraction, in ticks since 2020: where stamps would be without a clock above. */
  ticks(): number {
    return Math.floor((this.monotonicMs() + this.#offsetMs - 1_577_836_800_000) * 4096);
  }
}
