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
  type Batch,
  decodeBatch,
  type Hlc,
  type LostRange,
  MIN_HLC,
  RetroError,
} from "../../agent/kernel/index.ts";
import type {
  DamagedRange,
  DirectoryRecord,
  EpochRecord,
  HistoryStore,
  StoredBatch,
} from "../store/history-store.ts";
import { BatchRead } from "./batch-read.ts";
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

export class EpochSource {
  readonly store: HistoryStore;
  readonly #blocks: LruCache<string, Batch>;
  /** Batches decoded lately. */
  readonly #readOnce = new LruCache<string, true>(READ_ONCE);
  readonly #keyLists: LruCache<string, KeyList>;
  readonly #reads = new Set<BatchRead>();
  /** Batches that the codec refused, by epoch: to readers, lost ranges. */
  readonly #unreadable = new Map<number, Map<number, DamagedRange>>();

  constructor(store: HistoryStore, limits: CutLimits) {
    this.store = store;
    this.#blocks = new LruCache(limits.blockCacheBytes);
    this.#keyLists = new LruCache(limits.keyListCacheBytes);
  }

  /** Forgets what is decoded: for benches. */
  dropCaches(): void {
    this.#blocks.clear();
    this.#readOnce.clear();
    this.#keyLists.clear();
  }

  /** Decoded batches that overlap t in [from, to], in seq order or backwards. */
  *batches(epochId: number, from: Hlc, to: Hlc, reverse = false): Generator<Batch> {
    const read = new BatchRead(this.store, epochId, { from, to, reverse });
    this.#reads.add(read);
    try {
      for (let stored = read.next(); stored !== undefined; stored = read.next()) {
        const batch = this.decoded(stored);
        if (batch !== undefined) yield batch;
      }
    } finally {
      this.#reads.delete(read);
      read.pause();
    }
  }

  /**
   * About how many events lie in [from, to], told by the seqs of the batches at both ends, of which a part
   * counts by time. 0 if at most two batches do: those are read as quickly as they are counted.
   */
  eventsBetween(epochId: number, from: Hlc, to: Hlc): number {
    const [first] = this.store.batches(epochId, { from, to });
    const [last] = this.store.batches(epochId, { from, to, reverse: true });
    if (first === undefined || last === undefined) return 0;
    if (last.firstSeq <= first.lastSeq + 1) return 0;
    return seqAt(last, to) - seqAt(first, from);
  }

  /** Ends every read of the store that is under way; each goes on where it was with its next batch. */
  pauseReads(): void {
    for (const read of this.#reads) read.pause();
  }

  /** A stored batch decoded, from memory if it was lately; undefined if it cannot be read. */
  decoded(stored: StoredBatch): Batch | undefined {
    const key = `${stored.epochId}/${stored.firstSeq}/${stored.lastSeq}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    try {
      const batch = decodeBatch(stored.bytes);
      // Kept from the second time on: what is read once dies young, which is what collectors are good at.
      if (this.#readOnce.get(key) === undefined) this.#readOnce.set(key, true, 1);
      else this.#blocks.set(key, batch, sizeOf(batch, stored.bytes.length));
      return batch;
    } catch (error) {
      if (!(error instanceof RetroError)) throw error;
      this.#noteUnreadable(stored);
      return undefined;
    }
  }

  #noteUnreadable(stored: StoredBatch): void {
    const { epochId, firstSeq, lastSeq, firstT, lastT } = stored;
    const known = this.#unreadable.get(epochId) ?? new Map<number, DamagedRange>();
    this.#unreadable.set(epochId, known);
    known.set(firstSeq, { epochId, first: firstSeq, last: lastSeq, firstT, lastT });
  }

  /** What was declared lost, and what was stored and cannot be read; by firstSeq. */
  lostRanges(record: EpochRecord): readonly LostRange[] {
    const damaged = this.store.damaged(record.id);
    const refused = this.#unreadable.get(record.id);
    if (damaged.length === 0 && refused === undefined) return record.lost;
    const seqs = new Map<number, DamagedRange>(refused);
    for (const range of damaged) seqs.set(range.first, range);
    return [...record.lost, ...[...seqs.values()].map(lostByDamage)].sort(
      (a, b) => a.firstSeq - b.firstSeq,
    );
  }

  /** The state of an epoch at `t`, of these logs or of all. */
  viewAt(record: EpochRecord, t: Hlc, logs?: ReadonlySet<string>): EpochView {
    const view = this.startBefore(record.id, t, logs) ?? new EpochView(logs);
    this.advance(view, record, t);
    return view;
  }

  /** The view of the latest directory at or before `t` that can be read. */
  startBefore(epochId: number, t: Hlc, logs?: ReadonlySet<string>): EpochView | undefined {
    let latest = t;
    for (let tries = 0; tries < DIRECTORY_TRIES; tries += 1) {
      const directory = this.store.directoryAt(epochId, latest);
      if (directory === undefined) return undefined;
      const view = this.#load(directory, logs);
      if (view !== undefined) return view;
      latest = (directory.t - 1) as Hlc;
    }
    return undefined;
  }

  /** The latest directory at or before `t`, if it can be read. */
  directoryBefore(
    epochId: number,
    t: Hlc,
  ): { readonly seq: number; readonly t: Hlc; readonly directory: Directory } | undefined {
    const record = this.store.directoryAt(epochId, t);
    if (record === undefined) return undefined;
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
    for (const batch of this.batches(record.id, view.t, t)) {
      const { header, events } = batch;
      if (header.lastSeq <= view.seq) continue;
      const start = Math.max(0, view.seq + 1 - header.firstSeq);
      const end = indexAfter(events.t, t, events.count);
      if (end <= start) break;
      this.#applyLostBefore(view, record, header.firstSeq + start);
      // A lost range covers all its seqs: folded ones lie over stored events (history-store.ts).
      const first = Math.max(start, view.seq + 1 - header.firstSeq);
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
function seqAt({ firstSeq, lastSeq, firstT, lastT }: StoredBatch, t: Hlc): number {
  const share = (t - firstT) / Math.max(1, lastT - firstT);
  return firstSeq + (lastSeq - firstSeq) * Math.min(1, Math.max(0, share));
}

function lostByDamage({ first, last, firstT, lastT }: DamagedRange): LostRange {
  return {
    firstSeq: first,
    lastSeq: last,
    firstT,
    lastT,
    logs: null,
    messages: true,
    reason: "refused",
  };
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

/** A body may hold a whole keyframe and a value a large document: their size shows in the bytes only. */
function sizeOf({ events }: Batch, wireBytes: number): number {
  const named = events.values.length + events.bodies.length;
  const objects = events.variables.length + named;
  const columns = events.t.length * EVENT_BYTES + objects * OBJECT_BYTES + OBJECT_BYTES;
  return named === 0 ? columns : Math.max(columns, wireBytes * OBJECTS_PER_BYTE);
}

/** A time before every event. */
export const BEFORE_ALL: Hlc = (MIN_HLC - 1) as Hlc;
