/**
 * Bodies that wait to be decoded, in the order in which they came, a slice of work in each turn of the
 * event loop. Decoding is most of what ingest does: without slices a full body would hold the loop for
 * a quarter of a second, and a hundred bodies that arrive together for much longer, in which no
 * question and no /healthz is answered.
 *
 *     turn     | decode 10 ms | I/O, questions, writes | decode 10 ms | ...
 *
 * While there is little to do nothing waits: a body is decoded in the call that brings it.
 */
import type { IngestTimers } from "./timers.ts";

/** So long ingest decodes before the event loop has a turn. */
export const DECODE_SLICE_MS = 10;
/** Finished jobs at the front of the list that are worth a copy of the rest. */
const COMPACT_AT = 1_024;

interface Job {
  readonly step: () => boolean;
  readonly failed: (error: unknown) => void;
}

export class DecodeQueue {
  readonly #timers: IngestTimers;
  readonly #sliceMs: number;
  #jobs: Job[] = [];
  #next = 0;
  #spentMs = 0;
  #isRunning = false;
  #isTurnAwaited = false;
  readonly #idle: (() => void)[] = [];

  constructor(timers: IngestTimers, sliceMs: number = DECODE_SLICE_MS) {
    this.#timers = timers;
    this.#sliceMs = sliceMs;
  }

  /** Bodies that wait. */
  get length(): number {
    return this.#jobs.length - this.#next;
  }

  /**
   * Runs `work`, which yields wherever it may be paused, after all that was pushed before; then `done`
   * with what it returns, or `failed` with what it throws.
   */
  push<Result>(
    work: Generator<void, Result, void>,
    done: (result: Result) => void,
    failed: (error: unknown) => void,
  ): void {
    const step = (): boolean => {
      const { done: isDone, value } = work.next();
      if (isDone === true) done(value);
      return isDone === true;
    };
    this.#jobs.push({ step, failed });
    if (!this.#isRunning && this.#spentMs < this.#sliceMs) this.#run();
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    if (this.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #run(): void {
    this.#isRunning = true;
    const startMs = this.#timers.monotonicMs();
    const before = this.#spentMs;
    while (this.length > 0 && this.#spentMs < this.#sliceMs) {
      this.#step(this.#jobs[this.#next] as Job);
      this.#spentMs = before + this.#timers.monotonicMs() - startMs;
    }
    this.#isRunning = false;
    if (this.length === 0) {
      this.#jobs = [];
      this.#next = 0;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
    // What was spent counts until the turn ends. Time that stands still is no time spent.
    if (this.#spentMs > 0) void this.#renew();
  }

  #step({ step, failed }: Job): void {
    try {
      if (!step()) return;
    } catch (error) {
      failed(error);
    }
    this.#next += 1;
    if (this.#next < COMPACT_AT) return;
    this.#jobs.splice(0, this.#next);
    this.#next = 0;
  }

  async #renew(): Promise<void> {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    await this.#timers.turn();
    this.#isTurnAwaited = false;
    this.#spentMs = 0;
    if (this.length > 0) this.#run();
  }
}
