/**
 * Group commit: one transaction is on its way to the disk; what arrives meanwhile waits and goes
 * together into the next one. The slower the disk, the larger the groups: the cost of a sync is
 * shared, and no timer decides how long to wait.
 *
 *     push  a        b c d          e ...
 *     disk  [--- a ---][-- b c d ---][- e ...
 *
 * Order of pushes is order on disk. What waits is bounded in bytes; beyond that `push` refuses.
 */
import { RetroError } from "../../agent/kernel/index.ts";

export interface WriteQueueLimits {
  /** Bytes waiting or being written; beyond them `push` rejects with `overloaded`. */
  readonly maxQueuedBytes: number;
  /** Bytes of one transaction; a single larger push is one of its own. */
  readonly maxGroupBytes: number;
}

interface Waiting<Item> {
  readonly item: Item;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes a group durable, or rejects; then nothing of the group is stored. Items that cannot be written
 * at all are left out: it resolves to them, each with its reason.
 */
export type Commit<Item> = (
  group: readonly Item[],
  bytes: number,
) => Promise<ReadonlyMap<Item, unknown>>;

export class WriteQueue<Item> {
  readonly #commit: Commit<Item>;
  readonly #limits: WriteQueueLimits;
  readonly #waiting: Waiting<Item>[] = [];
  #queuedBytes = 0;
  #running: Promise<void> | undefined;

  constructor(commit: Commit<Item>, limits: WriteQueueLimits) {
    this.#commit = commit;
    this.#limits = limits;
  }

  /** Bytes waiting or being written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Resolves when the item is durable; rejects with what `commit` said, or `overloaded`. */
  push(item: Item, bytes: number): Promise<void> {
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#limits.maxQueuedBytes) {
      return Promise.reject(
        new RetroError("overloaded", `${this.#queuedBytes} bytes wait to be written`, {
          retriable: true,
          hint: "The disk is slower than the load: try again in a second.",
        }),
      );
    }
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. Never rejects. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Let the turn end first, so that all that is pushed in it goes into one group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
      try {
        const refused = await this.#commit(
          group.map((one) => one.item),
          bytes,
        );
        for (const one of group) {
          if (refused.has(one.item)) one.reject(refused.get(one.item));
          else one.resolve();
        }
      } catch (error) {
        for (const one of group) one.reject(error);
      }
      this.#queuedBytes -= bytes;
    }
    this.#running = undefined;
  }

  #nextGroup(): Waiting<Item>[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && bytes + one.bytes > this.#limits.maxGroupBytes) break;
      bytes += one.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
