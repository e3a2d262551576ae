/**
 * Puts one group of writes into an LMDB transaction, and says what it changed for the readers'
 * memory once it is durable.
 *
 * All keys and records are made before anything is put: an item that cannot be written (`add` throws)
 * leaves no trace in the group, and nothing that went wrong here is taken for a failure of the disk.
 */
import { type Hlc, MAX_HLC, RetroError } from "../../agent/kernel/index.ts";
import { encodeCellList } from "./cell-list.ts";
import type { Environment } from "./environment.ts";
import type {
  CapturesWrite,
  CheckpointThinning,
  CheckpointWrite,
  EpochRecord,
  GoneStretch,
  MessageCell,
  MessageStretch,
  PrunedEpoch,
  PruneWrite,
  SavedWrite,
  SegmentWrite,
  StoredBatch,
  StoreWrite,
  SweepOptions,
  TilesWrite,
} from "./history-store.ts";
import type { JoinedStretches, MessageClaims } from "./joined.ts";
import {
  batchKey,
  blockKey,
  captureKey,
  checkpointKey,
  checkpointsFrom,
  directoriesBetween,
  directoryKey,
  epochKey,
  GONE_KEY,
  HIGHEST_KEY_NUMBER,
  LAST_ID_KEY,
  logKey,
  messageCellKey,
  messageCellsOf,
  messageStretchKey,
  prunedKey,
  SLOW_MESSAGE,
  savedKey,
  seqKey,
  stretchKey,
  tileKey,
  tilesBetween,
  VIOLATION,
} from "./keys.ts";
import { marksOf, needsDirectory, needsState, staleFrom } from "./prune-marks.ts";
import {
  batchPrefix,
  encodeEpoch,
  encodeLog,
  encodeSeq,
  openRecord,
  sealRecord,
} from "./records.ts";
import { stretchClass, stretchSlot } from "./stretches.ts";
import { messagesOver, sweepableOf } from "./sweep.ts";
import { TOP_TILE_LEVEL, tileSpan } from "./tile-levels.ts";

export type WriteItem =
  | { readonly kind: "write"; readonly write: StoreWrite }
  | { readonly kind: "checkpoint"; readonly checkpoint: CheckpointWrite }
  | { readonly kind: "captures"; readonly write: CapturesWrite }
  | { readonly kind: "tiles"; readonly write: TilesWrite }
  | { readonly kind: "segment"; readonly write: SegmentWrite }
  | { readonly kind: "thinning"; readonly thinning: CheckpointThinning }
  | {
      readonly kind: "messages";
      readonly claim: MessageStretch;
      readonly cells: readonly MessageCell[];
    }
  | { readonly kind: "saved"; readonly write: SavedWrite }
  | { readonly kind: "prune"; readonly write: PruneWrite }
  /** `tell` is given how many records were removed, once that is durable. */
  | {
      readonly kind: "sweep";
      readonly options: SweepOptions;
      readonly tell: (count: number) => void;
    };

/** Whether the item makes room: it may be written when the disk is as good as full. */
export function makesRoom({ kind }: WriteItem): boolean {
  return kind === "prune" || kind === "sweep";
}

/** What the readers' memory learns when the transaction is durable. */
export interface Outcome {
  readonly epochs: Map<number, EpochRecord>;
  /** Repairs by epoch. */
  readonly repairs: Map<number, number>;
  /** Kind and class of stretches now in use, as `stretchSlot` numbers. */
  readonly stretchSlots: Set<number>;
  /** Stretches whose messages are kept. */
  readonly joined: JoinedStretches;
  readonly marks: Map<number, PrunedEpoch>;
  readonly forgotten: Set<number>;
  readonly gone: readonly GoneStretch[] | undefined;
  /** Epochs of which nothing pruned is left. */
  readonly swept: Set<number>;
  /** To call when the transaction is durable. */
  readonly told: readonly (() => void)[];
  /** Segments that were not put, because batches of theirs were gone. */
  readonly unsealed: Set<SegmentWrite>;
}

/** Rough size on disk, for limits. */
export function bytesOf(item: WriteItem): number {
  const PER_RECORD = 128;
  if (item.kind === "checkpoint") {
    const { directory, logs } = item.checkpoint;
    return logs.reduce((sum, one) => sum + one.bytes.length + PER_RECORD, directory.length);
  }
  if (item.kind === "captures") return bytesOfCaptures(item.write);
  if (item.kind === "thinning") return PER_RECORD * (1 + item.thinning.states.length);
  if (item.kind === "segment") {
    const { replaced, segment, blocks } = item.write;
    const records = replaced.length + blocks.length + 2;
    return blocks.reduce(
      (sum, one) => sum + one.length,
      segment.bytes.length + records * PER_RECORD,
    );
  }
  if (item.kind === "tiles" || item.kind === "messages") {
    const records = item.kind === "tiles" ? item.write.tiles : item.cells;
    return records.reduce((sum, one) => sum + one.bytes.length + PER_RECORD, PER_RECORD);
  }
  if (item.kind === "saved") {
    return item.write.put.reduce((sum, { bytes }) => sum + bytes.length + PER_RECORD, PER_RECORD);
  }
  if (item.kind === "prune") return PER_RECORD * (item.write.epochs.length + 1);
  if (item.kind === "sweep") return PER_RECORD;
  const { batches, epochs, violations, slowMessages } = item.write;
  const records = batches.length + 8 * epochs.length + violations.length + slowMessages.length;
  return batches.reduce((sum, one) => sum + one.bytes.length, (records + 1) * PER_RECORD);
}

function bytesOfCaptures({ put, remove }: CapturesWrite): number {
  const PER_RECORD = 128;
  // A little too much: the text is made when it is put.
  const bytes = put.reduce((sum, { body }) => sum + JSON.stringify(body).length, 0);
  return bytes + PER_RECORD * (put.length + remove.length + 1);
}

/** A checkpoint of this very transaction, which a repair behind it in the group may take back. */
interface FreshCheckpoint {
  readonly epochId: number;
  readonly t: number;
  readonly keys: readonly Buffer[];
}

/** Tiles of this very transaction: as above. */
interface FreshTile {
  readonly epochId: number;
  readonly end: number;
  readonly key: Buffer;
}

/** What the transaction before left behind. */
export interface Durable {
  readonly joined: JoinedStretches;
  readonly claims: MessageClaims;
  repairCount(epochId: number): number;
  epoch(id: number): EpochRecord | undefined;
  /** The id of the record of that epoch, if there is one. */
  idOf(node: string, epoch: number): number | undefined;
  /** The highest id given to any epoch. */
  readonly highestId: number;
  pruned(epochId: number): PrunedEpoch | undefined;
  readonly unswept: ReadonlySet<number>;
}

export class TransactionBuilder {
  readonly #db: Environment;
  readonly #durable: Durable;
  readonly #operations: { readonly key: Buffer; readonly record: Buffer | undefined }[] = [];
  readonly #idsOfNew = new Map<string, number>();
  #fresh: FreshCheckpoint[] = [];
  #freshTiles: FreshTile[] = [];
  /** Of stretches of this very transaction, by `from`. */
  #freshCells: ReadonlyMap<number, readonly Buffer[]> = new Map();
  outcome: Outcome;

  constructor(db: Environment, durable: Durable) {
    this.#db = db;
    this.#durable = durable;
    const { joined } = durable;
    this.outcome = {
      epochs: new Map(),
      repairs: new Map(),
      stretchSlots: new Set(),
      joined,
      marks: new Map(),
      forgotten: new Set(),
      gone: undefined,
      swept: new Set(),
      told: [],
      unsealed: new Set(),
    };
  }

  /** Takes an item in, whole or not at all. Throws if it cannot be written. */
  add(item: WriteItem): void {
    const { outcome } = this;
    const count = this.#operations.length;
    const fresh = this.#fresh;
    const freshTiles = this.#freshTiles;
    const freshCells = this.#freshCells;
    this.outcome = {
      ...outcome,
      epochs: new Map(outcome.epochs),
      repairs: new Map(outcome.repairs),
      stretchSlots: new Set(outcome.stretchSlots),
      marks: new Map(outcome.marks),
      forgotten: new Set(outcome.forgotten),
      swept: new Set(outcome.swept),
      unsealed: new Set(outcome.unsealed),
    };
    this.#fresh = [...fresh];
    this.#freshTiles = [...freshTiles];
    try {
      if (item.kind === "write") this.#write(item.write);
      else if (item.kind === "checkpoint") this.#checkpoint(item.checkpoint);
      else if (item.kind === "tiles") this.#tiles(item.write);
      else if (item.kind === "messages") this.#messages(item.claim, item.cells);
      else if (item.kind === "captures") this.#captures(item.write);
      else if (item.kind === "saved") this.#saved(item.write);
      else if (item.kind === "prune") this.#prune(item.write);
      else if (item.kind === "sweep") this.#sweep(item.options, item.tell);
      else if (item.kind === "segment") this.#segment(item.write);
      else this.#thin(item.thinning);
    } catch (error) {
      this.outcome = outcome;
      this.#fresh = fresh;
      this.#freshTiles = freshTiles;
      this.#freshCells = freshCells;
      this.#operations.length = count;
      throw error;
    }
  }

  /** Resolves when the group is on disk, all or nothing. Call once. */
  async commit(): Promise<void> {
    const ignore = () => {};
    await this.#db.batch(() => {
      for (const { key, record } of this.#operations) {
        // Each settles with the batch, whose promise is the one waited for.
        if (record === undefined) this.#db.remove(key).catch(ignore);
        else this.#db.put(key, record).catch(ignore);
      }
    });
    await this.#db.flushed;
  }

  #write(write: StoreWrite): void {
    for (const record of write.epochs) this.#epoch(record);
    for (const batch of write.batches) this.#batch(batch);
    for (const violation of write.violations) {
      const { receiveT, sendT, receive } = violation;
      this.#stretch(VIOLATION, receiveT, sendT, receive, violation);
    }
    for (const message of write.slowMessages) {
      const { receiveT, sendT, receive } = message;
      this.#stretch(SLOW_MESSAGE, sendT, receiveT, receive, message);
    }
    for (const { epochId, fromT } of write.staleCheckpoints) this.#repair(epochId, fromT);
  }

  #epoch(record: EpochRecord): void {
    const { id, node, epoch, logs } = record;
    const known = this.outcome.epochs.get(id) ?? this.#durable.epoch(id);
    if (known === undefined) this.#refuseSecond(id, node, epoch);
    this.#put(epochKey(id), encodeEpoch(record));
    if (logs !== known?.logs) {
      for (const [log, one] of Object.entries(logs)) {
        if (one !== known?.logs[log]) this.#put(logKey(id, log), encodeLog(log, one));
      }
    }
    this.outcome.epochs.set(id, record);
  }

  /** Two records of one epoch would show each of its events twice. */
  #refuseSecond(id: number, node: string, epoch: number): void {
    const name = `${epoch}/${node}`;
    const fresh = this.#idsOfNew.get(name);
    // One that was given up with its item does not count.
    const isFresh = fresh !== undefined && this.outcome.epochs.has(fresh);
    const first = isFresh ? fresh : this.#durable.idOf(node, epoch);
    this.#idsOfNew.set(name, isFresh ? fresh : id);
    if (first === undefined || first === id) return;
    throw new RetroError("internal", `epoch ${epoch} of ${node} has the id ${first}, not ${id}`);
  }

  #batch(batch: StoredBatch): void {
    this.#putBatch(batch);
    this.#durable.claims.breakTouching(batch.firstT, batch.lastT);
    this.#dropMessages(this.outcome.joined.touching(batch.firstT, batch.lastT));
  }

  #putBatch(batch: StoredBatch): void {
    this.#put(batchKey(batch), batchPrefix(batch.arrivalMs), batch.bytes);
    this.#put(seqKey(batch));
  }

  #stretch(
    kind: number,
    start: number,
    end: number,
    receive: { readonly node: string; readonly epoch: number; readonly seq: number },
    record: object,
  ): void {
    const ofClass = stretchClass(Math.max(0, end - start));
    this.outcome.stretchSlots.add(stretchSlot(kind, ofClass));
    const key = stretchKey(kind, ofClass, start, end, receive);
    this.#put(key, Buffer.from(JSON.stringify(record)));
  }

  #checkpoint(checkpoint: CheckpointWrite): void {
    const { epochId, seq, t } = checkpoint;
    if (checkpoint.repairCount !== this.#repairCount(epochId)) return;
    // One that was computed before what it stands on was pruned, or forgotten.
    const mark = this.#markOf(epochId);
    if (mark !== undefined && t < mark.t) return;
    const keys = [directoryKey(epochId, t)];
    for (const { log, bytes } of checkpoint.logs) {
      const key = checkpointKey(epochId, seq, log);
      keys.push(key);
      this.#put(key, bytes);
    }
    this.#put(keys[0] as Buffer, encodeSeq(seq), checkpoint.directory);
    this.#fresh.push({ epochId, t, keys });
  }

  #repairCount(epochId: number): number {
    return this.#durable.repairCount(epochId) + (this.outcome.repairs.get(epochId) ?? 0);
  }

  /** All of the batches must be there still, and served: what was removed meanwhile must not come back. */
  #segment(write: SegmentWrite): void {
    const { replaced, segment, blocks } = write;
    const keys = replaced.map((range) => keyOf(range));
    const isPruned = (this.#markOf(segment.epochId)?.seq ?? 0) >= segment.firstSeq;
    if (isPruned || !keys.every((key) => this.#isThere(key))) {
      this.outcome.unsealed.add(write);
      return;
    }
    for (const [i, key] of keys.entries()) {
      this.#remove(key);
      this.#remove(seqKeyOf(replaced[i] as SegmentWrite["replaced"][number]));
    }
    // The same events as before: what was joined or counted of them holds.
    this.#putBatch(segment);
    for (const [index, bytes] of blocks.entries()) {
      this.#put(blockKey(segment.epochId, segment.firstSeq, index), bytes);
    }
  }

  /** On the disk, or put by this very group; and not removed by it. */
  #isThere(key: Buffer): boolean {
    const last = this.#operations.findLast((one) => one.key.equals(key));
    if (last !== undefined) return last.record !== undefined;
    return this.#db.doesExist(key);
  }

  #thin({ epochId, repairCount, directories, states }: CheckpointThinning): void {
    if (repairCount !== this.#repairCount(epochId)) return;
    const mark = this.#markOf(epochId);
    for (const t of directories) {
      if (!needsDirectory(mark, t)) this.#remove(directoryKey(epochId, t));
    }
    for (const { log, seq } of states) {
      if (!needsState(mark, log, seq)) this.#remove(checkpointKey(epochId, seq, log));
    }
  }

  #captures({ put, remove }: CapturesWrite): void {
    for (const { number, body } of put) {
      this.#put(captureKey(number), Buffer.from(JSON.stringify(body)));
    }
    for (const number of remove) this.#remove(captureKey(number));
  }

  #saved({ put, remove }: SavedWrite): void {
    for (const { number, label, bytes } of put) {
      this.#put(savedKey(number, "label"), Buffer.from(JSON.stringify([bytes.length, label])));
      this.#put(savedKey(number, "bytes"), bytes);
    }
    for (const number of remove) {
      this.#remove(savedKey(number, "label"));
      this.#remove(savedKey(number, "bytes"));
    }
  }

  /** The records stay until a sweep: a reader that does not know the mark yet must find them all. */
  #prune(write: PruneWrite): void {
    for (const mark of marksOf(write, (id) => this.#markOf(id))) {
      const { epochId, ...rest } = mark;
      if (mark.isBlank !== true && !this.#has(directoryKey(epochId, mark.t))) continue;
      this.#put(prunedKey(epochId), Buffer.from(JSON.stringify(rest)));
      this.outcome.marks.set(epochId, mark);
      this.outcome.swept.delete(epochId);
      // What was joined of times that are not served any more goes at once; the rest is joined anew.
      const before = Math.min(mark.t, this.#lastOf(epochId) + 1);
      this.#durable.claims.breakTouching(Number.NEGATIVE_INFINITY, before - 1);
      this.#dropMessages(this.outcome.joined.all.filter(({ from }) => from < before));
    }
    for (const id of write.forget) {
      this.#remove(epochKey(id));
      this.outcome.epochs.delete(id);
      this.outcome.forgotten.add(id);
    }
    if (write.forget.length > 0) {
      const highest = Buffer.allocUnsafe(8);
      highest.writeDoubleLE(this.#durable.highestId);
      this.#put(LAST_ID_KEY, highest);
    }
    if (write.gone === undefined) return;
    this.#put(GONE_KEY, Buffer.from(JSON.stringify(write.gone)));
    this.outcome = { ...this.outcome, gone: write.gone };
  }

  /** Marks of this very group are left for the next sweep: their readers may not know them yet. */
  #sweep({ limit, messagesBefore }: SweepOptions, tell: (count: number) => void): void {
    let left = limit;
    for (const epochId of this.#durable.unswept) {
      const mark = this.#durable.pruned(epochId);
      if (left <= 0 || mark === undefined || this.outcome.marks.has(epochId)) continue;
      const isForgotten = this.#durable.epoch(epochId) === undefined;
      const { keys, isDone } = sweepableOf(this.#db, mark, isForgotten, left);
      for (const key of keys) this.#remove(key);
      left -= keys.length;
      if (isDone) this.outcome.swept.add(epochId);
    }
    if (left > 0) {
      const keys = messagesOver(this.#db, messagesBefore, left);
      for (const key of keys) this.#remove(key);
      left -= keys.length;
    }
    const count = limit - Math.max(0, left);
    this.outcome = { ...this.outcome, told: [...this.outcome.told, () => tell(count)] };
  }

  #lastOf(epochId: number): number {
    const record = this.outcome.epochs.get(epochId) ?? this.#durable.epoch(epochId);
    return record?.lastT ?? MAX_HLC;
  }

  #markOf(epochId: number): PrunedEpoch | undefined {
    return this.outcome.marks.get(epochId) ?? this.#durable.pruned(epochId);
  }

  /** Removes the checkpoints at or after `fromT`: those on disk, and those put just before. */
  #repair(epochId: number, staleT: Hlc): void {
    const fromT = staleFrom(staleT, this.#markOf(epochId));
    this.outcome.repairs.set(epochId, (this.outcome.repairs.get(epochId) ?? 0) + 1);
    for (const key of this.#keysIn(directoriesBetween(epochId, fromT, HIGHEST_KEY_NUMBER))) {
      this.#remove(key);
    }
    for (const key of this.#keysIn(checkpointsFrom(epochId, this.#seqOfState(epochId, fromT)))) {
      this.#remove(key);
    }
    const isStale = (one: FreshCheckpoint) => one.epochId === epochId && one.t >= fromT;
    for (const one of this.#fresh.filter(isStale)) {
      for (const key of one.keys) this.#remove(key);
    }
    this.#fresh = this.#fresh.filter((one) => !isStale(one));
    this.#dropTiles(epochId, fromT);
  }

  /** Tiles that hold anything at or after `fromT`. */
  #dropTiles(epochId: number, fromT: number): void {
    for (let level = 0; level <= TOP_TILE_LEVEL; level += 1) {
      const first = Math.floor(fromT / tileSpan(level));
      for (const key of this.#keysIn(tilesBetween(epochId, level, first, HIGHEST_KEY_NUMBER))) {
        this.#remove(key);
      }
    }
    const isStale = (one: FreshTile) => one.epochId === epochId && one.end > fromT;
    for (const { key } of this.#freshTiles.filter(isStale)) this.#remove(key);
    this.#freshTiles = this.#freshTiles.filter((one) => !isStale(one));
  }

  #tiles({ epochId, repairCount, tiles }: TilesWrite): void {
    if (repairCount !== this.#repairCount(epochId)) return;
    for (const { level, index, bytes } of tiles) {
      const key = tileKey(epochId, level, index);
      this.#put(key, bytes);
      this.#freshTiles.push({ epochId, end: (index + 1) * tileSpan(level), key });
    }
  }

  #messages(claim: MessageStretch, cells: readonly MessageCell[]): void {
    const { claims } = this.#durable;
    if (!claims.isOpen(claim)) return;
    claims.close(claim);
    const { from } = claim;
    this.#dropMessages(this.outcome.joined.all.filter((one) => one.from === from));
    const keys = [messageStretchKey(claim)];
    this.#put(keys[0] as Buffer, encodeCellList(cells));
    for (const { level, index, bytes } of cells) {
      const key = messageCellKey(from, level, index);
      this.#put(key, bytes);
      keys.push(key);
    }
    this.#freshCells = new Map(this.#freshCells).set(from, keys);
    this.outcome = { ...this.outcome, joined: this.outcome.joined.with(claim) };
  }

  #dropMessages(stretches: readonly MessageStretch[]): void {
    if (stretches.length === 0) return;
    for (const stretch of stretches) {
      this.#remove(messageStretchKey(stretch));
      for (const key of this.#keysIn(messageCellsOf(stretch.from))) this.#remove(key);
      for (const key of this.#freshCells.get(stretch.from) ?? []) this.#remove(key);
    }
    this.outcome = { ...this.outcome, joined: this.outcome.joined.without(stretches) };
  }

  /** First seq whose checkpoints are stale: that of the first stale directory, which is readable or not. */
  #seqOfState(epochId: number, fromT: number): number {
    // Seqs rise with t: all after the last directory that stays. An unreadable one counts as stale.
    for (const key of this.#keysIn({
      first: directoryKey(epochId, fromT - 1),
      last: directoryKey(epochId, -HIGHEST_KEY_NUMBER),
      reverse: true,
    })) {
      const record = this.#db.getBinary(key);
      const payload = record && openRecord(key, record);
      if (payload !== undefined) return payload.readDoubleLE(0) + 1;
    }
    return 0;
  }

  *#keysIn(range: { first: Buffer; last: Buffer; reverse?: boolean }): Iterable<Buffer> {
    yield* this.#db.getKeys({
      start: range.first,
      end: range.last,
      inclusiveEnd: true,
      reverse: range.reverse ?? false,
    });
  }

  /** Whether there will be a record under the key. */
  #has(key: Buffer): boolean {
    const last = this.#operations.findLast((one) => key.equals(one.key));
    return last === undefined ? this.#db.getBinary(key) !== undefined : last.record !== undefined;
  }

  #put(key: Buffer, ...parts: readonly Uint8Array[]): void {
    this.#operations.push({ key, record: sealRecord(key, ...parts) });
  }

  #remove(key: Buffer): void {
    this.#operations.push({ key, record: undefined });
  }
}

function keyOf({ epochId, first, last, firstT, lastT }: SegmentWrite["replaced"][number]): Buffer {
  return batchKey({ epochId, firstSeq: first, lastSeq: last, firstT, lastT });
}

function seqKeyOf({
  epochId,
  first,
  last,
  firstT,
  lastT,
}: SegmentWrite["replaced"][number]): Buffer {
  return seqKey({ epochId, firstSeq: first, lastSeq: last, firstT, lastT });
}
