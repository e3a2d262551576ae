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
  #steppedBack = false;

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

  /** Whether the wall clock was ever set back. */
  get steppedBack(): boolean {
    return this.#steppedBack;
  }

  step(ms: number): void {
    this.#offsetMs += ms;
    if (ms < 0) this.#steppedBack = true;
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
