/**
 * Decodes the parts of a slice into rows of the columns that are followed. Hot: bench `walk`.
 *
 *     block of log a    t     | key | value        a stream per node and log: rows come in the order
 *                       t     | key | value        of time, those of other keys are left out
 *     columns           a.v = 0, a.w = 1
 *
 * A block that sets nothing but numbers is decoded frame by frame as rows are wanted, into arrays that its
 * stream uses again (row-buffer.ts); what is behind the end of the slice is left alone.
 * Blocks without a followed variable, of which the list of keys tells, are passed over. Sets that are
 * changed member by member, and keyframes, come as whole values.
 */
import {
  type Batch,
  decodeBatch,
  type EventColumns,
  type KeyframeEvent,
  KindCode,
  type Value,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import { type KeyListMemory, type NumberRows, readBlockColumns } from "../store/segment-columns.ts";
import { FRAME_NUMBERS } from "../store/segment-frames.ts";
import { checkedBlock } from "../store/unchecked-block.ts";
import type { ColumnPart, ColumnSlice } from "./column-shapes.ts";
import type { ColumnStream } from "./column-stream.ts";
import type { FeedColumn } from "./feed-shapes.ts";
import { HeldColumns } from "./held-columns.ts";
import { RowBuffer } from "./row-buffer.ts";

/** What is counted while slices are decoded: for EXPLAIN and benches. */
export interface DecodeCounts {
  blocks: number;
  /** Blocks without any followed variable. */
  passedOver: number;
}

/** Lists of keys that are remembered. */
const KEY_LISTS = 4_096;
const LAST_CHANGE = 3;

/** Variables of the frame that is being read. */
const refs = new Uint32Array(FRAME_NUMBERS);

/** Slices of one query, one after the other: what was learned and reserved for one serves the next. */
export class SliceColumns {
  readonly #byLog: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly #lists = new Map<string, readonly VariableRef[]>();
  /** By node and log. */
  readonly #buffers = new Map<string, RowBuffer>();
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
        const keys = this.#byLog.get(log) as ReadonlyMap<string, number>;
        stream = new NodeStream({
          ...{ node, log, slice, keys, counts: this.counts, memory: this.#memory },
          heldBy: (column) => held.get(`${node} ${column}`),
          rows: this.#bufferOf(name, keys),
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

  #bufferOf(stream: string, keys: ReadonlyMap<string, number>): RowBuffer {
    const [column = -1, another] = keys.values();
    const buffer = this.#buffers.get(stream) ?? new RowBuffer(another === undefined ? column : -1);
    this.#buffers.set(stream, buffer);
    buffer.clear();
    return buffer;
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
  readonly rows: RowBuffer;
  readonly memory: KeyListMemory;
  readonly counts: DecodeCounts;
}

class NodeStream implements ColumnStream {
  readonly node: number;
  readonly rows: RowBuffer;
  readonly #setup: StreamSetup;
  readonly #held: HeldColumns;
  readonly #parts: Waiting[] = [];
  #at = 0;
  /** A block of numbers that is being read, and by variable the column, or -1. */
  #block: NumberRows | undefined;
  #columnOf = new Int32Array(0);
  /** What comes is later than the slice. */
  #isOver = false;

  constructor(setup: StreamSetup) {
    this.node = setup.node;
    this.rows = setup.rows;
    this.#setup = setup;
    this.#held = new HeldColumns(Math.max(...setup.keys.values()) + 1, setup.heldBy);
  }

  add(part: ColumnPart, batch: (() => Batch) | undefined): void {
    this.#parts.push({ part, batch });
  }

  begin(): ReadonlyMap<number, Value | undefined> {
    const { rows } = this;
    const { after } = this.#setup.slice;
    const last = new Map<number, Value | undefined>();
    while (rows.at === rows.count && this.#reachesBack() && this.#readOn()) {
      const start = rows.firstAfter(after);
      noteLast(rows, start, last);
      rows.at = start;
      if (start === rows.count) rows.clear();
    }
    return last;
  }

  /** Whether what comes next may have rows at or before the beginning. */
  #reachesBack(): boolean {
    if (this.#block !== undefined) return true;
    const next = this.#parts[this.#at];
    return next !== undefined && next.part.segmentT <= this.#setup.slice.after;
  }

  read(): boolean {
    const { rows } = this;
    for (;;) {
      const before = rows.count - rows.at;
      if (!this.#readOn()) return false;
      if (rows.count - rows.at > before) return true;
    }
  }

  /** Adds the rows of the next frame or part up to the end of the slice, if it has any. False: there is none. */
  #readOn(): boolean {
    if (this.#isOver) return false;
    if (this.#block !== undefined) {
      this.#ofNumbers(this.#block);
      return true;
    }
    const next = this.#parts[this.#at];
    if (next === undefined) return false;
    // What is decoded is used once.
    this.#parts[this.#at] = undefined as never;
    this.#at += 1;
    const { part, batch } = next;
    if (batch === undefined) this.#ofBlock(part);
    else this.#ofEvents(batch().events);
    return true;
  }

  #ofBlock(part: ColumnPart): void {
    const { log, keys, memory, counts } = this.#setup;
    counts.blocks += 1;
    const place = { firstT: part.segmentT, count: part.count, lastT: part.lastT };
    const isWanted = (variables: readonly VariableRef[]): boolean =>
      variables.some(({ key }) => keys.has(key));
    const { key, bytes: given } = part;
    const bytes = key === undefined ? given : checkedBlock({ key, record: given });
    const block = readBlockColumns(bytes, log, place, isWanted, memory);
    if (block === undefined) {
      counts.passedOver += 1;
      return;
    }
    if (!block.areNumbers) {
      this.#ofEvents(block.events);
      return;
    }
    this.#columnOf = Int32Array.from(block.variables, (one) => keys.get(one.key) ?? -1);
    for (const one of this.#columnOf) if (one >= 0) this.#held.noteNumber(one);
    this.#ofNumbers(block);
  }

  /** A frame of rows that are all numbers. Those of variables that are followed move together, in place. */
  #ofNumbers(block: NumberRows): void {
    const { rows } = this;
    rows.reserve(FRAME_NUMBERS);
    const start = rows.count;
    const { t, number } = rows;
    const end = start + block.read({ t, number, ref: refs }, start);
    this.#block = block.left > 0 ? block : undefined;
    let kept = this.#upToEnd(t, start, end);
    if (block.variables.length > 1) kept = this.#followed(start, kept);
    else if (rows.column < 0) rows.columns.fill(this.#columnOf[0] as number, start, kept);
    rows.count = kept;
  }

  #followed(start: number, end: number): number {
    const { t, number, column, columns } = this.rows;
    const columnOf = this.#columnOf;
    let kept = start;
    for (let i = start; i < end; i += 1) {
      const of = columnOf[refs[i - start] as number] as number;
      if (of < 0) continue;
      t[kept] = t[i] as number;
      number[kept] = number[i] as number;
      if (column < 0) columns[kept] = of;
      kept += 1;
    }
    return kept;
  }

  /** Rows [start, end) without those later than the slice: then nothing is left to be read. */
  #upToEnd(t: Float64Array, start: number, end: number): number {
    const { to } = this.#setup.slice;
    if (end === start || (t[end - 1] as number) <= to) return end;
    this.#isOver = true;
    let kept = start;
    while ((t[kept] as number) <= to) kept += 1;
    return kept;
  }

  /** `events`: of a block of the log, or of a batch with other logs in it. */
  #ofEvents(events: EventColumns): void {
    const { log: ofStream, keys } = this.#setup;
    const { rows } = this;
    const { t, kind, ref, valueTag, valueNumber, variables, count } = events;
    const columnOf = Int32Array.from(variables, ({ log, key }) =>
      log === ofStream ? (keys.get(key) ?? -1) : -1,
    );
    const end = this.#upToEnd(t, 0, count);
    for (let i = 0; i < end; i += 1) {
      const code = kind[i] as number;
      if (code > LAST_CHANGE) {
        if (code === KindCode.keyframe) this.#keyframe(events, i);
        continue;
      }
      const column = columnOf[ref[i] as number] as number;
      if (column < 0) continue;
      // Room for one at a time: of a batch that holds many logs few may be wanted.
      rows.reserve(1);
      const moment = t[i] as number;
      if (code === KindCode.set && valueTag[i] === ValueTag.number) {
        this.#held.noteNumber(column);
        rows.addNumber(moment, column, valueNumber[i] as number);
      } else {
        rows.add(moment, column, this.#held.changed(column, events, i));
      }
    }
  }

  /** A keyframe makes a row of each column. */
  #keyframe(events: EventColumns, i: number): void {
    const { log, keys } = this.#setup;
    const { rows } = this;
    const body = events.bodies[events.ref[i] as number] as KeyframeEvent;
    if (body.log !== log) return;
    rows.reserve(keys.size);
    for (const [key, column] of keys) {
      const value = body.state.get(key);
      this.#held.note(column, value);
      rows.add(events.t[i] as number, column, value);
    }
  }
}

/** By column, what rows up to `end` leave in it. */
function noteLast(rows: RowBuffer, end: number, last: Map<number, Value | undefined>): void {
  const { at, column } = rows;
  if (column >= 0) {
    if (end > at) last.set(column, rows.valueAt(end - 1));
    return;
  }
  const seen = new Set<number>();
  for (let row = end - 1; row >= at; row -= 1) {
    const of = rows.columnAt(row);
    if (seen.has(of)) continue;
    seen.add(of);
    last.set(of, rows.valueAt(row));
  }
}
