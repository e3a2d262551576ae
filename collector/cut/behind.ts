/**
 * Work behind ingest that reads much: done in short slices, between which the event loop serves ingest
 * and questions. Works take turns slice by slice; nobody waits for them, and their end is only told.
 */
import type { CutLimits } from "./limits.ts";
import type { CutTimers } from "./timers.ts";
import type { Work } from "./turns.ts";

export class Behind {
  readonly #timers: CutTimers;
  readonly #limits: CutLimits;
  readonly #onPause: () => void;
  #isClosed = false;

  /** `onPause` ends every read of the store: none outlives a turn. */
  constructor(timers: CutTimers, limits: CutLimits, onPause: () => void) {
    this.#timers = timers;
    this.#limits = limits;
    this.#onPause = onPause;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Works under way end at their next pause, with `undefined`. */
  close(): void {
    this.#isClosed = true;
  }

  /** The next turn of the event loop. */
  turn(): Promise<void> {
    return this.#timers.turn();
  }

  /**
   * What the work comes to; undefined if this was closed before. Throws what the work throws. `onSlice` is
   * told after each slice how long it held the thread.
   */
  async run<Answer>(
    work: Work<Answer>,
    onSlice: (ms: number) => void = () => {},
  ): Promise<Answer | undefined> {
    try {
      while (!this.#isClosed) {
        const startMs = this.#timers.nowMs();
        const result = this.#slice(work, startMs);
        onSlice(this.#timers.nowMs() - startMs);
        if (result.done === true) return result.value;
        this.#onPause();
        await this.#timers.turn();
      }
      return undefined;
    } finally {
      work.return(undefined as never);
      this.#onPause();
    }
  }

  #slice<Answer>(work: Work<Answer>, startMs: number): IteratorResult<void, Answer> {
    for (;;) {
      const result = work.next();
      if (result.done === true) return result;
      const spentMs = this.#timers.nowMs() - startMs;
      // A clock that was set back ends the slice, too.
      if (spentMs < 0 || spentMs >= this.#limits.behindSliceMs) return result;
    }
  }
}
