/**
 * The history store on disk: one LMDB file in a directory of its own, one collector at a time.
 *
 *     write(), writeCheckpoint(), ...  ->  lmdb-file.ts       one transaction for all that waits
 *     epochs(), pruned(), ...          <-  readers-memory.ts  renewed when a transaction is durable
 *     batches(), ...At(), ...          <-  reader.ts          from the file, every record checked
 *
 * Opening reads the epoch records and one key per class of stretches, never the batches: a store of
 * any size is ready at once. When a write fails the disk is asked (lmdb-file.ts): if it is full, writes
 * are refused (`disk-full`, retriable) until there is room; any other failure ends writing for good
 * (`failure`).
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import { diskOf, type Environment, openEnvironment, prepareDirectory } from "./environment.ts";
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
  SideRange,
  SideRemoval,
  SlowMessageRecord,
  StoredBatch,
  StoredCapture,
  StoredMonitor,
  StoredPiece,
  StoredSideBlock,
  StoreUsage,
  StoreWrite,
  SweepOptions,
  TilesWrite,
  UncheckedBlock,
  ViolationRecord,
} from "./history-store.ts";
import { SLOW_MESSAGE, VIOLATION } from "./keys.ts";
import { LmdbFile } from "./lmdb-file.ts";
import { type DataLock, lockDirectory } from "./lock.ts";
import type { LmdbReader } from "./reader.ts";
import { ReadersMemory } from "./readers-memory.ts";
import type { RecordDamage } from "./record-reader.ts";
import type { WriteItem } from "./write-item.ts";

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
  readonly #memory = new ReadersMemory();
  readonly #file: LmdbFile;
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
    this.#file = new LmdbFile(db, {
      directory: options.directory,
      memory: this.#memory,
      maxQueuedBytes: options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES,
      maxGroupBytes: options.maxGroupBytes ?? DEFAULT_MAX_GROUP_BYTES,
      minFreeBytes: options.minFreeBytes ?? DEFAULT_MIN_FREE_BYTES,
      onDamage: options.onDamage ?? (() => {}),
      onFailure: options.onFailure ?? (() => {}),
    });
  }

  get failure(): RetroError | undefined {
    return this.#file.failure;
  }

  /** Bytes of writes that wait or are on their way to the disk. */
  get queuedBytes(): number {
    return this.#file.queuedBytes;
  }

  epochs(): readonly EpochRecord[] {
    this.#assertOpen();
    return this.#memory.epochs;
  }

  epoch(id: number): EpochRecord | undefined {
    this.#assertOpen();
    return this.#memory.epoch(id);
  }

  nextEpochId(): number {
    this.#assertOpen();
    return this.#memory.nextId();
  }

  write(write: StoreWrite): Promise<void> {
    return this.#push({ kind: "write", write });
  }

  writeCheckpoint(checkpoint: CheckpointWrite): Promise<void> {
    return this.#push({ kind: "checkpoint", checkpoint });
  }

  async seal(write: SegmentWrite): Promise<boolean> {
    await this.#push({ kind: "segment", write });
    return this.#memory.wasSealed(write);
  }

  thinCheckpoints(thinning: CheckpointThinning): Promise<void> {
    return this.#push({ kind: "thinning", thinning });
  }

  block(segment: StoredBatch, index: number): Uint8Array | undefined {
    return this.#readable().batches.block(segment, index);
  }

  uncheckedBlock(segment: StoredBatch, index: number): UncheckedBlock | undefined {
    return this.#readable().batches.uncheckedBlock(segment, index);
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
    return this.#memory.claims.claim({ from, until });
  }

  giveUpMessages(claim: MessageStretch): void {
    this.#memory.claims.close(claim);
  }

  writeMessages(claim: MessageStretch, cells: readonly MessageCell[]): Promise<void> {
    return this.#push({ kind: "messages", claim, cells });
  }

  messageStretches(): readonly MessageStretch[] {
    this.#assertOpen();
    return this.#memory.joined.all;
  }

  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    return this.#readable().messageCell(from, level, index);
  }

  repairCount(epochId: number): number {
    this.#assertOpen();
    return this.#memory.repairCount(epochId);
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

  violationsAt(
    t: Hlc,
    limit: number = Number.POSITIVE_INFINITY,
    from?: Hlc,
  ): readonly ViolationRecord[] {
    const { stretches } = this.#readable();
    return stretches.touching<ViolationRecord>(VIOLATION, t, t, limit, false, from);
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
    return this.#memory.pruned(epochId);
  }

  pruneCount(): number {
    return this.#memory.marks.count;
  }

  gone(): readonly GoneStretch[] {
    this.#assertOpen();
    return this.#memory.marks.gone;
  }

  messagesGone(): MessagesGone | undefined {
    this.#assertOpen();
    return this.#memory.messagesGone;
  }

  pieces(epochId: number, seq: number): Iterable<StoredPiece> {
    return this.#readable().batches.pieces(epochId, seq);
  }

  prune(write: PruneWrite): Promise<void> {
    this.#memory.breakClaimsBefore(write);
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

  sideBlocks(epochId: number, range: SideRange): Iterable<StoredSideBlock> {
    return this.#readable().sideBlocks(epochId, range);
  }

  async removeSideBlocks(removal: SideRemoval): Promise<number> {
    let removed = 0;
    const tell = (count: number): void => {
      removed = count;
    };
    await this.#push({ kind: "side-removal", removal, tell });
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
    await this.#file.close();
    await this.#lock.release();
  }

  #push(item: WriteItem): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    return this.#file.push(item);
  }

  #readable(): LmdbReader {
    this.#assertOpen();
    return this.#file.reader;
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw closedError();
  }
}

function closedError(): RetroError {
  return new RetroError("closed", "the store is closed", {
    hint: "Nothing can be read or written after close().",
  });
}
