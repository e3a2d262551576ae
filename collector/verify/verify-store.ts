/**
 * Walks every record of a store that no collector has open, and says what of it is damaged.
 *
 *     epochs first       node and epoch for the ids in all other keys
 *     every record       checksum -> content -> what it says of other records     record-kinds.ts
 *     at the end         what epochs say is stored against what batches cover
 *
 * Nothing is changed and nothing is mended: a collector that meets the same damage serves the range as
 * lost. Cost: one read of the file, some 2 to 3 M events a second; memory grows with the number of
 * epochs and of holes.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { allEpochs } from "../store/keys.ts";
import { RawStore } from "../store/raw-store.ts";
import { decodeEpoch, openRecord } from "../store/records.ts";
import { compareEpoch } from "./compare-epoch.ts";
import { placeOfKey } from "./place-of-key.ts";
import { isLeftOver, readMarks } from "./pruned.ts";
import { kindOfKey, type RecordKind } from "./record-kinds.ts";
import type { VerifyReport } from "./report.ts";
import { type Place, WalkContext } from "./walk-context.ts";

/** Progress is told every so many records. */
const PROGRESS_EVERY = 10_000;

export interface VerifyOptions {
  /** The directory that the collector was given with `--data`. */
  readonly directory: string;
  /** Told now and then how many records of how many are done. */
  readonly onProgress?: (done: number, all: number) => void;
}

/**
 * @throws RetroError `not-found` (no store there), `data-in-use` (a collector is running on it),
 * `data-unusable` (not a store of ours, or unreadable). Damage is no error: it is in the report.
 */
export async function verifyStore(options: VerifyOptions): Promise<VerifyReport> {
  const { directory, onProgress = () => {} } = options;
  let store: RawStore;
  try {
    store = await RawStore.open(directory);
  } catch (error) {
    if (error instanceof RetroError && error.code === "data-damaged")
      return unread(directory, error);
    throw error;
  }
  try {
    const walk = new WalkContext(store, readEpochs(store), readMarks(store));
    const kinds: Record<string, number> = {};
    const all = store.recordCount;
    let recordCount = 0;
    try {
      for (const { key, record } of store.records()) {
        const name = checkRecord(walk, key, record);
        kinds[name] = (kinds[name] ?? 0) + 1;
        recordCount += 1;
        if (recordCount % PROGRESS_EVERY === 0) onProgress(recordCount, all);
      }
      if (recordCount !== all) {
        walk.note(
          "tree",
          "missing",
          `the file tells of ${all} records, ${recordCount} can be reached`,
        );
      }
      if (recordCount > 0 && kinds["format"] === undefined) {
        walk.note("format", "missing", "the record of the store's format is not there");
      }
    } catch (error) {
      // LMDB itself cannot go on: the tree that leads to the records is damaged.
      const why = error instanceof Error ? error.message : String(error);
      walk.note("tree", "unreadable", `the walk broke off after ${recordCount} records: ${why}`);
    }
    let eventCount = 0;
    for (const { readableCount } of walk.covered.values()) eventCount += readableCount;
    for (const record of walk.epochs.values()) compareEpoch(walk, record);
    onProgress(recordCount, all);
    return {
      directory,
      recordCount,
      kinds,
      epochCount: walk.epochs.size,
      eventCount,
      damage: walk.damage,
      damageCount: walk.damageCount,
    };
  } finally {
    await store.close();
  }
}

/** Of a file that not even the walk can open. */
function unread(directory: string, { message }: RetroError): VerifyReport {
  return {
    directory,
    ...{ recordCount: 0, kinds: {}, epochCount: 0, eventCount: 0, damageCount: 1 },
    damage: [
      { kind: "file", fault: "missing", detail: `${message}: the collector does not start` },
    ],
  };
}

/** The epoch records that can be read. Of the others, and of a broken tree, the walk tells. */
function readEpochs(store: RawStore): Map<number, EpochRecord> {
  const epochs = new Map<number, EpochRecord>();
  try {
    for (const { key, record } of store.records(allEpochs())) {
      const payload = openRecord(key, record);
      if (payload === undefined) continue;
      const epoch = decodeEpoch(payload);
      epochs.set(epoch.id, epoch);
    }
  } catch {
    return epochs;
  }
  return epochs;
}

/** Returns the name of the record's kind. */
function checkRecord(walk: WalkContext, key: Buffer, record: Buffer): string {
  const kind = kindOfKey(key);
  if (kind === undefined) {
    walk.note("unknown", "unknown", "no kind of record that this version knows", { key });
    return "unknown";
  }
  const payload = openRecord(key, record);
  try {
    if (payload === undefined) {
      const detail = `it is not what was written: ${kind.without}`;
      walk.note(kind.name, "checksum", detail, placeOf(walk, kind, key));
      kind.damaged?.(walk, key);
    } else if (!isLeftOver(walk.marks, key)) kind.check(walk, key, payload);
  } catch (error) {
    const isOurs = error instanceof RetroError || error instanceof SyntaxError;
    const isOfBytes = error instanceof RangeError || error instanceof TypeError;
    if (!isOurs && !isOfBytes) throw error;
    const detail = `${error.message}: ${kind.without}`;
    walk.note(kind.name, "content", detail, placeOf(walk, kind, key));
  }
  return kind.name;
}

function placeOf(walk: WalkContext, kind: RecordKind, key: Buffer): Place {
  try {
    return kind.place?.(walk, key) ?? placeOfKey(key);
  } catch (error) {
    // Neither the key nor what it leads to can be trusted.
    if (error instanceof RangeError || error instanceof RetroError) return placeOfKey(key);
    throw error;
  }
}
