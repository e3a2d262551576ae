/**
 * Reads of the LMDB store: the way in for lmdb-store.ts. Every record is checked before it is believed:
 *
 * - a damaged batch is skipped, told of, and named by `damaged`: to readers a lost range (batch-reader.ts);
 * - a damaged directory is passed over for an earlier one: the answer costs more and stays right;
 * - a damaged checkpoint, timeline tile or stretch of joined messages is not there;
 * - a damaged epoch, log, violation or slow message cannot be made up for: `data-damaged` is thrown.
 *
 * All reads of one turn of the event loop see one and the same transaction (lmdb keeps its read
 * transaction open for so long).
 */
import type { Hlc, Json } from "../../agent/kernel/index.ts";
import { RetroError } from "../../agent/kernel/index.ts";
import { BatchReader } from "./batch-reader.ts";
import { namesCell } from "./cell-list.ts";
import { type Environment, sizeOf } from "./environment.ts";
import type {
  DirectoryRecord,
  EpochRecord,
  GoneStretch,
  LogRecord,
  MessageStretch,
  MessagesGone,
  PrunedEpoch,
  SavedRecord,
  SideRange,
  StoredCapture,
  StoredMonitor,
  StoredSideBlock,
} from "./history-store.ts";
import {
  allCaptures,
  allEpochs,
  allLogs,
  allMessageStretches,
  allMonitors,
  allPruned,
  allSaved,
  checkpointKey,
  directoriesBetween,
  epochOfKey,
  GONE_KEY,
  HIGHEST_KEY_NUMBER,
  type KeyRange,
  LAST_ID_KEY,
  LOWEST_KEY_NUMBER,
  MESSAGES_GONE_KEY,
  messageCellKey,
  messageStretchesFrom,
  messageStretchOfKey,
  numberOfKey,
  placeOfSavedKey,
  placeOfSideKey,
  prunedKey,
  savedKey,
  seqsFrom,
  sideBetween,
  tileKey,
  timeOfDirectoryKey,
} from "./keys.ts";
import { PruneMarks } from "./prune-marks.ts";
import { plainBytes, type RecordDamage, RecordReader } from "./record-reader.ts";
import {
  BATCH_PREFIX_BYTES,
  decodeDirectory,
  decodeEpoch,
  decodeLog,
  logCountOf,
} from "./records.ts";
import { StretchReader } from "./stretch-reader.ts";

export class LmdbReader {
  readonly batches: BatchReader;
  readonly stretches: StretchReader;
  readonly #db: Environment;
  readonly #records: RecordReader;

  constructor(db: Environment, onDamage: (damage: RecordDamage) => void) {
    this.#db = db;
    this.#records = new RecordReader(db, onDamage);
    this.batches = new BatchReader(this.#records);
    this.stretches = new StretchReader(this.#records);
  }

  damaged(epochId: number): ReturnType<RecordReader["damaged"]> {
    return this.#records.damaged(epochId);
  }

  loadEpochs(): Map<number, EpochRecord> {
    const epochs = new Map<number, EpochRecord>();
    const logCounts = new Map<number, number>();
    for (const key of this.#records.keys(allEpochs())) {
      const payload = this.#records.mustRead(key);
      const record = decodeEpoch(payload);
      epochs.set(record.id, record);
      const logCount = logCountOf(payload);
      if (logCount !== undefined) logCounts.set(record.id, logCount);
    }
    for (const key of this.#records.keys(allLogs())) {
      const logs = epochs.get(epochOfKey(key))?.logs as Record<string, LogRecord> | undefined;
      const [log, record] = decodeLog(this.#records.mustRead(key));
      if (logs !== undefined) logs[log] = record;
    }
    this.#missNoEpoch(epochs);
    for (const [id, count] of logCounts) {
      // As with epochs: of a log under a damaged key nobody would know.
      if (Object.keys(epochs.get(id)?.logs ?? {}).length !== count)
        throw isGone(`a log of epoch ${id}`);
    }
    return epochs;
  }

  /** A record under a damaged key is not met: without this its node would be unknown, with all its events. */
  #missNoEpoch(epochs: ReadonlyMap<number, EpochRecord>): void {
    const { last } = seqsFrom(0xffffffff, HIGHEST_KEY_NUMBER);
    let key = this.#records.firstKey({ first: seqsFrom(0, LOWEST_KEY_NUMBER).first, last });
    while (key !== undefined) {
      const id = epochOfKey(key);
      // What is forgotten is swept later: its mark stands as long as anything of it does.
      if (!epochs.has(id) && !this.#records.exists(prunedKey(id))) {
        throw isGone(`epoch ${id}`);
      }
      if (id === 0xffffffff) return;
      key = this.#records.firstKey({ first: seqsFrom(id + 1, LOWEST_KEY_NUMBER).first, last });
    }
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    for (const key of this.#records.keys(directoriesBetween(epochId, LOWEST_KEY_NUMBER, t), true)) {
      const payload = this.#records.read(key);
      if (payload === undefined) continue;
      const { seq, bytes } = decodeDirectory(payload);
      return { epochId, seq, t: timeOfDirectoryKey(key), bytes: plainBytes(bytes) };
    }
    return undefined;
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    const payload = this.#records.read(checkpointKey(epochId, seq, log));
    return payload && plainBytes(payload);
  }

  tile(epochId: number, level: number, index: number): Uint8Array | undefined {
    const payload = this.#records.read(tileKey(epochId, level, index));
    return payload && plainBytes(payload);
  }

  loadMessageStretches(): MessageStretch[] {
    return [...this.#records.keys(allMessageStretches())]
      .filter((key) => this.#records.read(key) !== undefined)
      .map(messageStretchOfKey);
  }

  /** @throws RetroError `data-damaged`; also if the cell is not found and its stretch says that it has it */
  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    const key = messageCellKey(from, level, index);
    if (this.#records.exists(key)) return plainBytes(this.#records.mustRead(key));
    const stretch = this.#records.firstKey(messageStretchesFrom(from));
    const list = stretch && this.#records.read(stretch);
    if (list !== undefined && !namesCell(list, level, index)) return undefined;
    // The stretch was there a moment ago; one that is not found now is as damaged as a cell.
    return plainBytes(this.#records.mustRead(key));
  }

  captures(): StoredCapture[] {
    return this.#numbered(allCaptures());
  }

  monitors(): StoredMonitor[] {
    return this.#numbered(allMonitors());
  }

  /** Damaged ones are skipped and told of: history itself does not need them. */
  #numbered(range: KeyRange): { readonly number: number; readonly body: Json }[] {
    const found: { readonly number: number; readonly body: Json }[] = [];
    for (const key of this.#records.keys(range)) {
      const payload = this.#records.read(key);
      if (payload === undefined) continue;
      const body = JSON.parse(payload.toString()) as Json;
      found.push({ number: numberOfKey(key), body });
    }
    return found;
  }

  /** Must be read: without them what was pruned in part would pass for whole. */
  loadMarks(): PruneMarks {
    const marks = new PruneMarks();
    for (const key of this.#records.keys(allPruned())) {
      const mark = JSON.parse(this.#records.mustRead(key).toString()) as Omit<
        PrunedEpoch,
        "epochId"
      >;
      marks.set({ epochId: epochOfKey(key), ...mark });
    }
    if (this.#records.exists(GONE_KEY)) {
      marks.setGone(JSON.parse(this.#records.mustRead(GONE_KEY).toString()) as GoneStretch[]);
    }
    if (this.#records.exists(MESSAGES_GONE_KEY)) {
      const record = this.#records.mustRead(MESSAGES_GONE_KEY);
      marks.setMessagesGone(JSON.parse(record.toString()) as MessagesGone);
    }
    return marks;
  }

  /** The highest id known when an epoch was forgotten last; 0: none ever was. */
  lastForgottenId(): number {
    return this.#records.read(LAST_ID_KEY)?.readDoubleLE(0) ?? 0;
  }

  size(): { readonly usedBytes: number; readonly fileBytes: number } {
    return sizeOf(this.#db);
  }

  /** Damaged ones are skipped and told of. */
  saved(): (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[] {
    const found: (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[] = [];
    for (const key of this.#records.keys(allSaved())) {
      const { number, part } = placeOfSavedKey(key);
      const payload = part === "label" ? this.#records.read(key) : undefined;
      if (payload === undefined) continue;
      const [byteCount, label] = JSON.parse(payload.toString()) as [number, Json];
      found.push({ number, label, byteCount });
    }
    return found;
  }

  savedBytes(number: number): Uint8Array | undefined {
    const payload = this.#records.read(savedKey(number, "bytes"));
    return payload && plainBytes(payload);
  }

  *sideBlocks(
    epochId: number,
    { fromSecond, untilSecond, streams }: SideRange,
  ): Generator<StoredSideBlock, void, undefined> {
    for (const key of this.#records.keys(sideBetween(epochId, fromSecond, untilSecond))) {
      const place = placeOfSideKey(key);
      if (place === undefined || streams?.includes(place.stream) === false) continue;
      const payload = this.#records.read(key);
      if (payload === undefined) continue;
      const bytes = plainBytes(payload.subarray(BATCH_PREFIX_BYTES));
      yield { ...place, arrivalMs: payload.readDoubleLE(0), bytes };
    }
  }

  verify(): { readonly recordCount: number; readonly damagedCount: number } {
    let recordCount = 0;
    let damagedCount = 0;
    for (const key of this.#db.getKeys()) {
      recordCount += 1;
      if (this.#records.read(key) === undefined) damagedCount += 1;
    }
    return { recordCount, damagedCount };
  }
}

function isGone(what: string): RetroError {
  return new RetroError("data-damaged", `the record of ${what} is damaged or gone`, {
    hint: "Restore a backup; `retroscope verify --data DIR` lists what is damaged.",
  });
}
