/** Empty stores for the cases of a contract, closed after each. */
import { afterEach } from "vitest";
import type { HistoryStore } from "../../../collector/store/history-store.ts";

/** Call inside `describe`. `open` gives an empty store of its own each time, and so does the result. */
export function freshStores(open: () => Promise<HistoryStore>): () => Promise<HistoryStore> {
  const opened: HistoryStore[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  return async () => {
    const store = await open();
    opened.push(store);
    return store;
  };
}
