/**
 * The history store in memory: the slow and obvious twin of lmdb-store.ts, for tests and for
 * collectors that need not remember. It passes the same contract.
 *
 * Here are epochs, the order of writes, and what is pruned; one epoch's events and states are on its
 * shelf (memory-shelf.ts), messages of all epochs in memory-messages.ts.
 *
 * Nothing here survives the process; "durable" means that the turn of the event loop is over, so
 * that callers who forget to wait fail here as they would on disk.
 */
import { type Hlc, MAX_HLC, MIN_HLC, RetroError } from "../../agent/kernel/index.ts";
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
import { blockKey } from "./keys.ts";
import { MemoryMessages } from "./memory-messages.ts";
import { NumberedBodies } from "./memory-numbered.ts";
import { EpochShelf } from "./memory-shelf.ts";
import { marksOf, PruneMarks, withMessagesGone } from "./prune-marks.ts";
import { sealRecord } from "./records.ts";

export class MemoryStore implements HistoryStore {
  readonly #epochs = new Map<number, EpochRecord>();
  readonly #shelves = new Map<number, EpochShelf>();
  readonly #messages = new MemoryMessages();
  readonly #captures = new NumberedBodies();
  readonly #monitors = new NumberedBodies();
  readonly #saved = new Map<number, SavedRecord>();
  readonly #marks = new PruneMarks();
  readonly failure: RetroError | undefined = undefined;
  #epochList: readonly EpochRecord[] | undefined;
  #lastEpochId = 0;
  #isClosed = false;
  /** Settles when everything given so far is stored. */
  #settled: Promise<void> = Promise.resolve();

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
    return this.#inOrder(() => {
      for (const record of write.epochs) this.#refuseSecond(record);
      if (write.epochs.length > 0) this.#epochList = undefined;
      for (const record of write.epochs) this.#epochs.set(record.id, record);
      for (const batch of write.batches) {
        this.#shelf(batch.epochId).put(batch);
        this.#messages.arrived(batch.firstT, batch.lastT);
      }
      this.#messages.put(write.violations, write.slowMessages);
      for (const { epochId, fromT } of write.staleCheckpoints) {
        this.#shelf(epochId).repaired(fromT, this.#marks.get(epochId));
      }
      for (const block of write.sideBlocks ?? []) this.#shelf(block.epochId).side.put(block);
    });
  }

  *batches(
    epochId: number,
    range: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    this.#assertOpen();
    const found = this.#shelves.get(epochId)?.within(range.from, range.to) ?? [];
    yield* range.reverse === true ? found.reverse() : found;
  }

  block({ epochId, firstSeq }: StoredBatch, index: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.block(firstSeq, index);
  }

  uncheckedBlock(segment: StoredBatch, index: number): UncheckedBlock | undefined {
    const bytes = this.block(segment, index);
    const key = blockKey(segment.epochId, segment.firstSeq, index);
    return bytes && { key, record: sealRecord(key, bytes) };
  }

  async seal(write: SegmentWrite): Promise<boolean> {
    let isSealed = false;
    await this.#inOrder(() => {
      const { epochId } = write.segment;
      isSealed = this.#shelf(epochId).seal(write, this.#marks.get(epochId));
    });
    return isSealed;
  }

  thinCheckpoints(thinning: CheckpointThinning): Promise<void> {
    const { epochId } = thinning;
    return this.#inOrder(() => this.#shelf(epochId).thin(thinning, this.#marks.get(epochId)));
  }

  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.withSeq(seq);
  }

  damaged(_epochId: number): readonly DamagedRange[] {
    this.#assertOpen();
    return [];
  }

  violationsAt(t: Hlc, limit?: number, from: number = MIN_HLC): readonly ViolationRecord[] {
    this.#assertOpen();
    const holds = ({ receiveT, sendT }: ViolationRecord): boolean =>
      receiveT >= from && receiveT <= t && t < sendT;
    return this.#messages.violations(holds).slice(0, limit);
  }

  violationsBetween(from: Hlc, to: Hlc, limit?: number): readonly ViolationRecord[] {
    this.#assertOpen();
    return this.#messages.violations((v) => v.receiveT <= to && v.sendT >= from).slice(0, limit);
  }

  slowMessagesAt(t: Hlc, limit?: number): readonly SlowMessageRecord[] {
    this.#assertOpen();
    return this.#messages.slow((m) => m.sendT <= t && t < m.receiveT).slice(0, limit);
  }

  repairCount(epochId: number): number {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.repairCount ?? 0;
  }

  writeCheckpoint(checkpoint: CheckpointWrite): Promise<void> {
    const { epochId } = checkpoint;
    return this.#inOrder(() => {
      if (this.#isForgotten(epochId)) return;
      this.#shelf(epochId).putCheckpoint(checkpoint, this.#marks.get(epochId));
    });
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.directoryAt(epochId, t);
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.checkpoint(log, seq);
  }

  writeTiles(write: TilesWrite): Promise<void> {
    return this.#inOrder(() => {
      if (!this.#isForgotten(write.epochId)) this.#shelf(write.epochId).putTiles(write);
    });
  }

  tile(epochId: number, level: number, index: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.tile(level, index);
  }

  claimMessages(from: Hlc, until: Hlc): MessageStretch {
    this.#assertOpen();
    return this.#messages.claims.claim({ from, until });
  }

  giveUpMessages(claim: MessageStretch): void {
    this.#messages.claims.close(claim);
  }

  writeMessages(claim: MessageStretch, cells: readonly MessageCell[]): Promise<void> {
    return this.#inOrder(() => this.#messages.join(claim, cells));
  }

  messageStretches(): readonly MessageStretch[] {
    this.#assertOpen();
    return this.#messages.stretches;
  }

  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#messages.cell(from, level, index);
  }

  captures(): readonly StoredCapture[] {
    this.#assertOpen();
    return this.#captures.all();
  }

  writeCaptures({ put, remove }: CapturesWrite): Promise<void> {
    return this.#inOrder(() => this.#captures.write(put, remove));
  }

  monitors(): readonly StoredMonitor[] {
    this.#assertOpen();
    return this.#monitors.all();
  }

  writeMonitors({ put, remove }: MonitorsWrite): Promise<void> {
    return this.#inOrder(() => this.#monitors.write(put, remove));
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

  *pieces(epochId: number, seq: number): Iterable<StoredPiece> {
    this.#assertOpen();
    yield* this.#shelves.get(epochId)?.pieces(seq) ?? [];
  }

  prune(write: PruneWrite): Promise<void> {
    return this.#inOrder(() => {
      for (const mark of marksOf(write, (id) => this.#marks.get(id))) {
        const { epochId, t, isBlank } = mark;
        const directory = this.#shelves.get(epochId)?.directoryAt(epochId, t);
        if (isBlank !== true && directory?.t !== t) continue;
        this.#marks.set(mark);
        this.#messages.pruned(Math.min(t, (this.#epochs.get(epochId)?.lastT ?? MAX_HLC) + 1));
      }
      for (const id of write.forget) this.#epochs.delete(id);
      if (write.forget.length > 0) this.#epochList = undefined;
      if (write.gone !== undefined) this.#marks.setGone(write.gone);
    });
  }

  async sweep({ limit, messagesBefore }: SweepOptions): Promise<number> {
    let left = limit;
    await this.#inOrder(() => {
      for (const epochId of this.#marks.unswept) left -= this.#sweepEpoch(epochId, left);
      const removed = this.#messages.sweep(messagesBefore, left);
      left -= removed.length;
      this.#marks.setMessagesGone(withMessagesGone(this.#marks.messagesGone, removed));
    });
    return limit - left;
  }

  #sweepEpoch(epochId: number, limit: number): number {
    const shelf = this.#shelf(epochId);
    const isForgotten = !this.#epochs.has(epochId);
    let removed = shelf.sweep(this.#marks.get(epochId) as PrunedEpoch, limit);
    if (isForgotten) removed += shelf.side.clear(limit - removed);
    if (removed < limit) {
      if (isForgotten) this.#shelves.delete(epochId);
      this.#marks.swept(epochId, isForgotten);
    }
    return removed;
  }

  *sideBlocks(epochId: number, range: SideRange): Iterable<StoredSideBlock> {
    this.#assertOpen();
    yield* this.#shelves.get(epochId)?.side.within(range) ?? [];
  }

  async removeSideBlocks(removal: SideRemoval): Promise<number> {
    let left = removal.limit;
    await this.#inOrder(() => {
      for (const epochId of removal.epochIds) {
        left -= this.#shelves.get(epochId)?.side.remove({ ...removal, limit: left }) ?? 0;
      }
    });
    return removal.limit - left;
  }

  usage(): StoreUsage {
    this.#assertOpen();
    let usedBytes = 0;
    for (const { byteCount } of this.#shelves.values()) usedBytes += byteCount;
    for (const { bytes } of this.#saved.values()) usedBytes += bytes.length;
    return { usedBytes, fileBytes: usedBytes, disk: undefined };
  }

  saved(): readonly (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[] {
    this.#assertOpen();
    return [...this.#saved.values()]
      .sort((a, b) => a.number - b.number)
      .map(({ number, label, bytes }) => ({ number, label, byteCount: bytes.length }));
  }

  savedBytes(number: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#saved.get(number)?.bytes;
  }

  writeSaved(write: SavedWrite): Promise<void> {
    return this.#inOrder(() => {
      for (const one of write.put) this.#saved.set(one.number, structuredClone(one));
      for (const number of write.remove) this.#saved.delete(number);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#settled;
  }

  #shelf(epochId: number): EpochShelf {
    let shelf = this.#shelves.get(epochId);
    if (shelf === undefined) {
      shelf = new EpochShelf();
      this.#shelves.set(epochId, shelf);
    }
    return shelf;
  }

  #isForgotten(epochId: number): boolean {
    return epochId <= this.#lastEpochId && !this.#epochs.has(epochId);
  }

  #inOrder(store: () => void): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError());
    const done = this.#settled.then(store);
    this.#settled = done.catch(() => {}); // whoever comes after it is not to blame
    return done;
  }

  #refuseSecond({ id, node, epoch }: EpochRecord): void {
    if (this.#epochs.has(id)) return;
    for (const other of this.#epochs.values()) {
      if (other.id === id || other.node !== node || other.epoch !== epoch) continue;
      throw new RetroError(
        "internal",
        `epoch ${epoch} of ${node} has the id ${other.id}, not ${id}`,
      );
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closedError();
  }
}

function closedError(): RetroError {
  return new RetroError("closed", "the store is closed", {
    hint: "Nothing can be read or written after close().",
  });
}
