/** A store with some methods replaced; and one that tells how its batches are read. */
import type { HistoryStore, StoredBatch } from "../../collector/store/history-store.ts";

/** The same store, but for the methods in `changed`. */
export function over(store: HistoryStore, changed: Partial<HistoryStore>): HistoryStore {
  return new Proxy(store, {
    get(target, name) {
      const own = changed[name as keyof HistoryStore];
      if (own !== undefined) return own;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** How batches are read. */
export interface BatchReads {
  /** Reads begun and not ended. */
  open: number;
  /** Reads begun. */
  begun: number;
  /** Batches handed out. */
  batches: number;
}

export function noReads(): BatchReads {
  return { open: 0, begun: 0, batches: 0 };
}

/** The same store, counting in `reads`. */
export function watched(store: HistoryStore, reads: BatchReads): HistoryStore {
  return over(store, {
    *batches(...args): Generator<StoredBatch> {
      reads.open += 1;
      reads.begun += 1;
      try {
        for (const batch of store.batches(...args)) {
          reads.batches += 1;
          yield batch;
        }
      } finally {
        reads.open -= 1;
      }
    },
  });
}
