/**
 * Virtual time: a heap of timers, run in order of due time, then of order of setting. Between two of them
 * all promises settle, so that one seed always gives one history. Nothing here reads a real clock.
 */

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  #firedCount = 0;
  readonly #heap: Timer[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Timers run so far. */
  get firedCount(): number {
    return this.#firedCount;
  }

  /** Calls `run` once after `delayMs`; the result cancels it. */
  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#push(timer);
    return () => {
      timer.run = undefined;
    };
  }

  /** Runs everything due in the next `ms`. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#pop();
      if (next.run === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#firedCount += 1;
      next.run();
      await settled();
    }
    this.#nowMs = endMs;
  }

  /** Runs time until the promise settles. @throws if it does not within `limitMs` of virtual time */
  async until<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    const endMs = this.#nowMs + limitMs;
    await settled();
    while (!isSettled) {
      if (this.#nowMs >= endMs) throw new Error(`no answer within ${limitMs} ms of virtual time`);
      await this.advance(1);
    }
    return promise;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isEarlier(heap[parent] as Timer, timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isEarlier(right, heap[child] as Timer)) child += 1;
      if (isEarlier(last, heap[child] as Timer)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = last;
  }
}

function isEarlier(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** No chain of promises in agent or collector is longer; one that is goes on after the next timer. */
const ROUNDS = 40;

/** Lets every promise that can settle do so. A turn of the real event loop would cost a system call. */
async function settled(): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) await undefined;
}
