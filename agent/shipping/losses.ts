/**
 * Losses that still have to be declared, by epoch: those of the current one travel with its next batch,
 * those of an epoch that was left in an empty batch of its own.
 *
 * A declaration that is lost is made again. Only where the collector refuses it, and the epoch was left,
 * that ends: it would be refused for ever.
 */
import type { DropReason, EpochRef, LostRange } from "../kernel/index.ts";
import type { EpochTail } from "./batch-press.ts";
import type { QueuedBatch } from "./batch-queue.ts";
import { LostRanges } from "./lost-ranges.ts";

/** Epochs left whose losses can still be declared; of one left before, a hole may stay. */
const MAX_TAILS = 64;
/** Times that the declaration of an epoch left may be refused. */
const MAX_REFUSALS = 3;

interface Tail {
  readonly tail: EpochTail;
  readonly lost: LostRanges;
  refusals: number;
}

export type LostBatch = Omit<QueuedBatch, "ordinal" | "bytes" | "tidings">;

export class Losses {
  #current = new LostRanges();
  #tails: Tail[] = [];

  get isEmpty(): boolean {
    return this.#current.isEmpty && this.#tails.every(({ lost }) => lost.isEmpty);
  }

  /** Whether the current epoch has some. */
  get hasCurrent(): boolean {
    return !this.#current.isEmpty;
  }

  /** Notes a range of the current epoch. */
  add(range: LostRange): void {
    this.#current.add(range);
  }

  /** Notes a batch that is given up, and what it declared. */
  addBatch(entry: LostBatch, reason: DropReason, isCurrent: boolean): void {
    const tail = isCurrent ? undefined : this.#tails.find((one) => isSameEpoch(one.tail, entry));
    const lost = isCurrent ? this.#current : tail?.lost;
    if (lost === undefined) return; // an epoch left long ago
    const { firstSeq, lastSeq, firstT, lastT, logs, messages } = entry;
    if (lastSeq >= firstSeq) {
      lost.add({ ...{ firstSeq, lastSeq, firstT, lastT, logs, messages }, reason });
    } else if (tail !== undefined && reason === "refused") {
      tail.refusals += 1;
      if (tail.refusals >= MAX_REFUSALS) return;
    }
    for (const range of entry.dropped) lost.add(range);
  }

  /** Notes what a heartbeat declared and nobody heard. */
  addDeclared(epoch: EpochRef, ranges: readonly LostRange[], isCurrent: boolean): void {
    const lost = isCurrent
      ? this.#current
      : this.#tails.find(({ tail }) => isSameEpoch(tail, epoch))?.lost;
    for (const range of ranges) lost?.add(range);
  }

  /** What the current epoch's next batch declares. */
  take(): readonly LostRange[] {
    return this.#current.take();
  }

  /** What must be declared of epochs that were left. */
  takeOfTails(): readonly (readonly [EpochTail, readonly LostRange[]])[] {
    return this.#tails
      .filter(({ lost }) => !lost.isEmpty)
      .map(({ tail, lost }) => [tail, lost.take()] as const);
  }

  /** The current epoch is left and ends so. `isWaiting`: whether batches of an epoch left still wait. */
  leave(tail: EpochTail, isWaiting: (epoch: EpochRef) => boolean): void {
    const open = this.#tails.filter((one) => !one.lost.isEmpty || isWaiting(one.tail));
    this.#tails = [...open, { tail, lost: this.#current, refusals: 0 }].slice(-MAX_TAILS);
    this.#current = new LostRanges();
  }

  /** The current epoch is another process's: what was lost of it is not ours to declare. */
  forget(): void {
    this.#current = new LostRanges();
  }
}

function isSameEpoch(a: EpochRef, b: EpochRef): boolean {
  return a.node === b.node && a.epoch === b.epoch;
}
