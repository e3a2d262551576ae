/**
 * A disk under the collector, at the store port. A write is on the disk when it was flushed, which takes
 * a while; until then it shows nowhere. A crash leaves what was flushed, and of the rest a seeded first
 * part: the disk may have been further than it could say. A full disk rejects, sometimes after the fact.
 *
 *     write 1 [flushed] write 2 [flushed]  |  write 3   write 4   write 5      crash
 *     kept                                 |  kept      gone      gone         nobody was told of 3
 *
 * Reads go to a `MemoryStore` that is the disk; each start of the collector opens a store of its own over it.
 */
import { RetroError } from "../../agent/kernel/index.ts";
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
} from "../../collector/store/history-store.ts";
import { MemoryStore } from "../../collector/store/memory-store.ts";
import type { Chance } from "./chance.ts";
import type { Counts } from "./counts.ts";
import type { DiskFaults } from "./scenario.ts";
import type { VirtualTime } from "./virtual-time.ts";

const SLOWEST_FLUSH_MS = 3_000;

type Hlc = EpochRecord["joined"];

/** What outlives the collector. */
export class SimDisk {
  readonly content: MemoryStore = new MemoryStore();
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly counts: Counts;
  faults: DiskFaults;

  constructor(time: VirtualTime, chance: Chance, faults: DiskFaults, counts: Counts) {
    this.time = time;
    this.chance = chance;
    this.faults = faults;
    this.counts = counts;
  }
}

interface Pending {
  readonly apply: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SimStore implements HistoryStore {
  readonly #disk: SimDisk;
  readonly #pending: Pending[] = [];
  #isFlushing = false;
  #isGone = false;
  #isClosed = false;
  readonly failure: RetroError | undefined = undefined;

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  write(write: StoreWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.write(write));
  }

  writeCheckpoint(checkpoint: CheckpointWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.writeCheckpoint(checkpoint));
  }

  async seal(write: SegmentWrite): Promise<boolean> {
    let isSealed = false;
    await this.#enqueue(async () => {
      isSealed = await this.#disk.content.seal(write);
    });
    if (isSealed) this.#disk.counts.add("disk: segments sealed");
    if (isSealed && write.replaced.length > 1) {
      this.#disk.counts.add("disk: segments of several batches");
    }
    return isSealed;
  }

  thinCheckpoints(thinning: CheckpointThinning): Promise<void> {
    return this.#enqueue(() => this.#disk.content.thinCheckpoints(thinning));
  }

  block(segment: StoredBatch, index: number): Uint8Array | undefined {
    return this.#disk.content.block(segment, index);
  }

  uncheckedBlock(segment: StoredBatch, index: number): UncheckedBlock | undefined {
    return this.#disk.content.uncheckedBlock(segment, index);
  }

  captures(): readonly StoredCapture[] {
    return this.#disk.content.captures();
  }

  writeCaptures(write: CapturesWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.writeCaptures(write));
  }

  monitors(): readonly StoredMonitor[] {
    return this.#disk.content.monitors();
  }

  writeMonitors(write: MonitorsWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.writeMonitors(write));
  }

  writeTiles(write: TilesWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.writeTiles(write));
  }

  tile(epochId: number, level: number, index: number): Uint8Array | undefined {
    return this.#disk.content.tile(epochId, level, index);
  }

  claimMessages(from: Hlc, until: Hlc): MessageStretch {
    return this.#disk.content.claimMessages(from, until);
  }

  giveUpMessages(claim: MessageStretch): void {
    this.#disk.content.giveUpMessages(claim);
  }

  writeMessages(claim: MessageStretch, cells: readonly MessageCell[]): Promise<void> {
    return this.#enqueue(() => this.#disk.content.writeMessages(claim, cells));
  }

  messageStretches(): readonly MessageStretch[] {
    return this.#disk.content.messageStretches();
  }

  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    return this.#disk.content.messageCell(from, level, index);
  }

  prune(write: PruneWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.prune(write));
  }

  async sweep(options: SweepOptions): Promise<number> {
    let count = 0;
    await this.#enqueue(async () => {
      count = await this.#disk.content.sweep(options);
    });
    return count;
  }

  pruned(epochId: number): PrunedEpoch | undefined {
    return this.#disk.content.pruned(epochId);
  }

  pruneCount(): number {
    return this.#disk.content.pruneCount();
  }

  gone(): readonly GoneStretch[] {
    return this.#disk.content.gone();
  }

  messagesGone(): MessagesGone | undefined {
    return this.#disk.content.messagesGone();
  }

  pieces(epochId: number, seq: number): Iterable<StoredPiece> {
    return this.#disk.content.pieces(epochId, seq);
  }

  usage(): StoreUsage {
    return this.#disk.content.usage();
  }

  sideBlocks(epochId: number, range: SideRange): Iterable<StoredSideBlock> {
    return this.#disk.content.sideBlocks(epochId, range);
  }

  removeSideBlocks(removal: SideRemoval): Promise<number> {
    return this.#disk.content.removeSideBlocks(removal);
  }

  saved(): ReturnType<HistoryStore["saved"]> {
    return this.#disk.content.saved();
  }

  savedBytes(number: number): Uint8Array | undefined {
    return this.#disk.content.savedBytes(number);
  }

  writeSaved(write: SavedWrite): Promise<void> {
    return this.#enqueue(() => this.#disk.content.writeSaved(write));
  }

  /** The process is gone: nothing is answered any more. */
  crash(): void {
    this.#isGone = true;
    const kept = this.#disk.chance.below(this.#pending.length + 1);
    this.#disk.counts.add("disk: unflushed writes lost", this.#pending.length - kept);
    this.#disk.counts.add("disk: unflushed writes kept", kept);
    for (const { apply } of this.#pending.splice(0).slice(0, kept)) apply().catch(() => {});
  }

  /** The process ended in order: its store is closed, the disk is not. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#pending.length > 0 && !this.#isGone) {
      await new Promise<void>((resolve) => this.#disk.time.after(1, resolve));
    }
  }

  #enqueue(apply: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.reject(new RetroError("closed", "the store is closed"));
    return new Promise((resolve, reject) => {
      if (this.#isGone) return;
      this.#pending.push({ apply, resolve, reject });
      this.#flushNext();
    });
  }

  #flushNext(): void {
    const { time, chance, faults, counts } = this.#disk;
    if (this.#isFlushing || this.#pending.length === 0) return;
    this.#isFlushing = true;
    const isSlow = chance.isTrue(faults.slow);
    if (isSlow) counts.add("disk: slow flush");
    const ms = isSlow ? chance.between(300, SLOWEST_FLUSH_MS) : chance.below(faults.flushMs + 1);
    time.after(ms, () => {
      this.#isFlushing = false;
      if (this.#isGone) return;
      const one = this.#pending.shift();
      if (one !== undefined) void this.#flush(one);
      this.#flushNext();
    });
  }

  async #flush({ apply, resolve, reject }: Pending): Promise<void> {
    const { chance, faults, counts } = this.#disk;
    const isFull = chance.isTrue(faults.full);
    try {
      if (!isFull || chance.isTrue(0.5)) await apply();
    } catch (error) {
      if (!this.#isGone) reject(error);
      return;
    }
    if (this.#isGone) return;
    if (!isFull) {
      resolve();
      return;
    }
    counts.add("disk: full");
    reject(new RetroError("disk-full", "the disk is full", { retriable: true }));
  }

  epochs(): readonly EpochRecord[] {
    return this.#disk.content.epochs();
  }

  epoch(id: number): EpochRecord | undefined {
    return this.#disk.content.epoch(id);
  }

  nextEpochId(): number {
    return this.#disk.content.nextEpochId();
  }

  batches(
    epochId: number,
    range: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    return this.#disk.content.batches(epochId, range);
  }

  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined {
    return this.#disk.content.batchWithSeq(epochId, seq);
  }

  damaged(epochId: number): readonly DamagedRange[] {
    return this.#disk.content.damaged(epochId);
  }

  violationsAt(t: Hlc, limit?: number, from?: Hlc): readonly ViolationRecord[] {
    return this.#disk.content.violationsAt(t, limit, from);
  }

  violationsBetween(from: Hlc, to: Hlc, limit?: number): readonly ViolationRecord[] {
    return this.#disk.content.violationsBetween(from, to, limit);
  }

  slowMessagesAt(t: Hlc, limit?: number): readonly SlowMessageRecord[] {
    return this.#disk.content.slowMessagesAt(t, limit);
  }

  repairCount(epochId: number): number {
    return this.#disk.content.repairCount(epochId);
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    return this.#disk.content.directoryAt(epochId, t);
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    return this.#disk.content.checkpoint(epochId, log, seq);
  }
}
