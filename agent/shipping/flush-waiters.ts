/** Those who wait for a flush: each until the batches up to one are acknowledged or given up. */
import type { Scheduler } from "./scheduler.ts";

interface Waiter {
  readonly ordinal: number;
  readonly done: (all: boolean) => void;
}

export class FlushWaiters {
  readonly #scheduler: Scheduler;
  readonly #waiters = new Set<Waiter>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /**
   * Resolves with true when no batch up to `ordinal` waits any more, with false when the time is up.
   * @param keepAlive whether the process stays for it
   */
  wait(ordinal: number, timeoutMs: number, keepAlive: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (all: boolean): void => {
        cancel();
        this.#waiters.delete(waiter);
        resolve(all);
      };
      const waiter: Waiter = { ordinal, done };
      const cancel = this.#scheduler.after(timeoutMs, () => done(false), keepAlive);
      this.#waiters.add(waiter);
    });
  }

  /** Tells those whose batches are all gone; `oldest` is the first that still waits. */
  settle(oldest: number): void {
    for (const { ordinal, done } of this.#waiters) if (oldest > ordinal) done(true);
  }

  /** Nothing will come any more. */
  end(): void {
    for (const { done } of this.#waiters) done(false);
  }
}
