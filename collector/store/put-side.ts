/**
 * Puts side blocks into a transaction, and takes them out again when they are past. A block that is stored
 * already stays as it is: what comes again is the same block.
 */
import type { SideRemoval, StoredSideBlock } from "./history-store.ts";
import { allSideOf, placeOfSideKey, sideKey } from "./keys.ts";
import { BATCH_PREFIX_BYTES, batchPrefix, openRecord } from "./records.ts";
import { isRemoved } from "./side-removal.ts";
import type { TransactionDraft } from "./transaction-draft.ts";

export function putSideBlock(draft: TransactionDraft, block: StoredSideBlock): void {
  const key = sideKey(block);
  if (draft.db.doesExist(key)) return;
  draft.put(key, batchPrefix(block.arrivalMs), block.bytes);
}

/** Epochs are looked at one by one, each from its oldest block to the first that stays. */
export function putSideRemoval(
  draft: TransactionDraft,
  removal: SideRemoval,
  tell: (count: number) => void,
): void {
  let count = 0;
  for (const epochId of removal.epochIds) {
    for (const key of draft.keysIn(allSideOf(epochId))) {
      if (count >= removal.limit) break;
      const second = placeOfSideKey(key)?.second ?? 0;
      if (!isRemoved(removal, { arrivalMs: arrivalOf(draft, key), second })) break;
      draft.remove(key);
      count += 1;
    }
  }
  draft.outcome = { ...draft.outcome, told: [...draft.outcome.told, () => tell(count)] };
}

/** Of a damaged record nobody knows when it came: it goes with those around it. */
function arrivalOf(draft: TransactionDraft, key: Buffer): number {
  const record = draft.db.getBinary(key);
  const payload = record && openRecord(key, record);
  const isWhole = payload !== undefined && payload.length >= BATCH_PREFIX_BYTES;
  return isWhole ? payload.readDoubleLE(0) : Number.NEGATIVE_INFINITY;
}
