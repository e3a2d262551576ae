/**
 * The history store on disk: one LMDB file in a directory of its own, one collector at a time.
 *
 *     write(), writeCheckpoint()  ->  write-queue.ts (group commit)  ->  transaction.ts  ->  disk
 *     epochs(), repairCount()     <-  memory, renewed when a transaction is durable
 *     batches(), ...At()          <-  LMDB, every record checked (records.ts)
 *
 * Opening reads the epoch records and one key per class of stretches, never the batches: a store of
 * any size is ready at once. When a write fails the disk is asked: if it is full, writes are refused
 * (`disk-full`, retriable) until there is room, and the file is opened anew; any other failure ends
 * writing for good (`failure`), because after a failed sync nothing says what is on the disk.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { RetroError } from "../../agent/kernel/index.ts";
import {
  diskOf,
  type Environment,
  freeBytes,
  messageOf,
  openEnvironment,
  prepareDirectory,
} from "./environment.ts";
import type {
  CapturesWrite,
  CheckpointThinning,
  CheckpointWrite,
  DamagedRange,
  DirectoryRecord,
  EpochRecord,
  GoneStretch,
  HistoryStore,
  MessageCell,
  MessageStretch,
  MessagesGone,
  MonitorsWrite,
  PrunedEpoch,
  PruneWrite,
  SavedRecord,
  SavedWrite,
  SegmentWrite,
  SlowMessageRecord,
  StoredBatch,
  StoredCapture,
  StoredMonitor,
  StoredPiece,
  StoreUsage,
  StoreWrite,
  SweepOptions,
  TilesWrite,
  ViolationRecord,
} from "./history-store.ts";
import { JoinedStretches, MessageClaims } from "./joined.ts";
import { SLOW_MESSAGE, VIOLATION } from "./keys.ts";
import { type DataLock, lockDirectory } from "./lock.ts";
import { PruneMarks } from "./prune-marks.ts";
import { LmdbReader } from "./reader.ts";
import type { RecordDamage } from "./record-reader.ts";
import { TransactionBuilder } from "./transaction.ts";
import type { Outcome } from "./transaction-draft.ts";
import { bytesOf, makesRoom, type WriteItem } from "./write-item.ts";
import { WriteQueue } from "./write-queue.ts";

export const DEFAULT_MAX_QUEUED_BYTES: number = 128 * 1024 * 1024;
export const DEFAULT_MAX_GROUP_BYTES: number = 32 * 1024 * 1024;
export const DEFAULT_MIN_FREE_BYTES: number = 64 * 1024 * 1024;

export interface LmdbStoreOptions {
  /** Made if it does not exist, with mode 0700. On a local file system. */
  readonly directory: string;
  /** Bytes of writes that may wait; beyond them `write` rejects with `overloaded`. */
  readonly maxQueuedBytes?: number;
  /** Bytes in one transaction. */
  readonly maxGroupBytes?: number;
  /** With less room on the file system than this, writes are refused with `disk-full`. */
  readonly minFreeBytes?: number;
  /** Told once of each record that cannot be read. */
  readonly onDamage?: (damage: RecordDamage) => void;
  /** Told once, when writing has ended for good (`failure`). */
  readonly onFailure?: (failure: RetroError) => void;
}

export class LmdbStore implements HistoryStore {
  readonly directory: string;
  readonly #lock: DataLock;
  readonly #queue: WriteQueue<WriteItem>;
  readonly #minFreeBytes: number;
  readonly #onDamage: (damage: RecordDamage) => void;
  readonly #onFailure: (failure: RetroError) => void;
  readonly #repairs = new Map<number, number>();
  readonly #claims = new MessageClaims();
  #joined = new JoinedStretches();
  #db: Environment;
  #reader: LmdbReader;
  #epochs = new Map<number, EpochRecord>();
  /** Ids by epoch and node. */
  #ids = new Map<string, number>();
  /** Of the last groups: segments that were refused, until their callers have heard of it. */
  readonly #unsealed = new Set<SegmentWrite>();
  /** Ascending by id; made anew when a write changed `#epochs`. */
  #epochList: readonly EpochRecord[] | undefined;
  #lastEpochId = 0;
  #marks = new PruneMarks();
  /** Set while the file is closed and opened anew. */
  #isReopening = false;
  #failure: RetroError | undefined;
  #closed: Promise<void> | undefined;

  /**
   * Takes the directory's lock and opens, or makes, the store in it.
   * @throws RetroError `data-in-use` (names the pid), `data-unusable`, `data-damaged`
   */
  static async open(options: LmdbStoreOptions): Promise<LmdbStore> {
    prepareDirectory(options.directory);
    const lock = await lockDirectory(options.directory);
    let db: Environment | undefined;
    try {
      db = openEnvironment(options.directory);
      return new LmdbStore(options, lock, db);
    } catch (error) {
      await db?.close();
      await lock.release();
      throw error;
    }
  }

  private constructor(options: LmdbStoreOptions, lock: DataLock, db: Environment) {
    this.directory = options.directory;
    this.#lock = lock;
    this.#db = db;
    this.#minFreeBytes = options.minFreeBytes ?? DEFAULT_MIN_FREE_BYTES;
    this.#onDamage = options.onDamage ?? (() => {});
    this.#onFailure = options.onFailure ?? (() => {});
    this.#reader = new LmdbReader(db, this.#onDamage);
    this.#load();
    this.#queue = new WriteQueue((group, bytes) => this.#commit(group, bytes), {
      maxQueuedBytes: options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES,
      maxGroupBytes: options.maxGroupBytes ?? DEFAULT_MAX_GROUP_BYTES,
    });
  }

  get failure(): RetroError | undefined {
    return this.#failure;
  }

  /** Bytes of writes that wait or are on their way to the disk. */
  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }

  epochs(): readonly EpochRecord[] {
    this.#assertOpen();
    this.#epochList ??= [...this.#epochs.values()].sort((a, b) => a.id - b.id);
    return this.#epochList;
  }

  epoch(id: number): EpochRecord | undefined {
    this.#assertOpen();
    return this.#epochs.get(id);
  }

  nextEpochId(): number {
    this.#assertOpen();
    this.#lastEpochId += 1;
    return this.#lastEpochId;
  }

  write(write: StoreWrite): Promise<void> {
    return this.#push({ kind: "write", write });
  }

  writeCheckpoint(checkpoint: CheckpointWrite): Promise<void> {
    return this.#push({ kind: "checkpoint", checkpoint });
  }

  async seal(write: SegmentWrite): Promise<boolean> {
    const item: WriteItem = { kind: "segment", write };
    await this.#push(item);
    return !this.#unsealed.delete(write);
  }

  thinCheckpoints(thinning: CheckpointThinning): Promise<void> {
    return this.#push({ kind: "thinning", thinning });
  }

  block(segment: StoredBatch, index: number): Uint8Array | undefined {
    return this.#readable().batches.block(segment, index);
  }

  captures(): readonly StoredCapture[] {
    return this.#readable().captures();
  }

  writeCaptures(write: CapturesWrite): Promise<void> {
    return this.#push({ kind: "captures", write });
  }

  monitors(): readonly StoredMonitor[] {
    return this.#readable().monitors();
  }

  writeMonitors(write: MonitorsWrite): Promise<void> {
    return this.#push({ kind: "monitors", write });
  }

  writeTiles(write: TilesWrite): Promise<void> {
    return this.#push({ kind: "tiles", write });
  }

  tile(epochId: number, level: number, index: number): Uint8Array | undefined {
    return this.#readable().tile(epochId, level, index);
  }

  claimMessages(from: Hlc, until: Hlc): MessageStretch {
    this.#assertOpen();
    return this.#claims.claim({ from, until });
  }

  giveUpMessages(claim: MessageStretch): void {
    this.#claims.close(claim);
  }

  writeMessages(claim: MessageStretch, cells: readonly MessageCell[]): Promise<void> {
    return this.#push({ kind: "messages", claim, cells });
  }

  messageStretches(): readonly MessageStretch[] {
    this.#assertOpen();
    return this.#joined.all;
  }

  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    return this.#readable().messageCell(from, level, index);
  }

  repairCount(epochId: number): number {
    this.#assertOpen();
    return this.#repairs.get(epochId) ?? 0;
  }

  batches(
    epochId: number,
    range: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    return this.#readable().batches.within(epochId, range);
  }

  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined {
    return this.#readable().batches.withSeq(epochId, seq);
  }

  damaged(epochId: number): readonly DamagedRange[] {
    return this.#readable().damaged(epochId);
  }

  violationsAt(t: Hlc, limit: number = Number.POSITIVE_INFINITY): readonly ViolationRecord[] {
    return this.#readable().stretches.touching<ViolationRecord>(VIOLATION, t, t, limit, false);
  }

  violationsBetween(
    from: Hlc,
    to: Hlc,
    limit: number = Number.POSITIVE_INFINITY,
  ): readonly ViolationRecord[] {
    return this.#readable().stretches.touching<ViolationRecord>(VIOLATION, from, to, limit, true);
  }

  slowMessagesAt(t: Hlc, limit: number = Number.POSITIVE_INFINITY): readonly SlowMessageRecord[] {
    return this.#readable().stretches.touching<SlowMessageRecord>(SLOW_MESSAGE, t, t, limit, false);
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    return this.#readable().directoryAt(epochId, t);
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    return this.#readable().checkpoint(epochId, log, seq);
  }

  pruned(epochId: number): PrunedEpoch | undefined {
    this.#assertOpen();
    return this.#marks.get(epochId);
  }

  pruneCount(): number {
    return this.#marks.count;
  }

  gone(): readonly GoneStretch[] {
    this.#assertOpen();
    return this.#marks.gone;
  }

  messagesGone(): MessagesGone | undefined {
    this.#assertOpen();
    return this.#marks.messagesGone;
  }

  pieces(epochId: number, seq: number): Iterable<StoredPiece> {
    return this.#readable().batches.pieces(epochId, seq);
  }

  prune(write: PruneWrite): Promise<void> {
    // What is being joined of times that are to go must not be kept.
    let until = Number.NEGATIVE_INFINITY;
    for (const { t } of write.epochs) until = Math.max(until, t);
    for (const id of write.forget) until = Math.max(until, this.#epochs.get(id)?.lastT ?? 0);
    this.#claims.breakTouching(Number.NEGATIVE_INFINITY, until);
    return this.#push({ kind: "prune", write });
  }

  async sweep(options: SweepOptions): Promise<number> {
    let removed = 0;
    const tell = (count: number): void => {
      removed = count;
    };
    await this.#push({ kind: "sweep", options, tell });
    return removed;
  }

  usage(): StoreUsage {
    const { usedBytes, fileBytes } = this.#readable().size();
    return { usedBytes, fileBytes, disk: diskOf(this.directory) };
  }

  saved(): readonly (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[] {
    return this.#readable().saved();
  }

  savedBytes(number: number): Uint8Array | undefined {
    return this.#readable().savedBytes(number);
  }

  writeSaved(write: SavedWrite): Promise<void> {
    return this.#push({ kind: "saved", write });
  }

  /** Reads every record there is: how many there are, and how many are damaged. */
  verify(): { readonly recordCount: number; readonly damagedCount: number } {
    return this.#readable().verify();
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    await this.#queue.drained();
    await this.#db.close();
    await this.#lock.release();
  }

  #push(item: WriteItem): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#queue.push(item, bytesOf(item));
  }

  async #commit(
    group: readonly WriteItem[],
    bytes: number,
  ): Promise<ReadonlyMap<WriteItem, unknown>> {
    if (this.#failure !== undefined) throw this.#failure;
    const refused = this.#refuseIfFull(group, bytes);
    const builder = new TransactionBuilder(this.#db, {
      repairCount: (id) => this.#repairs.get(id) ?? 0,
      epoch: (id) => this.#epochs.get(id),
      joined: this.#joined,
      claims: this.#claims,
      idOf: (node, epoch) => this.#ids.get(`${epoch}/${node}`),
      highestId: this.#lastEpochId,
      pruned: (id) => this.#marks.get(id),
      messagesGone: this.#marks.messagesGone,
      unswept: this.#marks.unswept,
    });
    for (const item of group) {
      if (refused.has(item)) continue;
      try {
        builder.add(item);
      } catch (error) {
        refused.set(item, error); // its own fault: the others go on
      }
    }
    try {
      await builder.commit();
    } catch (error) {
      this.#countRepairs(builder.outcome.repairs);
      const reason = this.#writingFailed(error, bytes);
      // What is on the disk now is asked before anybody is told: the write may be there all the same.
      if (this.#failure === undefined) await this.#reopen();
      this.#breakClaims(group);
      throw reason;
    }
    this.#breakClaims(group.filter((item) => !refused.has(item)));
    this.#remember(builder.outcome);
    return refused;
  }

  /** A claim made while this was on its way was joined without it: broken as those made before. */
  #breakClaims(group: readonly WriteItem[]): void {
    for (const item of group) {
      if (item.kind !== "write") continue;
      for (const { firstT, lastT } of item.write.batches) this.#claims.breakTouching(firstT, lastT);
    }
  }

  /** Of a write that was rejected, too: it may be on the disk all the same. */
  #countRepairs(repairs: ReadonlyMap<number, number>): void {
    for (const [id, count] of repairs) this.#repairs.set(id, (this.#repairs.get(id) ?? 0) + count);
  }

  #load(): void {
    this.#epochs = this.#reader.loadEpochs();
    this.#epochList = undefined;
    this.#joined = new JoinedStretches(this.#reader.loadMessageStretches());
    this.#ids = new Map();
    for (const { id, node, epoch } of this.#epochs.values()) {
      this.#ids.set(`${epoch}/${node}`, id);
      this.#lastEpochId = Math.max(this.#lastEpochId, id);
    }
    this.#lastEpochId = Math.max(this.#lastEpochId, this.#reader.lastForgottenId());
    this.#marks = this.#reader.loadMarks();
  }

  #remember(outcome: Outcome): void {
    for (const [id, record] of outcome.epochs) {
      this.#epochs.set(id, record);
      this.#ids.set(`${record.epoch}/${record.node}`, id);
    }
    for (const id of outcome.forgotten) {
      const record = this.#epochs.get(id);
      if (record !== undefined) this.#ids.delete(`${record.epoch}/${record.node}`);
      this.#epochs.delete(id);
      this.#repairs.delete(id);
    }
    if (outcome.epochs.size + outcome.forgotten.size > 0) this.#epochList = undefined;
    for (const mark of outcome.marks.values()) this.#marks.set(mark);
    for (const id of outcome.swept) this.#marks.swept(id, !this.#epochs.has(id));
    if (outcome.gone !== undefined) this.#marks.setGone(outcome.gone);
    this.#marks.setMessagesGone(outcome.messagesGone);
    for (const tell of outcome.told) tell();
    this.#countRepairs(outcome.repairs);
    this.#joined = outcome.joined;
    this.#reader.stretches.learn(outcome.stretchSlots);
    for (const write of outcome.unsealed) this.#unsealed.add(write);
  }

  /** What of a group must wait for room: all but what makes some, for which the reserve is kept. */
  #refuseIfFull(group: readonly WriteItem[], bytes: number): Map<WriteItem, unknown> {
    // Twice the bytes: pages are copied on write, and the tree above them too.
    const free = freeBytes(this.directory) + this.#reusableBytes();
    if (free >= this.#minFreeBytes + 2 * bytes) return new Map();
    const reason = diskFull(this.directory, free);
    if (!group.some(makesRoom)) throw reason;
    return new Map(group.filter((item) => !makesRoom(item)).map((item) => [item, reason]));
  }

  /** Pages of the file that hold nothing any more, since retention emptied them: half are counted. */
  #reusableBytes(): number {
    if (this.#marks.count === 0) return 0;
    const { usedBytes, fileBytes } = this.#reader.size();
    return Math.max(0, fileBytes - usedBytes) / 2;
  }

  #writingFailed(error: unknown, bytes: number): RetroError {
    // lmdb hands over the cause as a promise that nobody else listens to.
    const commitError = (error as { commitError?: Promise<unknown> } | null)?.commitError;
    commitError?.catch(() => {});
    const free = freeBytes(this.directory);
    if (free < this.#minFreeBytes + 2 * bytes) return diskFull(this.directory, free, error);
    return this.#fail(
      new RetroError("data-unusable", `writing to ${this.directory} failed: ${messageOf(error)}`, {
        hint: "Check the disk, then start the collector again: it verifies what it opens.",
        cause: error,
      }),
    );
  }

  #fail(error: RetroError): RetroError {
    this.#failure = error;
    this.#onFailure(error);
    return error;
  }

  /** After a failed commit: a fresh view of the file, so that no page of the failed one is trusted. */
  async #reopen(): Promise<void> {
    this.#isReopening = true;
    try {
      await this.#db.close();
      this.#db = openEnvironment(this.directory);
      this.#reader = new LmdbReader(this.#db, this.#onDamage);
      this.#load();
      this.#isReopening = false;
    } catch (error) {
      this.#fail(
        error instanceof RetroError
          ? error
          : new RetroError("data-unusable", `cannot open ${this.directory}: ${messageOf(error)}`, {
              cause: error,
            }),
      );
    }
  }

  #readable(): LmdbReader {
    this.#assertOpen();
    if (this.#isReopening) {
      throw new RetroError("overloaded", "the store is being opened anew after a failed write", {
        retriable: true,
        hint: "Ask again in a second.",
      });
    }
    return this.#reader;
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw closedError();
  }
}

function diskFull(directory: string, free: number, cause?: unknown): RetroError {
  return new RetroError("disk-full", `${directory} has ${free} bytes left`, {
    retriable: true,
    hint: "Free some space: writing goes on by itself.",
    ...(cause === undefined ? {} : { cause }),
  });
}

function closedError(): RetroError {
  return new RetroError("closed", "the store is closed", {
    hint: "Nothing can be read or written after close().",
  });
}
