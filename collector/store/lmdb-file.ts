/**
 * The LMDB file while it is open: what is in it, what goes into it, and what becomes of both when a write
 * fails.
 *
 *     push(item)  ->  write-queue.ts (group commit)  ->  transaction.ts  ->  disk
 *                                                                |
 *                                     durable: the readers' memory learns of it, callers are told
 *                                     failed:  is the disk full?
 *                                                yes: refuse, retriable; open the file anew
 *                                                no:  end writing for good (`failure`)
 *
 * The file is opened anew so that no page of a failed transaction is trusted; after a failed sync nothing
 * says what is on the disk, so that ends writing for good.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import { type Environment, freeBytes, messageOf, openEnvironment } from "./environment.ts";
import { LmdbReader } from "./reader.ts";
import type { ReadersMemory } from "./readers-memory.ts";
import type { RecordDamage } from "./record-reader.ts";
import { TransactionBuilder } from "./transaction.ts";
import { bytesOf, makesRoom, type WriteItem } from "./write-item.ts";
import { WriteQueue } from "./write-queue.ts";

export interface LmdbFileOptions {
  readonly directory: string;
  readonly memory: ReadersMemory;
  readonly maxQueuedBytes: number;
  readonly maxGroupBytes: number;
  readonly minFreeBytes: number;
  readonly onDamage: (damage: RecordDamage) => void;
  readonly onFailure: (failure: RetroError) => void;
}

export class LmdbFile {
  readonly #options: LmdbFileOptions;
  readonly #memory: ReadersMemory;
  readonly #queue: WriteQueue<WriteItem>;
  #db: Environment;
  #reader: LmdbReader;
  /** Set while the file is closed and opened anew. */
  #isReopening = false;
  #failure: RetroError | undefined;

  /** Reads into memory what is kept there. `db` is closed by `close`, unless this throws. */
  constructor(db: Environment, options: LmdbFileOptions) {
    this.#options = options;
    this.#memory = options.memory;
    this.#db = db;
    this.#reader = new LmdbReader(db, options.onDamage);
    this.#memory.load(this.#reader);
    this.#queue = new WriteQueue((group, bytes) => this.#commit(group, bytes), options);
  }

  /** Why writing has ended for good. */
  get failure(): RetroError | undefined {
    return this.#failure;
  }

  /** Bytes of writes that wait or are on their way to the disk. */
  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }

  /** @throws RetroError `overloaded`, retriable, while the file is opened anew */
  get reader(): LmdbReader {
    if (this.#isReopening) {
      throw new RetroError("overloaded", "the store is being opened anew after a failed write", {
        retriable: true,
        hint: "Ask again in a second.",
      });
    }
    return this.#reader;
  }

  /** Resolves when the item is durable. */
  push(item: WriteItem): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#queue.push(item, bytesOf(item));
  }

  /** Waits for what was pushed. */
  async close(): Promise<void> {
    await this.#queue.drained();
    await this.#db.close();
  }

  async #commit(
    group: readonly WriteItem[],
    bytes: number,
  ): Promise<ReadonlyMap<WriteItem, unknown>> {
    if (this.#failure !== undefined) throw this.#failure;
    const refused = this.#refuseIfFull(group, bytes);
    const builder = new TransactionBuilder(this.#db, this.#memory);
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
      this.#memory.countRepairs(builder.outcome);
      const reason = this.#writingFailed(error, bytes);
      // What is on the disk now is asked before anybody is told: the write may be there all the same.
      if (this.#failure === undefined) await this.#reopen();
      this.#memory.breakClaims(group);
      throw reason;
    }
    this.#memory.breakClaims(group.filter((item) => !refused.has(item)));
    this.#memory.learn(builder.outcome);
    this.#reader.stretches.learn(builder.outcome.stretchSlots);
    for (const tell of builder.outcome.told) tell();
    return refused;
  }

  /** What of a group must wait for room: all but what makes some, for which the reserve is kept. */
  #refuseIfFull(group: readonly WriteItem[], bytes: number): Map<WriteItem, unknown> {
    const reason = this.#diskFull(bytes, this.#reusableBytes());
    if (reason === undefined) return new Map();
    if (!group.some(makesRoom)) throw reason;
    return new Map(group.filter((item) => !makesRoom(item)).map((item) => [item, reason]));
  }

  /** Pages of the file that hold nothing any more, since retention emptied them: half are counted. */
  #reusableBytes(): number {
    if (this.#memory.marks.count === 0) return 0;
    const { usedBytes, fileBytes } = this.#reader.size();
    return Math.max(0, fileBytes - usedBytes) / 2;
  }

  #writingFailed(error: unknown, bytes: number): RetroError {
    // lmdb hands over the cause as a promise that nobody else listens to.
    const commitError = (error as { commitError?: Promise<unknown> } | null)?.commitError;
    commitError?.catch(() => {});
    const { directory } = this.#options;
    return (
      this.#diskFull(bytes, 0, error) ??
      this.#fail(
        new RetroError("data-unusable", `writing to ${directory} failed: ${messageOf(error)}`, {
          hint: "Check the disk, then start the collector again: it verifies what it opens.",
          cause: error,
        }),
      )
    );
  }

  /** Why so many bytes cannot be written now; undefined: there is room. */
  #diskFull(bytes: number, reusableBytes: number, cause?: unknown): RetroError | undefined {
    const { directory, minFreeBytes } = this.#options;
    const free = freeBytes(directory) + reusableBytes;
    // Twice the bytes: pages are copied on write, and the tree above them too.
    if (free >= minFreeBytes + 2 * bytes) return undefined;
    return new RetroError("disk-full", `${directory} has ${free} bytes left`, {
      retriable: true,
      hint: "Free some space: writing goes on by itself.",
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #fail(error: RetroError): RetroError {
    this.#failure = error;
    this.#options.onFailure(error);
    return error;
  }

  async #reopen(): Promise<void> {
    const { directory, onDamage } = this.#options;
    this.#isReopening = true;
    try {
      await this.#db.close();
      this.#db = openEnvironment(directory);
      this.#reader = new LmdbReader(this.#db, onDamage);
      this.#memory.load(this.#reader);
      this.#isReopening = false;
    } catch (error) {
      this.#fail(
        error instanceof RetroError
          ? error
          : new RetroError("data-unusable", `cannot open ${directory}: ${messageOf(error)}`, {
              cause: error,
            }),
      );
    }
  }
}
