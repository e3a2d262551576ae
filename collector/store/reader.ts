/**
 * Reads of the LMDB store. Every record is checked before it is believed:
 *
 * - a damaged batch is skipped, reported, and named by `damaged`: to readers a lost range;
 * - a damaged directory is passed over for an earlier one: the answer costs more and stays right;
 * - a damaged checkpoint, timeline tile or stretch of joined messages is not there;
 * - a damaged epoch, log, violation or slow message cannot be made up for: `data-damaged` is thrown.
 *
 * All reads of one turn of the event loop see one and the same transaction (lmdb keeps its read
 * transaction open for so long).
 */
import type { Hlc, Json } from "../../agent/kernel/index.ts";
import { RetroError } from "../../agent/kernel/index.ts";
import { namesCell } from "./cell-list.ts";
import { type Environment, sizeOf } from "./environment.ts";
import type {
  DamagedRange,
  DirectoryRecord,
  EpochRecord,
  GoneStretch,
  LogRecord,
  MessageStretch,
  PrunedEpoch,
  SavedRecord,
  StoredBatch,
  StoredCapture,
  StoredPiece,
} from "./history-store.ts";
import {
  allBatches,
  allCaptures,
  allEpochs,
  allLogs,
  allMessageStretches,
  allPruned,
  allSaved,
  BATCH,
  batchesBeginning,
  batchKey,
  batchKeyOfSeqKey,
  batchOfKey,
  blockKey,
  checkpointKey,
  directoriesBetween,
  epochOfKey,
  GONE_KEY,
  HIGHEST_KEY_NUMBER,
  type KeyRange,
  LAST_ID_KEY,
  LOWEST_KEY_NUMBER,
  messageCellKey,
  messageStretchesFrom,
  messageStretchOfKey,
  numberOfCaptureKey,
  placeOfSavedKey,
  prunedKey,
  SEQ,
  SLOW_MESSAGE,
  savedKey,
  seqKey,
  seqsFrom,
  stretchEndOfKey,
  stretchesStarting,
  tileKey,
  timeOfDirectoryKey,
  VIOLATION,
} from "./keys.ts";
import { PruneMarks } from "./prune-marks.ts";
import {
  BATCH_PREFIX_BYTES,
  decodeDirectory,
  decodeEpoch,
  decodeLog,
  openRecord,
} from "./records.ts";
import { damagedBlockOf, decodeSegmentHeader, isSegment } from "./segment-header.ts";
import { earliestStart, STRETCH_CLASS_COUNT, stretchSlot } from "./stretches.ts";

/** A record that does not match its checksum. */
export interface RecordDamage {
  readonly kind:
    | "epoch"
    | "log"
    | "batch"
    | "seq"
    | "block"
    | "violation"
    | "slow"
    | "directory"
    | "checkpoint"
    | "capture"
    | "tile"
    | "stretch"
    | "cell"
    | "pruned"
    | "gone"
    | "highest-id"
    | "saved";
  readonly keyHex: string;
  /** What readers do without, if it is a batch. */
  readonly range?: DamagedRange;
}

const KINDS: Readonly<Record<string, RecordDamage["kind"]>> = {
  E: "epoch",
  L: "log",
  B: "batch",
  S: "seq",
  N: "block",
  V: "violation",
  M: "slow",
  D: "directory",
  C: "checkpoint",
  K: "capture",
  T: "tile",
  J: "stretch",
  I: "cell",
  R: "pruned",
  G: "gone",
  H: "highest-id",
  P: "saved",
};

export class LmdbReader {
  readonly #db: Environment;
  readonly #onDamage: (damage: RecordDamage) => void;
  /** Records reported, by key in hex. */
  readonly #reported = new Set<string>();
  readonly #damaged = new Map<number, DamagedRange[]>();
  /** Kinds and classes of stretches that hold any. */
  readonly #stretchSlots = new Set<number>();

  constructor(db: Environment, onDamage: (damage: RecordDamage) => void) {
    this.#db = db;
    this.#onDamage = onDamage;
    for (const kind of [VIOLATION, SLOW_MESSAGE]) {
      for (let ofClass = 0; ofClass < STRETCH_CLASS_COUNT; ofClass += 1) {
        const all = stretchesStarting(kind, ofClass, LOWEST_KEY_NUMBER, HIGHEST_KEY_NUMBER);
        if (this.#firstKey(all) !== undefined) {
          this.#stretchSlots.add(stretchSlot(kind, ofClass));
        }
      }
    }
  }

  loadEpochs(): Map<number, EpochRecord> {
    const epochs = new Map<number, EpochRecord>();
    for (const key of this.#keys(allEpochs())) {
      const record = decodeEpoch(this.#mustRead(key));
      epochs.set(record.id, record);
    }
    for (const key of this.#keys(allLogs())) {
      const logs = epochs.get(epochOfKey(key))?.logs as Record<string, LogRecord> | undefined;
      const [log, record] = decodeLog(this.#mustRead(key));
      if (logs !== undefined) logs[log] = record;
    }
    this.#missNoEpoch(epochs);
    return epochs;
  }

  /** A record under a damaged key is not met: without this its node would be unknown, with all its events. */
  #missNoEpoch(epochs: ReadonlyMap<number, EpochRecord>): void {
    const { last } = seqsFrom(0xffffffff, HIGHEST_KEY_NUMBER);
    let key = this.#firstKey({ first: seqsFrom(0, LOWEST_KEY_NUMBER).first, last });
    while (key !== undefined) {
      const id = epochOfKey(key);
      // What is forgotten is swept later: its mark stands as long as anything of it does.
      if (!epochs.has(id) && this.#db.getBinary(prunedKey(id)) === undefined) {
        throw new RetroError("data-damaged", `the record of epoch ${id} is damaged or gone`, {
          hint: "Restore a backup; `retroscope verify --data DIR` lists what is damaged.",
        });
      }
      if (id === 0xffffffff) return;
      key = this.#firstKey({ first: seqsFrom(id + 1, LOWEST_KEY_NUMBER).first, last });
    }
  }

  *batches(
    epochId: number,
    { from, to, reverse }: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    if (reverse === true) yield* this.#batchesBackwards(epochId, from, to);
    else yield* this.#batchesForwards(epochId, from, to);
  }

  /**
   * The keys lead the walk, and a damaged key leads astray: it stands where it does not belong, or is not
   * met at all. The index by seq is the second witness: of seqs that the walk passes over it says whether
   * a batch should hold them.
   */
  *#batchesForwards(epochId: number, from: Hlc, to: Hlc): Iterable<StoredBatch> {
    let start: number = from;
    let lastSeq = 0;
    // Of the batches that begin before `from`, the last may reach into the range.
    for (const key of this.#keys(batchesBeginning(epochId, LOWEST_KEY_NUMBER, from), true)) {
      // A key of ours is known to the index, or its record is whole: that of the index may be damaged, too.
      if (!this.#isIndexed(key) && !this.#isWhole(key)) continue;
      const range = batchOfKey(key);
      if (range.lastT < from) {
        lastSeq = range.last;
        break;
      }
      start = range.firstT;
    }
    for (const key of this.#keys(batchesBeginning(epochId, start, to))) {
      const range = batchOfKey(key);
      if (range.lastT < from) continue;
      const batch = this.#batch(key);
      // A key whose record cannot be read may be no key of ours: then its place is a gap.
      if (batch === undefined && !this.#isIndexed(key)) continue;
      if (range.first > lastSeq + 1)
        yield* this.#indexed(epochId, lastSeq + 1, range.first, { from, to });
      lastSeq = Math.max(lastSeq, range.last);
      if (batch !== undefined) yield batch;
    }
    yield* this.#indexed(epochId, lastSeq + 1, HIGHEST_KEY_NUMBER, { from, to });
  }

  *#batchesBackwards(epochId: number, from: Hlc, to: Hlc): Iterable<StoredBatch> {
    let nextSeq: number = HIGHEST_KEY_NUMBER;
    for (const key of this.#keys(batchesBeginning(epochId, LOWEST_KEY_NUMBER, to), true)) {
      const batch = this.#batch(key);
      if (batch === undefined && !this.#isIndexed(key)) continue;
      const { last, lastT, first } = batchOfKey(key);
      if (last + 1 < nextSeq) yield* this.#indexed(epochId, last + 1, nextSeq, { from, to }, true);
      if (lastT < from) return;
      nextSeq = first;
      if (batch !== undefined) yield batch;
    }
    if (nextSeq > 1) yield* this.#indexed(epochId, 1, nextSeq, { from, to }, true);
  }

  /** Whether the index by seq knows the batch of this key. */
  #isIndexed(key: Buffer): boolean {
    if (key[0] !== BATCH) return false;
    const { first, last, ...rest } = batchOfKey(key);
    return this.#db.getBinary(seqKey({ firstSeq: first, lastSeq: last, ...rest })) !== undefined;
  }

  /** Whether the record under the key is there, and matches its checksum, which covers the key. */
  #isWhole(key: Buffer): boolean {
    const record = this.#db.getBinary(key);
    return record !== undefined && openRecord(key, record) !== undefined;
  }

  /**
   * What the index by seq knows of [seq, before), of batches that begin by `to`. What cannot be read is noted
   * as damaged; what can be was passed over by a walk led astray, or came after it had begun.
   */
  *#indexed(
    epochId: number,
    seq: number,
    before: number,
    times: { readonly from: number; readonly to: number },
    reverse = false,
  ): Iterable<StoredBatch> {
    const keys: Buffer[] = [];
    for (const key of this.#keys(seqsFrom(epochId, seq))) {
      // A damaged entry names what never was; the batch it was of stands under a key that is right.
      if (this.#read(key) === undefined) continue;
      const found = batchKeyOfSeqKey(key);
      const { first, firstT, lastT } = batchOfKey(found);
      if (first >= before || firstT > times.to) break;
      if (lastT >= times.from) keys.push(found);
    }
    if (reverse) keys.reverse();
    for (const key of keys) {
      const batch = this.#batch(key);
      if (batch !== undefined) yield batch;
    }
  }

  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined {
    const key = this.#firstKey(seqsFrom(epochId, seq));
    if (key === undefined) return undefined;
    if (this.#read(key) === undefined) return this.#batchWithSeqByScan(epochId, seq);
    const found = batchKeyOfSeqKey(key);
    return batchOfKey(found).first <= seq ? this.#batch(found) : undefined;
  }

  /** A block; one that is damaged is named by what its segment's header says of it. */
  block(segment: StoredBatch, index: number): Uint8Array | undefined {
    const { epochId, firstSeq } = segment;
    const key = blockKey(epochId, firstSeq, index);
    const record = this.#db.getBinary(key);
    const payload = record && openRecord(key, record);
    if (payload !== undefined) return plainBytes(payload);
    // Gone with its whole segment, since the header was read: no damage.
    if (record === undefined && this.#db.getBinary(batchKey(segment)) === undefined)
      return undefined;
    this.#reportBlock(key, segment, index);
    return undefined;
  }

  #reportBlock(key: Buffer, segment: StoredBatch, index: number): void {
    const keyHex = key.toString("hex");
    if (this.#reported.has(keyHex)) return;
    const range = damagedBlockOf(segment, index);
    this.#reported.add(keyHex);
    this.#noteDamaged(range);
    this.#onDamage({ kind: "block", keyHex, range });
  }

  /** For the day when the index itself is damaged. */
  #batchWithSeqByScan(epochId: number, seq: number): StoredBatch | undefined {
    for (const key of this.#keys(allBatches(epochId))) {
      const { first, last } = batchOfKey(key);
      if (first <= seq && seq <= last) return this.#batch(key);
    }
    return undefined;
  }

  damaged(epochId: number): readonly DamagedRange[] {
    return this.#damaged.get(epochId) ?? [];
  }

  learnStretches(slots: Iterable<number>): void {
    for (const slot of slots) this.#stretchSlots.add(slot);
  }

  /**
   * Stretches [start, end], or [start, end) unless `withEnd`, that touch [from, to]: the first `limit`
   * by start.
   */
  stretchesTouching<Stretch>(
    kind: number,
    from: number,
    to: number,
    limit: number,
    withEnd: boolean,
  ): Stretch[] {
    const least = withEnd ? from : from + 1;
    const found: { readonly order: Buffer; readonly key: Buffer }[] = [];
    for (let ofClass = 0; ofClass < STRETCH_CLASS_COUNT; ofClass += 1) {
      if (!this.#stretchSlots.has(stretchSlot(kind, ofClass))) continue;
      let ofThisClass = 0;
      for (const key of this.#keys(
        stretchesStarting(kind, ofClass, earliestStart(ofClass, from), to),
      )) {
        if (stretchEndOfKey(key) < least) continue;
        if (ofThisClass >= limit) break;
        ofThisClass += 1;
        // The class stands before the start: order by what comes after it.
        found.push({ order: key.subarray(2), key });
      }
    }
    found.sort((a, b) => Buffer.compare(a.order, b.order));
    if (found.length > limit) found.length = limit;
    return found.map(({ key }) => JSON.parse(this.#mustRead(key).toString()) as Stretch);
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    for (const key of this.#keys(directoriesBetween(epochId, LOWEST_KEY_NUMBER, t), true)) {
      const payload = this.#read(key);
      if (payload === undefined) continue;
      const { seq, bytes } = decodeDirectory(payload);
      return { epochId, seq, t: timeOfDirectoryKey(key), bytes: plainBytes(bytes) };
    }
    return undefined;
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    const payload = this.#read(checkpointKey(epochId, seq, log));
    return payload && plainBytes(payload);
  }

  tile(epochId: number, level: number, index: number): Uint8Array | undefined {
    const payload = this.#read(tileKey(epochId, level, index));
    return payload && plainBytes(payload);
  }

  loadMessageStretches(): MessageStretch[] {
    return [...this.#keys(allMessageStretches())]
      .filter((key) => this.#read(key) !== undefined)
      .map(messageStretchOfKey);
  }

  /** @throws RetroError `data-damaged`; also if the cell is not found and its stretch says that it has it */
  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    const key = messageCellKey(from, level, index);
    if (this.#db.doesExist(key)) return plainBytes(this.#mustRead(key));
    const stretch = this.#firstKey(messageStretchesFrom(from));
    const list = stretch && this.#read(stretch);
    if (list !== undefined && !namesCell(list, level, index)) return undefined;
    // The stretch was there a moment ago; one that is not found now is as damaged as a cell.
    return plainBytes(this.#mustRead(key));
  }

  /** Damaged ones are skipped and reported: what they asked for is history like any other. */
  captures(): StoredCapture[] {
    const found: StoredCapture[] = [];
    for (const key of this.#keys(allCaptures())) {
      const payload = this.#read(key);
      if (payload === undefined) continue;
      const body = JSON.parse(payload.toString()) as Json;
      found.push({ number: numberOfCaptureKey(key), body });
    }
    return found;
  }

  /** Must be read: without them what was pruned in part would pass for whole. */
  loadMarks(): PruneMarks {
    const marks = new PruneMarks();
    for (const key of this.#keys(allPruned())) {
      const mark = JSON.parse(this.#mustRead(key).toString()) as Omit<PrunedEpoch, "epochId">;
      marks.set({ epochId: epochOfKey(key), ...mark });
    }
    if (this.#db.getBinary(GONE_KEY) !== undefined) {
      marks.setGone(JSON.parse(this.#mustRead(GONE_KEY).toString()) as GoneStretch[]);
    }
    return marks;
  }

  /** The highest id known when an epoch was forgotten last; 0: none ever was. */
  lastForgottenId(): number {
    return this.#read(LAST_ID_KEY)?.readDoubleLE(0) ?? 0;
  }

  *pieces(epochId: number, seq: number): Iterable<StoredPiece> {
    for (const key of this.#keys(seqsFrom(epochId, seq + 1))) {
      const batch = batchKeyOfSeqKey(key);
      const { first, last, firstT, lastT } = batchOfKey(batch);
      const payload = this.#read(batch);
      const arrivalMs = payload?.readDoubleLE(0) ?? 0;
      const byteCount = payload === undefined ? 0 : payload.length + blockBytesOf(payload);
      yield { first, last, firstT, lastT, arrivalMs, byteCount };
    }
  }

  size(): { readonly usedBytes: number; readonly fileBytes: number } {
    return sizeOf(this.#db);
  }

  /** Damaged ones are skipped and reported. */
  saved(): (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[] {
    const found: (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[] = [];
    for (const key of this.#keys(allSaved())) {
      const { number, part } = placeOfSavedKey(key);
      const payload = part === "label" ? this.#read(key) : undefined;
      if (payload === undefined) continue;
      const [byteCount, label] = JSON.parse(payload.toString()) as [number, Json];
      found.push({ number, label, byteCount });
    }
    return found;
  }

  savedBytes(number: number): Uint8Array | undefined {
    const payload = this.#read(savedKey(number, "bytes"));
    return payload && plainBytes(payload);
  }

  verify(): { readonly recordCount: number; readonly damagedCount: number } {
    let recordCount = 0;
    let damagedCount = 0;
    for (const key of this.#db.getKeys()) {
      recordCount += 1;
      if (this.#read(key) === undefined) damagedCount += 1;
    }
    return { recordCount, damagedCount };
  }

  #batch(key: Buffer): StoredBatch | undefined {
    const payload = this.#read(key);
    if (payload === undefined) return undefined;
    const { epochId, first, last, firstT, lastT } = batchOfKey(key);
    return {
      epochId,
      firstSeq: first,
      lastSeq: last,
      firstT,
      lastT,
      arrivalMs: payload.readDoubleLE(0),
      bytes: plainBytes(payload.subarray(BATCH_PREFIX_BYTES)),
    };
  }

  /** The payload, or undefined if there is none; damage is reported. */
  #read(key: Buffer): Buffer | undefined {
    const record = this.#db.getBinary(key);
    const payload = record && openRecord(key, record);
    // A batch or an index entry that a key led to must be there.
    const isMissed = record === undefined && (key[0] === BATCH || key[0] === SEQ);
    if (payload === undefined && (record !== undefined || isMissed)) this.#report(key);
    return payload;
  }

  #mustRead(key: Buffer): Buffer {
    const payload = this.#read(key);
    if (payload !== undefined) return payload;
    throw new RetroError("data-damaged", `record ${key.toString("hex")} is damaged`, {
      hint: "Restore a backup; `retroscope verify --data DIR` lists what is damaged.",
    });
  }

  /** A batch whose key no index knows is not named: nobody can say of which events it was. */
  #report(key: Buffer): void {
    const keyHex = key.toString("hex");
    if (this.#reported.has(keyHex)) return;
    this.#reported.add(keyHex);
    const kind = KINDS[String.fromCharCode(key[0] ?? 0)] ?? "epoch";
    if (kind !== "batch" || !this.#isIndexed(key)) {
      this.#onDamage({ kind, keyHex });
      return;
    }
    const range = batchOfKey(key);
    this.#noteDamaged(range);
    this.#onDamage({ kind, keyHex, range });
  }

  #noteDamaged(range: DamagedRange): void {
    const ranges = [...(this.#damaged.get(range.epochId) ?? []), range];
    this.#damaged.set(
      range.epochId,
      ranges.sort((a, b) => a.first - b.first),
    );
  }

  #firstKey(range: KeyRange): Buffer | undefined {
    for (const key of this.#keys(range)) return key;
    return undefined;
  }

  /** A search that meets a damaged key may end outside the range: what it finds there is passed over. */
  *#keys({ first, last }: KeyRange, reverse = false): Iterable<Buffer> {
    for (const key of this.#db.getKeys({
      start: reverse ? last : first,
      end: reverse ? first : last,
      inclusiveEnd: true,
      reverse,
    })) {
      if (key.compare(first) >= 0 && key.compare(last) <= 0) yield key;
    }
  }
}

/** What the blocks of a segment take beside its header. */
function blockBytesOf(payload: Buffer): number {
  const bytes = payload.subarray(BATCH_PREFIX_BYTES);
  if (!isSegment(bytes)) return 0;
  return decodeSegmentHeader(bytes).blocks.reduce((sum, { byteCount }) => sum + byteCount, 0);
}

/** Without Buffer's methods, as the port promises. */
function plainBytes(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
