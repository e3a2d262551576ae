/**
 * Reads the batches of an epoch one by one, and can be interrupted: `pause` ends the read of the store,
 * and the next batch begins another where this one was. Batches that came in between to before that
 * place are passed over, as if they had come after the answer. Meanwhile batches may have been sealed into
 * a segment that holds events on both sides of the place: of it only those beyond are to be taken.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { HistoryStore, StoredBatch } from "../store/history-store.ts";

export interface BatchRange {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly reverse: boolean;
}

/** What is stored, and which seqs of it have not been taken yet. */
export interface StoredPart {
  readonly stored: StoredBatch;
  readonly firstSeq: number;
  readonly lastSeq: number;
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

  /** The next batch or segment, undefined at the end. */
  next(): StoredPart | undefined {
    this.#open ??= this.#store.batches(this.#epochId, this.#rest())[Symbol.iterator]();
    for (;;) {
      const result = this.#open.next();
      if (result.done === true) return undefined;
      const part = this.#notTaken(result.value);
      if (part === undefined) continue;
      this.#last = result.value;
      return part;
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
    const { firstT, lastT } = this.#last;
    return reverse
      ? { from, to: Math.min(to, lastT) as Hlc, reverse }
      : { from: Math.max(from, firstT) as Hlc, to, reverse };
  }

  #notTaken(stored: StoredBatch): StoredPart | undefined {
    const { firstSeq, lastSeq } = stored;
    if (this.#last === undefined) return { stored, firstSeq, lastSeq };
    if (this.#range.reverse) {
      const last = Math.min(lastSeq, this.#last.firstSeq - 1);
      return last < firstSeq ? undefined : { stored, firstSeq, lastSeq: last };
    }
    const first = Math.max(firstSeq, this.#last.lastSeq + 1);
    return first > lastSeq ? undefined : { stored, firstSeq: first, lastSeq };
  }
}
