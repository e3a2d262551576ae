/** What is remembered of epochs by id, without those that retention has forgotten since. */
import type { HistoryStore } from "../store/history-store.ts";

/** So many more than there are epochs are worth a look. */
const SPARE = 1_024;

/**
 * Lets go of what is kept of epochs that are no more. Cheap to call often: it looks only where much more is
 * kept than there are epochs.
 */
export function letGoOfForgotten(known: Map<number, unknown>, store: HistoryStore): void {
  if (known.size <= store.epochs().length + SPARE) return;
  for (const id of known.keys()) if (store.epoch(id) === undefined) known.delete(id);
}
