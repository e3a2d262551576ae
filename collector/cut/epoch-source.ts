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
  type VariableRef,
} from "../../agent/kernel/index.ts";
import type {
  DamagedRange,
  DirectoryRecord,
  EpochRecord,
  HistoryStore,
  StoredBatch,
} from "../store/history-store.ts";
import { damagedBlockOf, isSegment } from "../store/segment-header.ts";
import {
  ALL_BLOCKS,
  type BlockChoice,
  type ReadRows,
  readStored,
} from "../store/segment-reader.ts";
import { type EventRows, partOf, rowFrom, seqAt } from "../store/segment-rows.ts";
import { BatchRead, type StoredPart } from "./batch-read.ts";
import {
  type Directory,
  decodeDirectory,
  decodeKeyList,
  decodeLogState,
} from "./checkpoint-codec.ts";
import { EpochView } from "./epoch-view.ts";
import { isSameList, type KeyList, type KeyListName } from "./key-list.ts";
import type { CutLimits } from "./limits.ts";
import type { LogImage } from "./log-image.ts";
import { LruCache } from "./lru-cache.ts";
import { viewBehind } from "./pruned.ts";

/** Directories tried, going back, before the epoch is replayed from its beginning. */
const DIRECTORY_TRIES = 8;
/** Names of batches remembered, to know one that is read a second time. */
const READ_ONCE = 8_192;
/** What a decoded event takes in columns. */
const EVENT_BYTES = 26;
/** Bytes that a byte of values or bodies becomes when it is decoded, about: measured 7 for keyframes. */
const OBJECTS_PER_BYTE = 8;
/** A rough cost of an object, a string or a small array. */
const OBJECT_BYTES = 120;

interface ReadOptions {
  readonly reverse?: boolean;
  /** Default: all blocks. */
  readonly choice?: BlockChoice;
}

export class EpochSource {
  readonly store: HistoryStore;
  readonly #blocks: LruCache<string, ReadRows>;
  /** Batches decoded lately. */
  readonly #readOnce = new LruCache<string, true>(READ_ONCE);
  readonly #keyLists: LruCache<string, KeyList>;
  /** Variables of blocks, by the names of their lists. */
  readonly #variables: LruCache<string, readonly VariableRef[]>;
  readonly #variableMemory: {
    get(name: string): readonly VariableRef[] | undefined;
    set(name: string, variables: readonly VariableRef[]): void;
  };
  readonly #reads = new Set<BatchRead>();
  /** Batches that the codec refused, by epoch: to readers, lost ranges. */
  readonly #unreadable = new Map<number, Map<number, DamagedRange>>();

  constructor(store: HistoryStore, limits: CutLimits) {
    this.store = store;
    this.#blocks = new LruCache(limits.blockCacheBytes);
    this.#keyLists = new LruCache(limits.keyListCacheBytes);
    const variables = new LruCache<string, readonly VariableRef[]>(limits.keyListCacheBytes);
    this.#variables = variables;
    this.#variableMemory = {
      get: (name) => variables.get(name),
      set: (name, list) => variables.set(name, list, (list.length + 1) * OBJECT_BYTES),
    };
  }

  /** Forgets what is decoded: for benches. */
  dropCaches(): void {
    this.#blocks.clear();
    this.#readOnce.clear();
    this.#keyLists.clear();
    this.#variables.clear();
  }

  /**
   * Events of the batches and segments that overlap t in [from, to], in seq order or backwards. Of segments
   * only what is chosen is decoded; where a block cannot be read the events break off, as at a hole.
   */
  *batches(
    epochId: number,
    from: Hlc,
    to: Hlc,
    { reverse = false, choice = ALL_BLOCKS }: ReadOptions = {},
  ): Generator<EventRows> {
    for (const part of this.parts(epochId, from, to, reverse)) {
      const pieces = this.#piecesOf(part, choice);
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

  /** A lost range of a block begins inside its segment: what comes after it is a piece of its own. */
  #piecesOf({ stored, firstSeq, lastSeq }: StoredPart, choice: BlockChoice): EventRows[] {
    const read = this.decoded(stored, choice);
    if (read === undefined) return [];
    const missing = read.damaged
      .map(({ firstOffset }) => stored.firstSeq + firstOffset)
      .filter((seq) => seq >= firstSeq && seq <= lastSeq)
      .sort((a, b) => a - b);
    const pieces: EventRows[] = [];
    let first = firstSeq;
    for (const seq of missing) {
      if (seq > first) pieces.push(partOf(read.rows, first, seq - 1));
      first = seq + 1;
    }
    if (first <= lastSeq) pieces.push(partOf(read.rows, first, lastSeq));
    return pieces;
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
  decoded(stored: StoredBatch, choice: BlockChoice = ALL_BLOCKS): ReadRows | undefined {
    const of = isSegment(stored.bytes) ? nameOf(choice) : "";
    const key = `${stored.epochId}/${stored.firstSeq}/${stored.lastSeq}/${of}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    try {
      const read = readStored(stored, this.store, choice, this.#variableMemory);
      for (const index of read.damagedIndexes) this.#noteUnreadable(damagedBlockOf(stored, index));
      // Kept from the second time on: what is read once dies young, which is what collectors are good at.
      if (this.#readOnce.get(key) === undefined) this.#readOnce.set(key, true, 1);
      else this.#blocks.set(key, read, sizeOf(read));
      return read;
    } catch (error) {
      if (!(error instanceof RetroError)) throw error;
      const { epochId, firstSeq: first, lastSeq: last, firstT, lastT } = stored;
      this.#noteUnreadable({ epochId, first, last, firstT, lastT });
      return undefined;
    }
  }

  #noteUnreadable(range: DamagedRange): void {
    const known = this.#unreadable.get(range.epochId) ?? new Map<number, DamagedRange>();
    this.#unreadable.set(range.epochId, known);
    known.set(range.first, range);
  }

  /** What was declared lost, and what was stored and cannot be read; by firstSeq. */
  lostRanges(record: EpochRecord): readonly LostRange[] {
    const damaged = this.store.damaged(record.id);
    const refused = this.#unreadable.get(record.id);
    const mark = this.store.pruned(record.id);
    if (mark !== undefined) return this.#allLost(record).filter((one) => one.lastSeq > mark.seq);
    if (damaged.length === 0 && refused === undefined) return record.lost;
    return this.#allLost(record);
  }

  #allLost(record: EpochRecord): LostRange[] {
    const damaged = this.store.damaged(record.id);
    const refused = this.#unreadable.get(record.id);
    const seqs = new Map<number, DamagedRange>(refused);
    for (const range of damaged) seqs.set(range.first, range);
    return [...record.lost, ...[...seqs.values()].map(lostByDamage)].sort(
      (a, b) => a.firstSeq - b.firstSeq,
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
      const view = this.#load(directory, logs);
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

  #load(record: DirectoryRecord, logs?: ReadonlySet<string>): EpochView | undefined {
    try {
      const directory = decodeDirectory(record.bytes);
      const view = new EpochView(logs);
      for (const [log, seq] of directory.logs) {
        if (!view.follows(log)) continue;
        const image = this.#logState(record.epochId, log, seq);
        if (image === undefined) return undefined;
        view.logs.set(log, image);
      }
      view.lost = directory.lost;
      view.senders.addRows(directory.senders, directory.moreSendersFrom);
      view.lastSendT = directory.lastSendT;
      view.lastReceiveT = directory.lastReceiveT;
      view.seq = record.seq;
      view.t = record.t;
      return view;
    } catch (error) {
      if (error instanceof RetroError) return undefined;
      throw error;
    }
  }

  #logState(epochId: number, log: string, seq: number): LogImage | undefined {
    const bytes = this.store.checkpoint(epochId, log, seq);
    if (bytes === undefined) return undefined;
    return decodeLogState(bytes, (listSeq, name) => this.#keyList(epochId, log, listSeq, name));
  }

  /** By what is in it, not by where it stands: lists are written anew now and then, mostly unchanged. */
  #keyList(epochId: number, log: string, seq: number, name: KeyListName): KeyList | undefined {
    const known = `${epochId}/${name.count}/${name.hash}/${name.otherHash}/${log}`;
    const found = this.#keyLists.get(known);
    if (found !== undefined) return found;
    const bytes = this.store.checkpoint(epochId, log, seq);
    const list = bytes === undefined ? undefined : decodeKeyList(bytes);
    if (list === undefined || !isSameList(list.name, name)) return undefined;
    this.#keyLists.set(known, list, list.bytes);
    return list;
  }

  /**
   * Moves a view forward to `t`: applies every event after its seq with a time up to `t`, and the lost
   * ranges that begin before those events or by `t`.
   */
  advance(view: EpochView, record: EpochRecord, t: Hlc): void {
    const choice = blocksOfView(view.only);
    for (const batch of this.batches(record.id, view.t, t, { choice })) {
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

/** A lost range that knows how many events are missing: they are not all of its seqs. */
export interface CountedLoss extends LostRange {
  readonly eventCount?: number;
}

/**
 * Of a block only the first seq counts as lost: the log is unknown from there on, until its variables are
 * set again, and the seqs after it may be those of other blocks, which are there.
 */
function lostByDamage({ first, last, firstT, lastT, block }: DamagedRange): CountedLoss {
  const times = { firstSeq: first, firstT, lastT, reason: "refused" as const };
  if (block === undefined) return { ...times, lastSeq: last, logs: null, messages: true };
  const { log, messages, eventCount } = block;
  return { ...times, lastSeq: first, logs: log === undefined ? [] : [log], messages, eventCount };
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

/** By which what is decoded of a segment is remembered. */
function nameOf({ logs, messages, rest }: BlockChoice): string {
  const kinds = `${messages ? "m" : ""}${rest ? "r" : ""}`;
  return logs === undefined ? kinds : `${kinds}/${JSON.stringify([...logs].sort())}`;
}

/** A body may hold a whole keyframe and a value a large document: their size shows in the bytes only. */
function sizeOf({ rows: { events }, byteCount }: ReadRows): number {
  const named = events.values.length + events.bodies.length;
  const objects = events.variables.length + named;
  const columns = events.t.length * EVENT_BYTES + objects * OBJECT_BYTES + OBJECT_BYTES;
  return named === 0 ? columns : Math.max(columns, byteCount * OBJECTS_PER_BYTE);
}

/** A time before every event. */
export const BEFORE_ALL: Hlc = (MIN_HLC - 1) as Hlc;
