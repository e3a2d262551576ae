/**
 * Reads the batches of an epoch one by one, and can be interrupted: `pause` ends the read of the store,
 * and the next batch begins another where this one was. Batches that came in between to before that
 * place are passed over, as if they had come after the answer.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { HistoryStore, StoredBatch } from "../store/history-store.ts";

export interface BatchRange {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly reverse: boolean;
}

export class BatchRead {
  readonly #store: HistoryStore;
  readonly #epochId: number;
  readonly #range: BatchRange;
  #open: Iterator<StoredBatch> | undefined;
  #last: StoredBatch | undefined;

  constructor(store: HistoryStore, epochId: number, range: BatchRange) {
    this.#store = store;
    this.#epochId = epochId;
    this.#range = range;
  }

  /** The next batch, undefined at the end. */
  next(): StoredBatch | undefined {
    this.#open ??= this.#store.batches(this.#epochId, this.#rest())[Symbol.iterator]();
    for (;;) {
      const result = this.#open.next();
      if (result.done === true) return undefined;
      if (this.#isPassed(result.value)) continue;
      this.#last = result.value;
      return result.value;
    }
  }

  /** Ends the read of the store. */
  pause(): void {
    this.#open?.return?.();
    this.#open = undefined;
  }

  #rest(): BatchRange {
    const { from, to, reverse } = this.#range;
    if (this.#last === undefined) return this.#range;
    const { firstT } = this.#last;
    return reverse
      ? { from, to: Math.min(to, firstT) as Hlc, reverse }
      : { from: Math.max(from, firstT) as Hlc, to, reverse };
  }

  #isPassed({ firstSeq }: StoredBatch): boolean {
    if (this.#last === undefined) return false;
    const { reverse } = this.#range;
    return reverse ? firstSeq >= this.#last.firstSeq : firstSeq <= this.#last.firstSeq;
  }
}
