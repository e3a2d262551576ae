/** Timers for tests of outages and back-off: nothing happens until a test moves the time. */
import type { Scheduler } from "../shipping/scheduler.ts";

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Turns that promises get between two timers: each may start another. */
const TURNS_TO_SETTLE = 8;

/**
 * A scheduler on virtual time. Chance is drawn from a seed: the same numbers each time.
 *
 * @example
 * const scheduler = new ManualScheduler();
 * const agent = startAgent({ service: "cart", transport, scheduler });
 * await scheduler.advance(60_000); // a minute of retries, at once
 */
export class ManualScheduler implements Scheduler {
  #nowMs = 0;
  #order = 0;
  #timers: Timer[] = [];
  #state: number;

  constructor(seed: number = 1) {
    this.#state = seed >>> 0;
  }

  /** How far it was moved, in milliseconds. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** Mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** For the agent: runs `run` when the time has been moved so far. The result cancels it. */
  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers that wait. */
  get timerCount(): number {
    return this.#timers.length;
  }

  /** Runs all that is due in the next `ms`, in order; promises settle between two timers. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      due.run();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS_TO_SETTLE; i += 1) await Promise.resolve();
}
