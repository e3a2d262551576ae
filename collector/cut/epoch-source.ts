/**
 * Reads one epoch out of the store: decoded batches, lost ranges, and its state at a time.
 *
 *     directory at or before T      state at T
 *     |  states of the logs  |----- events replayed ----->|
 *
 * Whatever is missing on the way (a directory, a state, the keys it refers to) only makes the way
 * longer: an earlier directory, or the beginning of the epoch.
 */
import {
  type Hlc,
  type LostRange,
  MAX_HLC,
  MIN_HLC,
  RetroError,
} from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore, StoredBatch } from "../store/history-store.ts";
import { ALL_BLOCKS, type BlockChoice, type ReadRows } from "../store/segment-reader.ts";
import { type EventRows, rowFrom, seqAt } from "../store/segment-rows.ts";
import { BatchRead, type StoredPart } from "./batch-read.ts";
import { type Directory, decodeDirectory } from "./checkpoint-codec.ts";
import { DecodedEvents } from "./decoded-events.ts";
import { EpochView } from "./epoch-view.ts";
import { KeptStates } from "./kept-states.ts";
import type { CutLimits } from "./limits.ts";
import { viewBehind } from "./pruned.ts";

/** Directories tried, going back, before the epoch is replayed from its beginning. */
const DIRECTORY_TRIES = 8;

interface ReadOptions {
  readonly reverse?: boolean;
  /** Default: all blocks. */
  readonly choice?: BlockChoice;
  /** What ends at or before it is not decoded. Default: 0. */
  readonly afterSeq?: number;
}

export class EpochSource {
  readonly store: HistoryStore;
  readonly #decoded: DecodedEvents;
  readonly #states: KeptStates;
  readonly #reads = new Set<BatchRead>();

  constructor(store: HistoryStore, limits: CutLimits) {
    this.store = store;
    this.#decoded = new DecodedEvents(store, limits);
    this.#states = new KeptStates(store, limits);
  }

  /** Forgets what is decoded: for benches. */
  dropCaches(): void {
    this.#decoded.dropCaches();
    this.#states.dropCaches();
  }

  /**
   * Events of the batches and segments that overlap t in [from, to], in seq order or backwards. Of segments
   * only what is chosen is decoded; where a block cannot be read the events break off, as at a hole.
   */
  *batches(
    epochId: number,
    from: Hlc,
    to: Hlc,
    { reverse = false, choice = ALL_BLOCKS, afterSeq = 0 }: ReadOptions = {},
  ): Generator<EventRows> {
    for (const part of this.parts(epochId, from, to, reverse)) {
      if (part.lastSeq <= afterSeq) continue;
      const pieces = this.#decoded.piecesOf(part, choice);
      yield* reverse ? pieces.reverse() : pieces;
    }
  }

  /** The same batches and segments, not decoded. */
  *parts(epochId: number, from: Hlc, to: Hlc, reverse = false): Generator<StoredPart> {
    const read = new BatchRead(this.store, epochId, { from, to, reverse });
    this.#reads.add(read);
    try {
      for (let part = read.next(); part !== undefined; part = read.next()) {
        if (!this.isPruned(part.stored)) yield part;
      }
    } finally {
      this.#reads.delete(read);
      read.pause();
    }
  }

  /**
   * About how many events lie in [from, to], told by the seqs of the batches at both ends, of which a part
   * counts by time.
   */
  eventsBetween(epochId: number, from: Hlc, to: Hlc): number {
    const [first] = this.store.batches(epochId, { from, to });
    const [last] = this.store.batches(epochId, { from, to, reverse: true });
    if (first === undefined || last === undefined) return 0;
    return seqNear(last, to) - seqNear(first, from);
  }

  /** What is stored of an epoch from `from` on, in seq order, as it lies there. */
  *stored(epochId: number, from: Hlc): Generator<StoredBatch> {
    const read = new BatchRead(this.store, epochId, { from, to: MAX_HLC, reverse: false });
    this.#reads.add(read);
    try {
      for (let part = read.next(); part !== undefined; part = read.next()) yield part.stored;
    } finally {
      this.#reads.delete(read);
      read.pause();
    }
  }

  /** Whether retention has taken the batch out of history: it may still be stored. */
  isPruned({ epochId, lastSeq }: StoredBatch): boolean {
    return lastSeq <= (this.store.pruned(epochId)?.seq ?? 0);
  }

  /** Ends every read of the store that is under way; each goes on where it was with its next batch. */
  pauseReads(): void {
    for (const read of this.#reads) read.pause();
  }

  /** What is stored, decoded, from memory if it was lately; undefined if nothing of it can be read. */
  decoded(stored: StoredBatch, choice?: BlockChoice): ReadRows | undefined {
    return this.#decoded.of(stored, choice);
  }

  /** What was declared lost, and what was stored and cannot be read; by firstSeq. */
  lostRanges(record: EpochRecord): readonly LostRange[] {
    return this.#decoded.lostRanges(record);
  }

  /**
   * Whether anything of [from, to] is known to be damaged, or any messages. What is worked out over it must
   * not be kept: a later start would not read it again, and not know.
   */
  isDamagedBetween(epochId: number, from: number, to: number, onlyMessages = false): boolean {
    return this.#decoded
      .damaged(epochId)
      .some(
        ({ firstT, lastT, block }) =>
          firstT <= to && lastT >= from && (!onlyMessages || block?.messages !== false),
      );
  }

  /** The seq of the last stored event at or before `t`, of whatever kind; 0: there is none. */
  lastSeqBy(epochId: number, t: Hlc): number {
    for (const batch of this.batches(epochId, MIN_HLC, t, { reverse: true })) {
      const end = indexAfter(batch.events.t, t, batch.events.count);
      if (end > 0) return seqAt(batch, end - 1);
    }
    return 0;
  }

  /** The state of an epoch at `t`, of these logs or of all. */
  viewAt(record: EpochRecord, t: Hlc, logs?: ReadonlySet<string>): EpochView {
    const view = this.startBefore(record.id, t, logs) ?? new EpochView(logs);
    this.advance(view, record, t);
    return view;
  }

  /**
   * The view of the latest directory at or before `t` that can be read; of an epoch that is pruned at
   * least one of which nothing is known. Undefined: to be replayed from the beginning.
   */
  startBefore(epochId: number, t: Hlc, logs?: ReadonlySet<string>): EpochView | undefined {
    const mark = this.store.pruned(epochId);
    let latest = t;
    for (let tries = 0; tries < DIRECTORY_TRIES; tries += 1) {
      const directory = this.store.directoryAt(epochId, latest);
      if (directory === undefined || (mark !== undefined && directory.t < mark.t)) break;
      const view = this.#states.viewOf(directory, logs);
      if (view !== undefined) return view;
      latest = (directory.t - 1) as Hlc;
    }
    return mark && viewBehind(mark, logs);
  }

  /** The latest directory at or before `t`, if it can be read. */
  directoryBefore(
    epochId: number,
    t: Hlc,
  ): { readonly seq: number; readonly t: Hlc; readonly directory: Directory } | undefined {
    const record = this.store.directoryAt(epochId, t);
    if (record === undefined || record.t < (this.store.pruned(epochId)?.t ?? record.t)) {
      return undefined;
    }
    try {
      return { seq: record.seq, t: record.t, directory: decodeDirectory(record.bytes) };
    } catch (error) {
      if (error instanceof RetroError) return undefined;
      throw error;
    }
  }

  /**
   * Moves a view forward to `t`: applies every event after its seq with a time up to `t`, and the lost
   * ranges that begin before those events or by `t`.
   */
  advance(view: EpochView, record: EpochRecord, t: Hlc): void {
    const choice = blocksOfView(view.only);
    // The segment that ends where the view begins overlaps its time: nothing of it is left to apply.
    const rest = { choice, afterSeq: view.seq };
    for (const batch of this.batches(record.id, view.t, t, rest)) {
      const { events } = batch;
      const start = rowFrom(batch, view.seq + 1);
      if (start >= events.count) continue;
      const end = indexAfter(events.t, t, events.count);
      if (end <= start) break;
      this.#applyLostBefore(view, record, seqAt(batch, start));
      // A lost range covers all its seqs: folded ones lie over stored events (history-store.ts).
      const first = rowFrom(batch, view.seq + 1);
      if (first < end) view.applyEvents(batch, first, end);
    }
    // Asked for only now: reading may have found damage.
    for (const range of this.lostRanges(record)) {
      if (view.awaits(range) && range.firstT <= t) view.applyLost(range);
    }
    view.t = t > view.t ? t : view.t;
  }

  #applyLostBefore(view: EpochView, record: EpochRecord, seq: number): void {
    const ranges = this.lostRanges(record);
    if (ranges.length === 0) return;
    for (const range of ranges) {
      if (view.awaits(range) && range.firstSeq < seq) view.applyLost(range);
    }
  }
}

/** About which seq of a batch stands at `t`. */
function seqNear({ firstSeq, lastSeq, firstT, lastT }: StoredBatch, t: Hlc): number {
  const share = (t - firstT) / Math.max(1, lastT - firstT);
  return firstSeq + (lastSeq - firstSeq) * Math.min(1, Math.max(0, share));
}

/** The first index in the rising `times[0, count)` whose time is later than `t`. */
export function indexAfter(times: Float64Array, t: Hlc, count: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What changes a view that follows these logs, or all. */
export function blocksOfView(logs: ReadonlySet<string> | undefined): BlockChoice {
  return { logs, messages: true, rest: false };
}

/** A time before every event. */
export const BEFORE_ALL: Hlc = (MIN_HLC - 1) as Hlc;
