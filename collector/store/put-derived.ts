/**
 * Puts what the cut engine worked out into a transaction: checkpoints, timeline tiles, joined messages. All of
 * it can be worked out again, and none of it may outlive what it was worked out from: a repair takes back
 * what is at or after it, and what was computed before a repair and comes after it is dropped.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { encodeCellList } from "./cell-list.ts";
import type {
  CheckpointThinning,
  CheckpointWrite,
  MessageCell,
  MessageStretch,
  TilesWrite,
} from "./history-store.ts";
import {
  checkpointKey,
  checkpointsFrom,
  directoriesBetween,
  directoryKey,
  HIGHEST_KEY_NUMBER,
  LOWEST_KEY_NUMBER,
  messageCellKey,
  messageCellsOf,
  messageStretchKey,
  tileKey,
  tilesBetween,
} from "./keys.ts";
import { needsDirectory, needsState, staleFrom } from "./prune-marks.ts";
import { encodeSeq, openRecord } from "./records.ts";
import { TOP_TILE_LEVEL, tileSpan } from "./tile-levels.ts";
import type { TransactionDraft } from "./transaction-draft.ts";

export function putCheckpoint(draft: TransactionDraft, checkpoint: CheckpointWrite): void {
  const { epochId, seq, t } = checkpoint;
  if (checkpoint.repairCount !== draft.repairCount(epochId)) return;
  if (draft.isForgotten(epochId)) return;
  // One that was computed before what it stands on was pruned, or forgotten.
  const mark = draft.markOf(epochId);
  if (mark !== undefined && t < mark.t) return;
  const keys = [directoryKey(epochId, t)];
  for (const { log, bytes } of checkpoint.logs) {
    const key = checkpointKey(epochId, seq, log);
    keys.push(key);
    draft.put(key, bytes);
  }
  draft.put(keys[0] as Buffer, encodeSeq(seq), checkpoint.directory);
  draft.freshCheckpoints.push({ epochId, t, keys });
}

export function thinCheckpoints(draft: TransactionDraft, thinning: CheckpointThinning): void {
  const { epochId, repairCount, directories, states } = thinning;
  if (repairCount !== draft.repairCount(epochId)) return;
  const mark = draft.markOf(epochId);
  for (const t of directories) {
    if (!needsDirectory(mark, t)) draft.remove(directoryKey(epochId, t));
  }
  for (const { log, seq } of states) {
    if (!needsState(mark, log, seq)) draft.remove(checkpointKey(epochId, seq, log));
  }
}

/** Removes the checkpoints and tiles at or after `staleT`: those on disk, and those put just before. */
export function repair(draft: TransactionDraft, epochId: number, staleT: Hlc): void {
  const fromT = staleFrom(staleT, draft.markOf(epochId));
  const { repairs } = draft.outcome;
  repairs.set(epochId, (repairs.get(epochId) ?? 0) + 1);
  for (const key of draft.keysIn(directoriesBetween(epochId, fromT, HIGHEST_KEY_NUMBER))) {
    draft.remove(key);
  }
  for (const key of draft.keysIn(checkpointsFrom(epochId, seqOfState(draft, epochId, fromT)))) {
    draft.remove(key);
  }
  const isStale = (one: { readonly epochId: number; readonly t: number }) =>
    one.epochId === epochId && one.t >= fromT;
  for (const one of draft.freshCheckpoints.filter(isStale)) {
    for (const key of one.keys) draft.remove(key);
  }
  draft.freshCheckpoints = draft.freshCheckpoints.filter((one) => !isStale(one));
  dropTiles(draft, epochId, fromT);
}

/** First seq whose checkpoints are stale: that of the first stale directory, which is readable or not. */
function seqOfState(draft: TransactionDraft, epochId: number, fromT: number): number {
  // Seqs rise with t: all after the last directory that stays. An unreadable one counts as stale.
  const before = directoriesBetween(epochId, LOWEST_KEY_NUMBER, fromT - 1);
  for (const key of draft.keysIn(before, true)) {
    const record = draft.db.getBinary(key);
    const payload = record && openRecord(key, record);
    if (payload !== undefined) return payload.readDoubleLE(0) + 1;
  }
  return 0;
}

export function putTiles(draft: TransactionDraft, write: TilesWrite): void {
  const { epochId, repairCount, tiles } = write;
  if (repairCount !== draft.repairCount(epochId)) return;
  if (draft.isForgotten(epochId)) return;
  for (const { level, index, bytes } of tiles) {
    const key = tileKey(epochId, level, index);
    draft.put(key, bytes);
    draft.freshTiles.push({ epochId, end: (index + 1) * tileSpan(level), key });
  }
}

/** Tiles that hold anything at or after `fromT`. */
function dropTiles(draft: TransactionDraft, epochId: number, fromT: number): void {
  for (let level = 0; level <= TOP_TILE_LEVEL; level += 1) {
    const first = Math.floor(fromT / tileSpan(level));
    for (const key of draft.keysIn(tilesBetween(epochId, level, first, HIGHEST_KEY_NUMBER))) {
      draft.remove(key);
    }
  }
  const isStale = (one: { readonly epochId: number; readonly end: number }) =>
    one.epochId === epochId && one.end > fromT;
  for (const { key } of draft.freshTiles.filter(isStale)) draft.remove(key);
  draft.freshTiles = draft.freshTiles.filter((one) => !isStale(one));
}

export function putMessages(
  draft: TransactionDraft,
  claim: MessageStretch,
  cells: readonly MessageCell[],
): void {
  const { claims } = draft.durable;
  if (!claims.isOpen(claim)) return;
  claims.close(claim);
  const { from } = claim;
  dropMessages(
    draft,
    draft.outcome.joined.all.filter((one) => one.from === from),
  );
  const keys = [messageStretchKey(claim)];
  draft.put(keys[0] as Buffer, encodeCellList(cells));
  for (const { level, index, bytes } of cells) {
    const key = messageCellKey(from, level, index);
    draft.put(key, bytes);
    keys.push(key);
  }
  draft.freshCells = new Map(draft.freshCells).set(from, keys);
  draft.outcome = { ...draft.outcome, joined: draft.outcome.joined.with(claim) };
}

export function dropMessages(draft: TransactionDraft, stretches: readonly MessageStretch[]): void {
  if (stretches.length === 0) return;
  for (const stretch of stretches) {
    draft.remove(messageStretchKey(stretch));
    for (const key of draft.keysIn(messageCellsOf(stretch.from))) draft.remove(key);
    for (const key of draft.freshCells.get(stretch.from) ?? []) draft.remove(key);
  }
  draft.outcome = { ...draft.outcome, joined: draft.outcome.joined.without(stretches) };
}
