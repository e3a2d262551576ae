/**
 * The history store in memory: the slow and obvious twin of lmdb-store.ts, for tests and for
 * collectors that need not remember. It passes the same contract.
 *
 * Nothing here survives the process; "durable" means that the turn of the event loop is over, so
 * that callers who forget to wait fail here as they would on disk.
 */
import { type Hlc, type Json, MAX_HLC, RetroError } from "../../agent/kernel/index.ts";
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
import {
  marksOf,
  needsDirectory,
  needsState,
  PruneMarks,
  staleFrom,
  withMessagesGone,
} from "./prune-marks.ts";
import { isSegment } from "./segment-header.ts";
import { tileSpan } from "./tile-levels.ts";

/** The directory of a checkpoint of which only states are left, that later directories refer to. */
const NO_BYTES = new Uint8Array(0);

interface EpochShelf {
  /** Ascending by firstSeq. */
  batches: StoredBatch[];
  /** Blocks of segments, by firstSeq. */
  blocks: Map<number, readonly Uint8Array[]>;
  /** Ascending by t. */
  checkpoints: CheckpointWrite[];
  /** Bytes by level and index. */
  readonly tiles: Map<string, { readonly end: number; readonly bytes: Uint8Array }>;
  repairCount: number;
}

export class MemoryStore implements HistoryStore {
  readonly #epochs = new Map<number, EpochRecord>();
  readonly #shelves = new Map<number, EpochShelf>();
  #violations: ViolationRecord[] = [];
  #slowMessages: SlowMessageRecord[] = [];
  readonly #marks = new PruneMarks();
  readonly #saved = new Map<number, SavedRecord>();
  /** As JSON, by number. */
  readonly #captures = new Map<number, string>();
  readonly #monitors = new Map<number, string>();
  readonly #claims = new MessageClaims();
  #joined = new JoinedStretches();
  /** Cells by level and index, by the beginning of their stretch. */
  readonly #cells = new Map<number, ReadonlyMap<string, Uint8Array>>();
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
        const { batches } = this.#shelf(batch.epochId);
        batches.push({ ...batch, bytes: batch.bytes.slice() });
        batches.sort((a, b) => a.firstSeq - b.firstSeq);
        this.#claims.breakTouching(batch.firstT, batch.lastT);
        this.#joined = this.#joined.without(this.#joined.touching(batch.firstT, batch.lastT));
      }
      this.#violations.push(...write.violations);
      this.#slowMessages.push(...write.slowMessages);
      for (const { epochId, fromT } of write.staleCheckpoints) {
        const shelf = this.#shelf(epochId);
        const stale = staleFrom(fromT, this.#marks.get(epochId));
        shelf.repairCount += 1;
        for (const [key, { end }] of shelf.tiles) if (end > fromT) shelf.tiles.delete(key);
        shelf.checkpoints = shelf.checkpoints.filter(({ t }) => t < stale);
      }
    });
  }

  *batches(
    epochId: number,
    range: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    this.#assertOpen();
    const found = (this.#shelves.get(epochId)?.batches ?? []).filter(
      (batch) => batch.lastT >= range.from && batch.firstT <= range.to,
    );
    yield* range.reverse === true ? found.reverse() : found;
  }

  block({ epochId, firstSeq }: StoredBatch, index: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.blocks.get(firstSeq)?.[index];
  }

  seal({ replaced, segment, blocks, isRewritten = false }: SegmentWrite): Promise<boolean> {
    let isSealed = false;
    return this.#inOrder(() => {
      const shelf = this.#shelf(segment.epochId);
      const isReplaced = (one: StoredBatch): boolean =>
        isSegment(one.bytes) === isRewritten &&
        replaced.some(({ first, last }) => first === one.firstSeq && last === one.lastSeq);
      const rest = shelf.batches.filter((one) => !isReplaced(one));
      if ((this.#marks.get(segment.epochId)?.seq ?? 0) >= segment.firstSeq) return;
      if (rest.length + replaced.length !== shelf.batches.length) return;
      shelf.batches = [...rest, { ...segment, bytes: segment.bytes.slice() }];
      shelf.batches.sort((a, b) => a.firstSeq - b.firstSeq);
      const copies = blocks.map((bytes) => bytes.slice());
      shelf.blocks.set(segment.firstSeq, copies);
      isSealed = true;
    }).then(() => isSealed);
  }

  thinCheckpoints(thinning: CheckpointThinning): Promise<void> {
    const { epochId, repairCount, directories, states } = thinning;
    return this.#inOrder(() => {
      const shelf = this.#shelf(epochId);
      if (shelf.repairCount !== repairCount) return;
      const mark = this.#marks.get(epochId);
      const isThinned = (t: Hlc): boolean => directories.includes(t) && !needsDirectory(mark, t);
      const isGone = (log: string, seq: number): boolean =>
        states.some((one) => one.log === log && one.seq === seq) && !needsState(mark, log, seq);
      shelf.checkpoints = shelf.checkpoints.map((one) => ({
        ...one,
        logs: one.logs.filter(({ log }) => !isGone(log, one.seq)),
        directory: isThinned(one.t) ? NO_BYTES : one.directory,
      }));
    });
  }

  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined {
    this.#assertOpen();
    return this.#shelves
      .get(epochId)
      ?.batches.find((batch) => batch.firstSeq <= seq && seq <= batch.lastSeq);
  }

  damaged(_epochId: number): readonly DamagedRange[] {
    this.#assertOpen();
    return [];
  }

  violationsAt(t: Hlc, limit?: number): readonly ViolationRecord[] {
    this.#assertOpen();
    const found = this.#violations.filter((v) => v.receiveT <= t && t < v.sendT);
    return found.sort(byReceive).slice(0, limit);
  }

  violationsBetween(from: Hlc, to: Hlc, limit?: number): readonly ViolationRecord[] {
    this.#assertOpen();
    const found = this.#violations.filter((v) => v.receiveT <= to && v.sendT >= from);
    return found.sort(byReceive).slice(0, limit);
  }

  slowMessagesAt(t: Hlc, limit?: number): readonly SlowMessageRecord[] {
    this.#assertOpen();
    return this.#slowMessages
      .filter((m) => m.sendT <= t && t < m.receiveT)
      .sort((a, b) => a.sendT - b.sendT)
      .slice(0, limit);
  }

  repairCount(epochId: number): number {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.repairCount ?? 0;
  }

  writeCheckpoint(checkpoint: CheckpointWrite): Promise<void> {
    return this.#inOrder(() => {
      const shelf = this.#shelf(checkpoint.epochId);
      if (checkpoint.repairCount !== shelf.repairCount) return;
      if (this.#isForgotten(checkpoint.epochId)) return;
      const mark = this.#marks.get(checkpoint.epochId);
      if (mark !== undefined && checkpoint.t < mark.t) return;
      shelf.checkpoints = shelf.checkpoints.filter(({ t }) => t !== checkpoint.t);
      shelf.checkpoints.push(checkpoint);
      shelf.checkpoints.sort((a, b) => a.t - b.t);
    });
  }

  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined {
    this.#assertOpen();
    const found = this.#shelves
      .get(epochId)
      ?.checkpoints.findLast((one) => one.t <= t && one.directory !== NO_BYTES);
    return found && { epochId, seq: found.seq, t: found.t, bytes: found.directory };
  }

  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#shelves
      .get(epochId)
      ?.checkpoints.find((one) => one.seq === seq)
      ?.logs.find((one) => one.log === log)?.bytes;
  }

  writeTiles({ epochId, repairCount, tiles }: TilesWrite): Promise<void> {
    return this.#inOrder(() => {
      const shelf = this.#shelf(epochId);
      if (repairCount !== shelf.repairCount || this.#isForgotten(epochId)) return;
      for (const { level, index, bytes } of tiles) {
        shelf.tiles.set(`${level}/${index}`, { end: (index + 1) * tileSpan(level), bytes });
      }
    });
  }

  tile(epochId: number, level: number, index: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#shelves.get(epochId)?.tiles.get(`${level}/${index}`)?.bytes;
  }

  claimMessages(from: Hlc, until: Hlc): MessageStretch {
    this.#assertOpen();
    return this.#claims.claim({ from, until });
  }

  giveUpMessages(claim: MessageStretch): void {
    this.#claims.close(claim);
  }

  writeMessages(claim: MessageStretch, cells: readonly MessageCell[]): Promise<void> {
    return this.#inOrder(() => {
      if (!this.#claims.isOpen(claim)) return;
      this.#claims.close(claim);
      this.#joined = this.#joined.with(claim);
      const byPlace = cells.map(({ level, index, bytes }) => [`${level}/${index}`, bytes] as const);
      this.#cells.set(claim.from, new Map(byPlace));
    });
  }

  messageStretches(): readonly MessageStretch[] {
    this.#assertOpen();
    return this.#joined.all;
  }

  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    this.#assertOpen();
    return this.#cells.get(from)?.get(`${level}/${index}`);
  }

  captures(): readonly StoredCapture[] {
    this.#assertOpen();
    return numbered(this.#captures);
  }

  monitors(): readonly StoredMonitor[] {
    this.#assertOpen();
    return numbered(this.#monitors);
  }

  writeMonitors(write: MonitorsWrite): Promise<void> {
    return this.#inOrder(() => {
      for (const { number, body } of write.put) this.#monitors.set(number, JSON.stringify(body));
      for (const number of write.remove) this.#monitors.delete(number);
    });
  }

  writeCaptures(write: CapturesWrite): Promise<void> {
    return this.#inOrder(() => {
      for (const { number, body } of write.put) this.#captures.set(number, JSON.stringify(body));
      for (const number of write.remove) this.#captures.delete(number);
    });
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
    for (const batch of this.#shelves.get(epochId)?.batches ?? []) {
      const { firstSeq: first, lastSeq: last, firstT, lastT, arrivalMs, bytes } = batch;
      if (last <= seq) continue;
      const blocks = this.#shelves.get(epochId)?.blocks.get(first) ?? [];
      const byteCount = blocks.reduce((sum, one) => sum + one.length, bytes.length);
      yield { first, last, firstT, lastT, arrivalMs, byteCount };
    }
  }

  prune(write: PruneWrite): Promise<void> {
    return this.#inOrder(() => {
      for (const mark of marksOf(write, (id) => this.#marks.get(id))) {
        const { epochId, t, isBlank } = mark;
        if (isBlank !== true && this.directoryAt(epochId, t)?.t !== t) continue;
        this.#marks.set(mark);
        const before = Math.min(mark.t, (this.#epochs.get(mark.epochId)?.lastT ?? MAX_HLC) + 1);
        this.#claims.breakTouching(Number.NEGATIVE_INFINITY, before - 1);
        const dropped = this.#joined.all.filter(({ from }) => from < before);
        for (const { from } of dropped) this.#cells.delete(from);
        this.#joined = this.#joined.without(dropped);
      }
      for (const id of write.forget) this.#epochs.delete(id);
      if (write.forget.length > 0) this.#epochList = undefined;
      if (write.gone !== undefined) this.#marks.setGone(write.gone);
    });
  }

  async sweep({ limit, messagesBefore }: SweepOptions): Promise<number> {
    let left = limit;
    const removed: [start: number, end: number][] = [];
    const takes = ({ sendT, receiveT }: ViolationRecord): boolean => {
      if (left <= 0 || Math.max(sendT, receiveT) >= messagesBefore) return false;
      left -= 1;
      removed.push([Math.min(sendT, receiveT), Math.max(sendT, receiveT)]);
      return true;
    };
    await this.#inOrder(() => {
      for (const epochId of this.#marks.unswept) left -= this.#sweepEpoch(epochId, left);
      this.#violations = this.#violations.filter((one) => !takes(one));
      this.#slowMessages = this.#slowMessages.filter((one) => !takes(one));
      this.#marks.setMessagesGone(withMessagesGone(this.#marks.messagesGone, removed));
    });
    return limit - left;
  }

  #sweepEpoch(epochId: number, limit: number): number {
    const mark = this.#marks.get(epochId) as PrunedEpoch;
    const shelf = this.#shelf(epochId);
    const isKept = (log: string, seq: number): boolean =>
      seq >= mark.seq || mark.keep.some((one) => one.log === log && one.seq === seq);
    let left = limit;
    const takes = (isPruned: boolean): boolean => {
      if (!isPruned || left <= 0) return false;
      left -= 1;
      return true;
    };
    shelf.batches = shelf.batches.filter((one) => !takes(one.lastSeq <= mark.seq));
    const kept = new Set(shelf.batches.map(({ firstSeq }) => firstSeq));
    for (const firstSeq of shelf.blocks.keys()) {
      if (!kept.has(firstSeq)) shelf.blocks.delete(firstSeq);
    }
    shelf.checkpoints = shelf.checkpoints.flatMap((one) => {
      if (one.seq >= mark.seq) return [one];
      const logs = one.logs.filter(({ log }) => !takes(!isKept(log, one.seq)));
      return logs.length === 0 ? [] : [{ ...one, logs, directory: NO_BYTES }];
    });
    for (const [key, { end }] of shelf.tiles) {
      if (takes(end <= mark.t + 1)) shelf.tiles.delete(key);
    }
    if (left > 0) {
      const isForgotten = !this.#epochs.has(epochId);
      if (isForgotten) this.#shelves.delete(epochId);
      this.#marks.swept(epochId, isForgotten);
    }
    return limit - left;
  }

  usage(): StoreUsage {
    this.#assertOpen();
    let usedBytes = 0;
    for (const { batches, blocks, checkpoints } of this.#shelves.values()) {
      for (const { bytes } of batches) usedBytes += bytes.length;
      for (const bytes of [...blocks.values()].flat()) usedBytes += bytes.length;
      for (const { directory, logs } of checkpoints) {
        usedBytes += directory.length;
        for (const { bytes } of logs) usedBytes += bytes.length;
      }
    }
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
      shelf = {
        batches: [],
        blocks: new Map(),
        checkpoints: [],
        tiles: new Map(),
        repairCount: 0,
      };
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

function byReceive(a: ViolationRecord, b: ViolationRecord): number {
  return a.receiveT - b.receiveT;
}

function closedError(): RetroError {
  return new RetroError("closed", "the store is closed", {
    hint: "Nothing can be read or written after close().",
  });
}

/** In order of their numbers. */
function numbered(
  texts: ReadonlyMap<number, string>,
): { readonly number: number; readonly body: Json }[] {
  return [...texts]
    .sort(([a], [b]) => a - b)
    .map(([number, text]) => ({ number, body: JSON.parse(text) as Json }));
}
