/**
 * Which records of an LMDB store nobody can ask for any more: what lies before the mark of a pruned
 * epoch, all of a forgotten one, and messages that were over before all history.
 *
 *     epoch      batches, their seq keys and blocks up to mark.seq, directories and tiles before mark.t, checkpoints
 *                before mark.seq that no directory refers to
 *     forgotten  the same without end, then its side blocks and logs, then the mark itself
 *     messages   by class of length, in order of start: those that began before, and were over before
 *
 * The keys of the first are found in the order in which they lie, so the work is that of removing them.
 */
import { type Environment, keysIn } from "./environment.ts";
import type { PrunedEpoch } from "./history-store.ts";
import {
  allSideOf,
  batchKeyOfSeqKey,
  batchOfKey,
  blocksOf,
  checkpointKey,
  checkpointsFrom,
  directoriesBetween,
  LOWEST_KEY_NUMBER,
  logsOfEpoch,
  prunedKey,
  SLOW_MESSAGE,
  seqOfCheckpointKey,
  seqsFrom,
  stretchEndOfKey,
  stretchesStarting,
  stretchStartOfKey,
  tilesBetween,
  VIOLATION,
} from "./keys.ts";
import { STRETCH_CLASS_COUNT } from "./stretches.ts";
import { TOP_TILE_LEVEL, tileSpan } from "./tile-levels.ts";

/** Keys of one epoch to remove, at most `limit`; `isDone`: there are no more. */
export function sweepableOf(
  db: Environment,
  mark: PrunedEpoch,
  isForgotten: boolean,
  limit: number,
): { readonly keys: readonly Buffer[]; readonly isDone: boolean } {
  const keys: Buffer[] = [];
  for (const key of pruned(db, mark, isForgotten)) {
    if (keys.length >= limit) return { keys, isDone: false };
    keys.push(key);
  }
  if (isForgotten) keys.push(prunedKey(mark.epochId));
  return { keys, isDone: true };
}

function* pruned(db: Environment, mark: PrunedEpoch, isForgotten: boolean): Iterable<Buffer> {
  const { epochId, seq, t } = mark;
  for (const key of keysIn(db, seqsFrom(epochId, 0))) {
    const batch = batchKeyOfSeqKey(key);
    if (batchOfKey(batch).last > seq) break;
    // Blocks first: what is left of them is found by their segment.
    yield* keysIn(db, blocksOf(epochId, batchOfKey(batch).first));
    // Gone by the step before, where that had no room for its key by seq: once is enough.
    if (db.doesExist(batch)) yield batch;
    yield key;
  }
  for (const key of keysIn(db, directoriesBetween(epochId, LOWEST_KEY_NUMBER, t - 1))) yield key;
  yield* tilesBefore(db, epochId, t);
  const kept = new Set(
    mark.keep.map((one) => checkpointKey(epochId, one.seq, one.log).toString("hex")),
  );
  for (const key of keysIn(db, checkpointsFrom(epochId, 0))) {
    if (!isForgotten && seqOfCheckpointKey(key) >= seq) break;
    if (!kept.has(key.toString("hex"))) yield key;
  }
  if (!isForgotten) return;
  yield* keysIn(db, allSideOf(epochId));
  yield* keysIn(db, logsOfEpoch(epochId));
}

/** Tiles that cover nothing after `t`. */
function* tilesBefore(db: Environment, epochId: number, t: number): Iterable<Buffer> {
  for (let level = 0; level <= TOP_TILE_LEVEL; level += 1) {
    const last = Math.floor((t + 1) / tileSpan(level)) - 1;
    yield* keysIn(db, tilesBetween(epochId, level, LOWEST_KEY_NUMBER, last));
  }
}

/** Keys of violations and slow messages that were over before `before`, at most `limit`. */
export function messagesOver(db: Environment, before: number, limit: number): Buffer[] {
  const found: Buffer[] = [];
  for (const kind of [VIOLATION, SLOW_MESSAGE]) {
    for (let ofClass = 0; ofClass < STRETCH_CLASS_COUNT; ofClass += 1) {
      for (const key of keysIn(db, stretchesStarting(kind, ofClass, LOWEST_KEY_NUMBER, before))) {
        if (found.length >= limit) return found;
        if (stretchEndOfKey(key) < before) found.push(key);
      }
    }
  }
  return found;
}

/** The stretch of time in which the message of such a key was in the wrong order, or under way. */
export function stretchOfMessage(key: Buffer): readonly [start: number, end: number] {
  return [stretchStartOfKey(key), stretchEndOfKey(key)];
}
