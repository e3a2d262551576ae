/**
 * Decodes the parts of a slice into rows of the columns that are followed. Hot: bench `walk`.
 *
 *     block of log a    t     | key | value        a stream per node and log: rows come in the order
 *                       t     | key | value        of time, those of other keys are left out
 *     columns           a.v = 0, a.w = 1
 *
 * A block is decoded when its first row is wanted, into columns that its stream uses again for the next.
 * Blocks without a followed variable, of which the list of keys tells, are passed over. Sets that are
 * changed member by member, and keyframes, come as whole values.
 */
import {
  type Batch,
  decodeBatch,
  type EventColumns,
  type Hlc,
  type KeyframeEvent,
  KindCode,
  MAX_HLC,
  type Value,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import {
  type BlockNumbers,
  ColumnBuffers,
  type KeyListMemory,
  readBlockColumns,
} from "../store/segment-columns.ts";
import { checkedBlock } from "../store/unchecked-block.ts";
import type { ColumnPart, ColumnRows, ColumnSlice, ColumnStream } from "./column-shapes.ts";
import type { FeedColumn } from "./feed-shapes.ts";
import { HeldColumns } from "./held-columns.ts";
import { RowPlace } from "./row-place.ts";
import { RowsBuilder } from "./rows-builder.ts";

/** What is counted while slices are decoded: for EXPLAIN and benches. */
export interface DecodeCounts {
  blocks: number;
  /** Blocks without any followed variable. */
  passedOver: number;
}

/** Lists of keys that are remembered. */
const KEY_LISTS = 4_096;
const LAST_CHANGE = 3;

/** Slices of one query, one after the other: what was learned and reserved for one serves the next. */
export class SliceColumns {
  readonly #byLog: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly #lists = new Map<string, readonly VariableRef[]>();
  /** By stream, in the order in which streams are made. */
  readonly #buffers: ColumnBuffers[] = [];
  readonly counts: DecodeCounts = { blocks: 0, passedOver: 0 };

  /** The columns by their places; undefined: nothing is followed there. */
  constructor(columns: readonly (FeedColumn | undefined)[]) {
    this.#byLog = columnsByLog(columns);
  }

  /** The streams of a slice: one per node and log that has any part. Those of the slice before are over. */
  open(slice: ColumnSlice): ColumnStream[] {
    const streams = new Map<string, NodeStream>();
    const held = new Map(slice.held.map(({ node, column, value }) => [`${node} ${column}`, value]));
    const streamOf = (node: number, log: string): NodeStream => {
      const name = `${node} ${log}`;
      let stream = streams.get(name);
      if (stream === undefined) {
        stream = new NodeStream({
          ...{ node, log, slice, counts: this.counts, memory: this.#memory },
          keys: this.#byLog.get(log) as ReadonlyMap<string, number>,
          heldBy: (column) => held.get(`${node} ${column}`),
          buffers: this.#buffersOf(streams.size),
        });
        streams.set(name, stream);
      }
      return stream;
    };
    for (const part of slice.parts) {
      if (part.log !== undefined) {
        if (this.#byLog.has(part.log)) streamOf(part.node, part.log).add(part, undefined);
        continue;
      }
      // A batch as it came holds all logs: it is decoded once, by whoever needs it first.
      const batch = lazily(() => decodeBatch(part.bytes));
      for (const log of this.#byLog.keys()) streamOf(part.node, log).add(part, batch);
    }
    return [...streams.values()];
  }

  #buffersOf(stream: number): ColumnBuffers {
    const known = this.#buffers[stream] ?? new ColumnBuffers();
    this.#buffers[stream] = known;
    return known;
  }

  readonly #memory: KeyListMemory = {
    get: (name) => this.#lists.get(name),
    set: (name, list) => {
      if (this.#lists.size >= KEY_LISTS) this.#lists.clear();
      this.#lists.set(name, list);
    },
  };
}

function columnsByLog(
  columns: readonly (FeedColumn | undefined)[],
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const byLog = new Map<string, Map<string, number>>();
  for (const [column, followed] of columns.entries()) {
    if (followed === undefined) continue;
    const { log, key } = followed;
    const keys = byLog.get(log) ?? new Map<string, number>();
    byLog.set(log, keys);
    keys.set(key, column);
  }
  return byLog;
}

function lazily<A>(make: () => A): () => A {
  let made: { readonly is: A } | undefined;
  return () => {
    made ??= { is: make() };
    return made.is;
  };
}

interface Waiting {
  readonly part: ColumnPart;
  readonly batch: (() => Batch) | undefined;
}

interface StreamSetup {
  readonly node: number;
  readonly log: string;
  readonly keys: ReadonlyMap<string, number>;
  readonly slice: Pick<ColumnSlice, "after" | "to">;
  readonly heldBy: (column: number) => Value | undefined;
  readonly buffers: ColumnBuffers;
  readonly memory: KeyListMemory;
  readonly counts: DecodeCounts;
}

class NodeStream implements ColumnStream {
  readonly node: number;
  readonly #setup: StreamSetup;
  readonly #held: HeldColumns;
  readonly #parts: Waiting[] = [];
  #at = 0;
  /** Read while the beginning was looked for. */
  #ahead: ColumnRows | undefined;

  constructor(setup: StreamSetup) {
    this.node = setup.node;
    this.#setup = setup;
    this.#held = new HeldColumns(Math.max(...setup.keys.values()) + 1, setup.heldBy);
  }

  add(part: ColumnPart, batch: (() => Batch) | undefined): void {
    this.#parts.push({ part, batch });
  }

  begin(): ReadonlyMap<number, Value | undefined> {
    const { after } = this.#setup.slice;
    const last = new Map<number, Value | undefined>();
    while (this.#ahead === undefined && this.#reachesBack()) {
      const rows = this.#read();
      if (rows === undefined) continue;
      const start = firstAfter(rows.t, after, rows.count);
      noteLast(rows, start, last);
      if (start < rows.count) this.#ahead = rowsFrom(rows, start);
    }
    return last;
  }

  /** Whether the next part may have rows at or before the beginning. */
  #reachesBack(): boolean {
    const next = this.#parts[this.#at];
    return next !== undefined && next.part.segmentT <= this.#setup.slice.after;
  }

  next(): ColumnRows | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) return ahead;
    while (this.#at < this.#parts.length) {
      const rows = this.#read();
      if (rows !== undefined) return rows;
    }
    return undefined;
  }

  /** The rows of the next part up to the end of the slice; undefined: it has none. */
  #read(): ColumnRows | undefined {
    const { part, batch } = this.#parts[this.#at] as Waiting;
    // What is decoded is used once.
    this.#parts[this.#at] = undefined as never;
    this.#at += 1;
    const until = this.#at === this.#parts.length ? MAX_HLC : part.until;
    return batch === undefined ? this.#ofBlock(part, until) : this.#ofEvents(batch().events, until);
  }

  #ofBlock(part: ColumnPart, until: Hlc): ColumnRows | undefined {
    const { log, keys, memory, buffers, counts } = this.#setup;
    counts.blocks += 1;
    const place = { firstT: part.segmentT, count: part.count, lastT: part.lastT };
    const isWanted = (variables: readonly VariableRef[]): boolean =>
      variables.some(({ key }) => keys.has(key));
    const { key, bytes: given } = part;
    const bytes = key === undefined ? given : checkedBlock({ key, record: given });
    const block = readBlockColumns(bytes, log, place, isWanted, buffers, memory);
    if (block === undefined) {
      counts.passedOver += 1;
      return undefined;
    }
    return block.areNumbers ? this.#ofNumbers(block, until) : this.#ofEvents(block.events, until);
  }

  /** All rows are numbers. Those of variables that are followed move together, in place. */
  #ofNumbers({ count, variables }: BlockNumbers, until: Hlc): ColumnRows {
    const { keys, slice, buffers } = this.#setup;
    const { t, number, ref, column } = buffers;
    const columnOf = Int32Array.from(variables, ({ key }) => keys.get(key) ?? -1);
    const followed = columnOf.filter((one) => one >= 0);
    for (const one of followed) this.#held.noteNumber(one);
    let kept = firstAfter(t, slice.to, count);
    if (variables.length > 1) {
      const all = kept;
      kept = 0;
      for (let i = 0; i < all; i += 1) {
        const of = columnOf[ref[i] as number] as number;
        if (of < 0) continue;
        t[kept] = t[i] as number;
        number[kept] = number[i] as number;
        column[kept] = of;
        kept += 1;
      }
    }
    const isOne = followed.length === 1;
    return {
      ...{ count: kept, t, number, column: isOne ? (followed[0] as number) : column },
      ...{ place: undefined, values: [], until },
    };
  }

  /** `events`: of a block of the log, or of a batch with other logs in it. */
  #ofEvents(events: EventColumns, until: Hlc): ColumnRows {
    const { log: ofStream, keys, slice } = this.#setup;
    const { t, kind, ref, valueTag, valueNumber, variables, count } = events;
    const columnOf = Int32Array.from(variables, ({ log, key }) =>
      log === ofStream ? (keys.get(key) ?? -1) : -1,
    );
    const end = firstAfter(t, slice.to, count);
    const rows = new RowsBuilder(end);
    for (let i = 0; i < end; i += 1) {
      const code = kind[i] as number;
      if (code > LAST_CHANGE) {
        if (code === KindCode.keyframe) this.#keyframe(events, i, rows);
        continue;
      }
      const column = columnOf[ref[i] as number] as number;
      if (column < 0) continue;
      const moment = t[i] as number;
      if (code === KindCode.set && valueTag[i] === ValueTag.number) {
        this.#held.noteNumber(column);
        rows.number(moment, column, valueNumber[i] as number);
      } else {
        rows.value(moment, column, this.#held.changed(column, events, i));
      }
    }
    return rows.rows(until);
  }

  #keyframe(events: EventColumns, i: number, rows: RowsBuilder): void {
    const { log, keys } = this.#setup;
    const body = events.bodies[events.ref[i] as number] as KeyframeEvent;
    if (body.log !== log) return;
    for (const [key, column] of keys) {
      const value = body.state.get(key);
      this.#held.note(column, value);
      rows.value(events.t[i] as number, column, value);
    }
  }
}

/** By column, what the first `count` rows leave in it. */
function noteLast(rows: ColumnRows, count: number, last: Map<number, Value | undefined>): void {
  const { column } = rows;
  if (typeof column === "number" && count > 0) {
    last.set(column, valueIn(rows, count - 1));
    return;
  }
  const seen = new Set<number>();
  for (let i = count - 1; i >= 0; i -= 1) {
    const of = (column as Uint16Array)[i] as number;
    if (seen.has(of)) continue;
    seen.add(of);
    last.set(of, valueIn(rows, i));
  }
}

function valueIn({ place, number, values }: ColumnRows, row: number): Value | undefined {
  const at = place?.[row] ?? RowPlace.number;
  if (at === RowPlace.number) return number[row] as number;
  return at === RowPlace.absent ? undefined : values[at];
}

/** The rows from `start` on. */
function rowsFrom(rows: ColumnRows, start: number): ColumnRows {
  if (start === 0) return rows;
  const { count, t, column, number, place } = rows;
  return {
    ...rows,
    count: count - start,
    t: t.subarray(start),
    column: typeof column === "number" ? column : column.subarray(start),
    number: number.subarray(start),
    place: place?.subarray(start),
  };
}

/** The first row later than `t` among rising ticks. */
function firstAfter(ticks: Float64Array, t: number, count: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ticks[middle] as number) <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}
