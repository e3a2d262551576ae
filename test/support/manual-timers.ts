/** Timers moved by hand, for the cut engine's tests. */
import type { CutTimers } from "../../collector/cut/timers.ts";

export class ManualTimers implements CutTimers {
  #nowMs: number;
  readonly #due: { atMs: number; wake: () => void }[] = [];

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, wake: () => void): () => void {
    const entry = { atMs: this.#nowMs + ms, wake };
    this.#due.push(entry);
    return () => {
      const index = this.#due.indexOf(entry);
      if (index >= 0) this.#due.splice(index, 1);
    };
  }

  turn(): Promise<void> {
    return Promise.resolve();
  }

  advanceMs(ms: number): void {
    this.#nowMs += ms;
    for (const entry of [...this.#due]) {
      if (entry.atMs > this.#nowMs) continue;
      this.#due.splice(this.#due.indexOf(entry), 1);
      entry.wake();
    }
  }
}
