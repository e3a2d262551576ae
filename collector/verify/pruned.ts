/**
 * What retention has marked and not yet swept away (store/prune-marks.ts): such records are nobody's,
 * and what they refer to may be gone, which is no damage.
 */
import type { PrunedEpoch } from "../store/history-store.ts";
import {
  allPruned,
  batchKeyOfSeqKey,
  batchOfKey,
  epochOfKey,
  seqOfCheckpointKey,
  timeOfDirectoryKey,
} from "../store/keys.ts";
import type { RawStore } from "../store/raw-store.ts";
import { openRecord } from "../store/records.ts";

export type Marks = ReadonlyMap<number, Omit<PrunedEpoch, "epochId">>;

/** The marks that can be read. Of the others the walk tells. */
export function readMarks(store: RawStore): Marks {
  const marks = new Map<number, Omit<PrunedEpoch, "epochId">>();
  try {
    for (const { key, record } of store.records(allPruned())) {
      const payload = openRecord(key, record);
      if (payload === undefined) continue;
      marks.set(epochOfKey(key), JSON.parse(payload.toString()) as Omit<PrunedEpoch, "epochId">);
    }
  } catch {
    return marks; // a broken tree: the walk meets it too
  }
  return marks;
}

/** Whether the record under the key waits to be swept. */
export function isLeftOver(marks: Marks, key: Buffer): boolean {
  if (marks.size === 0 || key.length < 5) return false;
  const mark = marks.get(epochOfKey(key));
  if (mark === undefined) return false;
  const isForgotten = mark.seq === Number.MAX_SAFE_INTEGER;
  switch (String.fromCharCode(key[0] ?? 0)) {
    case "B":
      return batchOfKey(key).last <= mark.seq;
    case "S":
      return batchOfKey(batchKeyOfSeqKey(key)).last <= mark.seq;
    case "D":
      return isForgotten || timeOfDirectoryKey(key) < mark.t;
    case "C":
      return isForgotten || seqOfCheckpointKey(key) < mark.seq;
    case "L":
      return isForgotten;
    default:
      return false;
  }
}
