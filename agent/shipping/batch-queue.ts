/**
 * Batches that are encoded and not yet acknowledged, oldest first, bounded by bytes. They are resent
 * byte for byte, so an entry's bytes never change.
 */
import type { BatchAck, EpochRef, Hlc, LostRange, SideBlock } from "../kernel/index.ts";

/** One encoded batch and what must be known of it if it is dropped. */
export interface QueuedBatch extends EpochRef {
  /** Rises with each batch queued; the halves of one share it. */
  readonly ordinal: number;
  readonly bytes: Uint8Array;
  /** An empty one has `lastSeq === firstSeq - 1`. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  readonly logs: readonly string[];
  readonly framed: readonly string[];
  readonly messages: boolean;
  /** What it declares: to be declared again by another if it never arrives. */
  readonly dropped: readonly LostRange[];
  /** The number of what its status tells (tidings.ts); 0: nothing. */
  readonly tidings: number;
  /** The capture that it is part of. */
  readonly capture: string | undefined;
  /** What rides in it, of a heartbeat: to be sent again if it is not heard. A queued batch is resent itself. */
  readonly sideBlocks?: readonly SideBlock[];
}

/** Room that an entry takes beside its bytes. */
const ENTRY_BYTES = 256;

export class BatchQueue {
  readonly #maxBytes: number;
  #entries: QueuedBatch[] = [];
  #bytes = 0;
  #eventCount = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held, always within the bound once `overflow` was emptied. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What may still be held before something has to go. */
  get roomBytes(): number {
    return Math.max(0, this.#maxBytes - this.#bytes);
  }

  get batchCount(): number {
    return this.#entries.length;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get oldest(): QueuedBatch | undefined {
    return this.#entries[0];
  }

  get newest(): QueuedBatch | undefined {
    return this.#entries.at(-1);
  }

  push(entry: QueuedBatch): void {
    this.#entries.push(entry);
    this.#count(entry, 1);
  }

  /** The oldest batches, at least one, up to so many bytes and batches, for one request. */
  head(maxBytes: number, maxCount: number): readonly QueuedBatch[] {
    const taken: QueuedBatch[] = [];
    let bytes = 0;
    for (const entry of this.#entries) {
      if (taken.length === maxCount) break;
      if (taken.length > 0 && bytes + entry.bytes.length > maxBytes) break;
      taken.push(entry);
      bytes += entry.bytes.length;
    }
    return taken;
  }

  /** Whether three quarters of the room are free. */
  get isMostlyFree(): boolean {
    return this.#bytes < this.#maxBytes / 4;
  }

  /** Whether part of that capture waits, or of another that may have read what lies up to `lastSeq`. */
  hasCapture(id: string, lastSeq: number): boolean {
    return this.#entries.some(
      ({ capture, firstSeq }) => capture === id || (capture !== undefined && firstSeq <= lastSeq),
    );
  }

  /** Whether anything waits that is no part of a capture. */
  get holdsMoreThanCaptures(): boolean {
    return this.#entries.some(({ capture }) => capture === undefined);
  }

  /** What waits of one epoch. */
  entriesOf(node: string, epoch: number): readonly QueuedBatch[] {
    return this.#entries.filter((entry) => entry.node === node && entry.epoch === epoch);
  }

  /** Takes a batch out; false if it is not in any more. */
  remove(entry: QueuedBatch): boolean {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return false;
    this.#entries.splice(at, 1);
    this.#count(entry, -1);
    return true;
  }

  /** Puts others in a batch's place: its two halves. */
  replace(entry: QueuedBatch, by: readonly QueuedBatch[]): void {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return;
    this.#entries.splice(at, 1, ...by);
    this.#count(entry, -1);
    for (const half of by) this.#count(half, 1);
  }

  /** The oldest batch to give up while there is too much, but none that is on its way (`sent`). */
  overflow(sent: readonly QueuedBatch[]): QueuedBatch | undefined {
    if (this.#bytes <= this.#maxBytes) return undefined;
    return this.#entries.find((entry) => !sent.includes(entry));
  }

  #count(entry: QueuedBatch, sign: 1 | -1): void {
    this.#bytes += sign * (entry.bytes.length + ENTRY_BYTES);
    this.#eventCount += sign * eventCountOf(entry);
  }
}

export function eventCountOf(batch: {
  readonly firstSeq: number;
  readonly lastSeq: number;
}): number {
  return batch.lastSeq - batch.firstSeq + 1;
}

/** Whether an ack speaks of exactly this batch. */
export function isAckOf(ack: BatchAck, entry: QueuedBatch): boolean {
  return (
    ack.node === entry.node &&
    ack.epoch === entry.epoch &&
    ack.firstSeq === entry.firstSeq &&
    ack.lastSeq === entry.lastSeq
  );
}
