/**
 * What is stored, decoded: batches and segments as rows, remembered while they are asked for. What cannot be
 * read is noted here; with what the store found damaged it makes up the lost ranges of an epoch.
 */
import { type LostRange, RetroError, type VariableRef } from "../../agent/kernel/index.ts";
import type {
  DamagedRange,
  EpochRecord,
  HistoryStore,
  StoredBatch,
} from "../store/history-store.ts";
import type { KeyListMemory } from "../store/segment-columns.ts";
import { damagedBlockOf, isSegment } from "../store/segment-header.ts";
import {
  ALL_BLOCKS,
  type BlockChoice,
  type ReadRows,
  readStored,
} from "../store/segment-reader.ts";
import { type EventRows, partOf } from "../store/segment-rows.ts";
import type { StoredPart } from "./batch-read.ts";
import type { CutLimits } from "./limits.ts";
import { type CountedLoss, lostByDamage } from "./losses.ts";
import { LruCache } from "./lru-cache.ts";

/** Names of batches remembered, to know one that is read a second time. */
const READ_ONCE = 8_192;
/** Logs of which it is known which list of variables was read last. */
const LOGS_REMEMBERED = 8_192;
/** What a decoded event takes in columns. */
const EVENT_BYTES = 26;
/** Bytes that a byte of values or bodies becomes when it is decoded, about: measured 7 for keyframes. */
const OBJECTS_PER_BYTE = 8;
/** A rough cost of an object, a string or a small array. */
const OBJECT_BYTES = 120;

export class DecodedEvents {
  readonly #store: HistoryStore;
  readonly #blocks: LruCache<string, ReadRows>;
  /** Batches decoded lately. */
  readonly #readOnce = new LruCache<string, true>(READ_ONCE);
  /** Variables of blocks, by the names of their lists. */
  readonly #variables: LruCache<string, readonly VariableRef[]>;
  readonly #variableMemory: KeyListMemory;
  /** Batches that the codec refused, by epoch: to readers, lost ranges. */
  readonly #unreadable = new Map<number, Map<string, DamagedRange>>();

  constructor(store: HistoryStore, limits: CutLimits) {
    this.#store = store;
    this.#blocks = new LruCache(limits.blockCacheBytes);
    const variables = new LruCache<string, readonly VariableRef[]>(limits.keyListCacheBytes);
    const latest = new LruCache<string, string>(LOGS_REMEMBERED);
    this.#variables = variables;
    this.#variableMemory = {
      get: (name) => variables.get(name),
      set: (name, list, log) => {
        variables.set(name, list, (list.length + 1) * OBJECT_BYTES);
        latest.set(log, name, 1);
      },
      likely: (log) => {
        const name = latest.get(log);
        return name === undefined ? undefined : variables.get(name);
      },
    };
  }

  /** Forgets what is decoded, not what could not be. */
  dropCaches(): void {
    this.#blocks.clear();
    this.#readOnce.clear();
    this.#variables.clear();
  }

  /** A lost range of a block begins inside its segment: what comes after it is a piece of its own. */
  piecesOf({ stored, firstSeq, lastSeq }: StoredPart, choice: BlockChoice): EventRows[] {
    const read = this.of(stored, choice);
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

  /** What is stored, decoded, from memory if it was lately; undefined if nothing of it can be read. */
  of(stored: StoredBatch, choice: BlockChoice = ALL_BLOCKS): ReadRows | undefined {
    const of = isSegment(stored.bytes) ? nameOf(choice) : "";
    const key = `${stored.epochId}/${stored.firstSeq}/${stored.lastSeq}/${of}`;
    const known = this.#blocks.get(key);
    if (known !== undefined) return known;
    try {
      const read = readStored(stored, this.#store, choice, this.#variableMemory);
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
    const known = this.#unreadable.get(range.epochId) ?? new Map<string, DamagedRange>();
    this.#unreadable.set(range.epochId, known);
    known.set(nameOfDamage(range), range);
  }

  /** What was declared lost, and what was stored and cannot be read; by firstSeq. */
  lostRanges(record: EpochRecord): readonly LostRange[] {
    const damaged = this.damaged(record.id);
    const mark = this.#store.pruned(record.id);
    if (mark === undefined && damaged.length === 0) return record.lost;
    const all: CountedLoss[] = [...record.lost, ...damaged.map(lostByDamage)];
    return all
      .filter(({ lastSeq, untilSeq = lastSeq }) => untilSeq > (mark?.seq ?? 0))
      .sort((a, b) => a.firstSeq - b.firstSeq);
  }

  /** What of an epoch was stored and is known not to be readable, each range or block once. */
  damaged(epochId: number): readonly DamagedRange[] {
    const found = this.#store.damaged(epochId);
    const refused = this.#unreadable.get(epochId);
    if (refused === undefined) return found;
    const byName = new Map(refused);
    for (const range of found) byName.set(nameOfDamage(range), range);
    return [...byName.values()];
  }
}

/** A block begins at a seq that no other block of its segment has. */
function nameOfDamage({ first, block }: DamagedRange): string {
  return block === undefined ? `${first}` : `block ${first}`;
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
