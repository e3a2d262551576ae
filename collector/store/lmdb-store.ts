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
  type Environment,
  freeBytes,
  messageOf,
  openEnvironment,
  prepareDirectory,
} from "./environment.ts";
import type {
  CheckpointWrite,
  DamagedRange,
  DirectoryRecord,
  EpochRecord,
  HistoryStore,
  SlowMessageRecord,
  StoredBatch,
  StoreWrite,
  ViolationRecord,
} from "./history-store.ts";
import { SLOW_MESSAGE, VIOLATION } from "./keys.ts";
import { type DataLock, lockDirectory } from "./lock.ts";
import { LmdbReader, type RecordDamage } from "./reader.ts";
import { bytesOf, type Outcome, TransactionBuilder, type WriteItem } from "./transaction.ts";
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
}

export class LmdbStore implements HistoryStore {
  readonly directory: string;
  readonly #lock: DataLock;
  readonly #queue: WriteQueue<WriteItem>;
  readonly #minFreeBytes: number;
  readonly #onDamage: (damage: RecordDamage) => void;
  readonly #repairs = new Map<number, number>();
  #db: Environment;
  #reader: LmdbReader;
  #epochs: Map<number, EpochRecord>;
  /** Ascending by id; made anew when a write changed `#epochs`. */
  #epochList: readonly EpochRecord[] | undefined;
  #lastEpochId: number;
  #mustReopen = false;
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
    this.#reader = new LmdbReader(db, this.#onDamage);
    this.#epochs = this.#reader.loadEpochs();
    this.#lastEpochId = Math.max(0, ...this.#epochs.keys());
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

  repairCount(epochId: number): number {
    this.#assertOpen();
    return this.#repairs.get(epochId) ?? 0;
  }

  batches(
    epochId: number,
    range: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    return this.#readable().batches(epochId, range);
  }

  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined {
    return this.#readable().batchWithSeq(epochId, seq);
  }

  damaged(epochId: number): readonly DamagedRange[] {
    return this.#readable().damaged(epochId);
  }

  violationsAt(t: Hlc): readonly ViolationRecord[] {
    const found = this.#readable().stretchesTouching<ViolationRecord>(VIOLATION, t, t);
    return found.filter((one) => t < one.sendT);
  }

  violationsBetween(from: Hlc, to: Hlc): readonly ViolationRecord[] {
    return this.#readable().stretchesTouching<ViolationRecord>(VIOLATION, from, to);
  }

  slowMessagesAt(t: Hlc): readonly SlowMessageRecord[] {
    const found = this.#readable().stretchesTouching<SlowMessageRecord>(SLOW_MESSAGE, t, t);
    return found.filter((one) => t < one.receiveT);
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    return this.#readable().directoryAt(epochId, t);
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    return this.#readable().checkpoint(epochId, log, seq);
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

  async #commit(group: readonly WriteItem[], bytes: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#refuseIfFull(bytes);
    if (this.#mustReopen) await this.#reopen();
    const builder = new TransactionBuilder(this.#db, (id) => this.#repairs.get(id) ?? 0);
    try {
      await builder.commit(group);
    } catch (error) {
      throw this.#writingFailed(error, bytes);
    }
    this.#remember(builder.outcome);
  }

  #remember(outcome: Outcome): void {
    for (const [id, record] of outcome.epochs) this.#epochs.set(id, record);
    if (outcome.epochs.size > 0) this.#epochList = undefined;
    for (const [id, count] of outcome.repairs) {
      this.#repairs.set(id, (this.#repairs.get(id) ?? 0) + count);
    }
    this.#reader.learnStretches(outcome.stretchSlots);
  }

  #refuseIfFull(bytes: number): void {
    // Twice the bytes: pages are copied on write, and the tree above them too.
    const free = freeBytes(this.directory);
    if (free >= this.#minFreeBytes + 2 * bytes) return;
    throw diskFull(this.directory, free);
  }

  #writingFailed(error: unknown, bytes: number): RetroError {
    // lmdb hands over the cause as a promise that nobody else listens to.
    const commitError = (error as { commitError?: Promise<unknown> } | null)?.commitError;
    commitError?.catch(() => {});
    this.#mustReopen = true;
    const free = freeBytes(this.directory);
    if (free < this.#minFreeBytes + 2 * bytes) return diskFull(this.directory, free, error);
    this.#failure = new RetroError(
      "data-unusable",
      `writing to ${this.directory} failed: ${messageOf(error)}`,
      {
        hint: "Check the disk, then start the collector again: it verifies what it opens.",
        cause: error,
      },
    );
    return this.#failure;
  }

  /** After a failed commit: a fresh view of the file, so that no page of the failed one is trusted. */
  async #reopen(): Promise<void> {
    await this.#db.close();
    try {
      this.#db = openEnvironment(this.directory);
      this.#reader = new LmdbReader(this.#db, this.#onDamage);
      this.#epochs = this.#reader.loadEpochs();
      this.#epochList = undefined;
      this.#mustReopen = false;
    } catch (error) {
      this.#failure = error instanceof RetroError ? error : undefined;
      throw error;
    }
  }

  #readable(): LmdbReader {
    this.#assertOpen();
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
