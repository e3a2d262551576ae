/** Whoever waits for a capture to be settled: no node is to be heard of any more. */
import type { IngestTimers } from "./timers.ts";

/** Questions that wait; beyond it they are answered at once. */
const MAX_WAITING = 1_000;

export class CaptureWaiters {
  readonly #timers: IngestTimers;
  readonly #waiters = new Map<string, Set<() => void>>();
  #count = 0;

  constructor(timers: IngestTimers) {
    this.#timers = timers;
  }

  /** Resolves when the capture is settled, after `waitMs`, or on abort. */
  wait(id: string, waitMs: number, signal?: AbortSignal): Promise<void> {
    if (waitMs === 0 || signal?.aborted === true || this.#count >= MAX_WAITING) {
      return Promise.resolve();
    }
    return new Promise<void>((resolve) => {
      const waiters = this.#waiters.get(id) ?? new Set();
      this.#waiters.set(id, waiters);
      this.#count += 1;
      const end = (): void => {
        cancel();
        signal?.removeEventListener("abort", end);
        waiters.delete(end);
        this.#count -= 1;
        if (waiters.size === 0) this.#waiters.delete(id);
        resolve();
      };
      const cancel = this.#timers.after(waitMs, end);
      signal?.addEventListener("abort", end, { once: true });
      waiters.add(end);
    });
  }

  wake(id: string): void {
    for (const waiter of [...(this.#waiters.get(id) ?? [])]) waiter();
  }

  wakeAll(): void {
    for (const id of [...this.#waiters.keys()]) this.wake(id);
  }
}
