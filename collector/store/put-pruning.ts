/** Puts retention into a transaction: marks first, and the removal of what they cover later. */
import type { PruneWrite, SweepOptions } from "./history-store.ts";
import {
  directoryKey,
  epochKey,
  GONE_KEY,
  LAST_ID_KEY,
  MESSAGES_GONE_KEY,
  prunedKey,
} from "./keys.ts";
import { marksOf, withMessagesGone } from "./prune-marks.ts";
import { dropMessages } from "./put-derived.ts";
import { messagesOver, stretchOfMessage, sweepableOf } from "./sweep.ts";
import type { TransactionDraft } from "./transaction-draft.ts";

/** The records stay until a sweep: a reader that does not know the mark yet must find them all. */
export function putPrune(draft: TransactionDraft, write: PruneWrite): void {
  for (const mark of marksOf(write, (id) => draft.markOf(id))) {
    const { epochId, ...rest } = mark;
    if (mark.isBlank !== true && !draft.has(directoryKey(epochId, mark.t))) continue;
    draft.put(prunedKey(epochId), Buffer.from(JSON.stringify(rest)));
    draft.outcome.marks.set(epochId, mark);
    draft.outcome.swept.delete(epochId);
    // What was joined of times that are not served any more goes at once; the rest is joined anew.
    const before = Math.min(mark.t, draft.lastOf(epochId) + 1);
    draft.durable.claims.breakTouching(Number.NEGATIVE_INFINITY, before - 1);
    dropMessages(
      draft,
      draft.outcome.joined.all.filter(({ from }) => from < before),
    );
  }
  for (const id of write.forget) {
    draft.remove(epochKey(id));
    draft.outcome.epochs.delete(id);
    draft.outcome.forgotten.add(id);
  }
  if (write.forget.length > 0) {
    const highest = Buffer.allocUnsafe(8);
    highest.writeDoubleLE(draft.durable.highestId);
    draft.put(LAST_ID_KEY, highest);
  }
  if (write.gone === undefined) return;
  draft.put(GONE_KEY, Buffer.from(JSON.stringify(write.gone)));
  draft.outcome = { ...draft.outcome, gone: write.gone };
}

/** Marks of this very group are left for the next sweep: their readers may not know them yet. */
export function putSweep(
  draft: TransactionDraft,
  { limit, messagesBefore }: SweepOptions,
  tell: (count: number) => void,
): void {
  const { db, durable } = draft;
  let left = limit;
  for (const epochId of durable.unswept) {
    const mark = durable.pruned(epochId);
    if (left <= 0 || mark === undefined || draft.outcome.marks.has(epochId)) continue;
    const isForgotten = durable.epoch(epochId) === undefined;
    const { keys, isDone } = sweepableOf(db, mark, isForgotten, left);
    for (const key of keys) draft.remove(key);
    left -= keys.length;
    if (isDone) draft.outcome.swept.add(epochId);
  }
  if (left > 0) {
    const keys = messagesOver(db, messagesBefore, left);
    for (const key of keys) draft.remove(key);
    left -= keys.length;
    if (keys.length > 0) noteMessagesGone(draft, keys);
  }
  const count = limit - Math.max(0, left);
  draft.outcome = { ...draft.outcome, told: [...draft.outcome.told, () => tell(count)] };
}

function noteMessagesGone(draft: TransactionDraft, keys: readonly Buffer[]): void {
  const before = draft.outcome.messagesGone;
  const gone = withMessagesGone(before, keys.map(stretchOfMessage));
  if (gone?.from === before?.from && gone?.until === before?.until) return;
  draft.put(MESSAGES_GONE_KEY, Buffer.from(JSON.stringify(gone)));
  draft.outcome = { ...draft.outcome, messagesGone: gone };
}
