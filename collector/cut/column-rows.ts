/**
 * Decodes the parts of a slice into rows of the columns that are followed. Hot: bench `walk`.
 *
 *     block of log a    t     | key | value        a stream per node and log: rows come in the order
 *                       t     | key | value        of time, those of other keys are left out
 *     columns           a.v = 0, a.w = 1
 *
 * A block is decoded when its first row is wanted, and let go with its last. Blocks without a followed
 * variable, of which the list of keys tells, are passed over. Sets that are changed member by member, and
 * keyframes, come as whole values.
 */
import {
  type Batch,
  decodeBatch,
  type EventColumns,
  type Hlc,
  type Json,
  type KeyframeEvent,
  KindCode,
  MAX_HLC,
  type Value,
  ValueSet,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import {
  type BlockColumns,
  type KeyListMemory,
  readBlockColumns,
} from "../store/segment-columns.ts";
import type { ColumnPart, ColumnRows, ColumnSlice, ColumnStream } from "./column-shapes.ts";
import type { FeedColumn } from "./feed-shapes.ts";
import { SetState } from "./set-state.ts";

/** What a row of `ColumnRows.place` puts in place of a value. */
export const RowPlace: { readonly absent: -1; readonly number: -2 } = { absent: -1, number: -2 };

/** What is counted while slices are decoded: for EXPLAIN and benches. */
export interface DecodeCounts {
  blocks: number;
  /** Blocks without any followed variable. */
  passedOver: number;
}

/** The streams of a slice: one per node and log that has any part. */
export function streamsOf(
  slice: ColumnSlice,
  columns: readonly (FeedColumn | undefined)[],
  memory: KeyListMemory,
  counts: DecodeCounts = { blocks: 0, passedOver: 0 },
): ColumnStream[] {
  const byLog = columnsByLog(columns);
  const streams = new Map<string, NodeStream>();
  const held = new Map(slice.held.map(({ node, column, value }) => [`${node} ${column}`, value]));
  const streamOf = (node: number, log: string): NodeStream => {
    const name = `${node} ${log}`;
    let stream = streams.get(name);
    if (stream === undefined) {
      const ofLog = byLog.get(log) as ReadonlyMap<string, number>;
      const heldBy = (column: number): Value | undefined => held.get(`${node} ${column}`);
      stream = new NodeStream(node, log, ofLog, slice, heldBy, memory, counts);
      streams.set(name, stream);
    }
    return stream;
  };
  for (const part of slice.parts) {
    if (part.log !== undefined) {
      if (byLog.has(part.log)) streamOf(part.node, part.log).add(part, undefined);
      continue;
    }
    // A batch as it came holds all logs: it is decoded once, by whoever needs it first.
    const batch = lazily(() => decodeBatch(part.bytes));
    for (const log of byLog.keys()) streamOf(part.node, log).add(part, batch);
  }
  return [...streams.values()];
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

class NodeStream implements ColumnStream {
  readonly node: number;
  readonly #log: string;
  readonly #keys: ReadonlyMap<string, number>;
  readonly #after: Hlc;
  readonly #to: Hlc;
  readonly #heldBy: (column: number) => Value | undefined;
  readonly #memory: KeyListMemory;
  readonly #counts: DecodeCounts;
  readonly #parts: Waiting[] = [];
  #at = 0;
  /** By column, what it is known to hold: AS_HELD, .. */
  readonly #membership: Uint8Array;
  readonly #sets = new Map<number, SetState>();

  constructor(
    node: number,
    log: string,
    keys: ReadonlyMap<string, number>,
    { after, to }: ColumnSlice,
    heldBy: (column: number) => Value | undefined,
    memory: KeyListMemory,
    counts: DecodeCounts,
  ) {
    this.node = node;
    this.#log = log;
    this.#keys = keys;
    this.#after = after;
    this.#to = to;
    this.#heldBy = heldBy;
    this.#memory = memory;
    this.#counts = counts;
    this.#membership = new Uint8Array(Math.max(...keys.values()) + 1);
  }

  add(part: ColumnPart, batch: (() => Batch) | undefined): void {
    this.#parts.push({ part, batch });
  }

  next(): ColumnRows | undefined {
    for (;;) {
      const next = this.#parts[this.#at];
      if (next === undefined) return undefined;
      // What is decoded is used once.
      this.#parts[this.#at] = undefined as never;
      this.#at += 1;
      const isLast = this.#at === this.#parts.length;
      const until = isLast ? MAX_HLC : next.part.until;
      const rows =
        next.batch === undefined
          ? this.#ofBlock(next.part, until)
          : this.#ofEvents(next.batch().events, true, until, next.part);
      if (rows !== undefined || isLast) return rows;
    }
  }

  #ofBlock(part: ColumnPart, until: Hlc): ColumnRows | undefined {
    this.#counts.blocks += 1;
    const { bytes, segmentT, count, lastT } = part;
    const place = { firstT: segmentT, count, lastT };
    const isWanted = (variables: readonly VariableRef[]): boolean =>
      variables.some(({ key }) => this.#keys.has(key));
    const block = readBlockColumns(bytes, this.#log, place, isWanted, this.#memory);
    if (block === undefined) {
      this.#counts.passedOver += 1;
      return undefined;
    }
    return this.#asItIs(block, part, until) ?? this.#ofEvents(block, false, until, part);
  }

  /** All rows are numbers of one followed variable: the columns of the block are those of the rows. */
  #asItIs(block: BlockColumns, part: ColumnPart, until: Hlc): ColumnRows | undefined {
    const [variable, another] = block.variables;
    if (!block.areNumbers || another !== undefined || variable === undefined) return undefined;
    const column = this.#keys.get(variable.key);
    if (column === undefined) return undefined;
    const start = firstAfter(block.t, this.#after, block.count);
    const end = firstAfter(block.t, this.#to, block.count);
    this.#membership[column] = IS_NO_SET;
    return {
      count: end - start,
      t: block.t.subarray(start, end),
      column,
      number: block.valueNumber.subarray(start, end),
      place: undefined,
      values: [],
      until,
      least: part.least,
      greatest: part.greatest,
    };
  }

  #ofEvents(
    events: EventColumns,
    hasOtherLogs: boolean,
    until: Hlc,
    { least, greatest }: ColumnPart,
  ): ColumnRows {
    const { t, kind, ref, valueTag, valueNumber, variables, count: all } = events;
    const columnOf = Int32Array.from(variables, ({ log, key }) =>
      hasOtherLogs && log !== this.#log ? -1 : (this.#keys.get(key) ?? -1),
    );
    const start = firstAfter(t, this.#after, all);
    const end = firstAfter(t, this.#to, all);
    const size = end - start;
    const rows = new RowsBuilder(size);
    let hasKeyframe = false;
    for (let i = start; i < end; i += 1) {
      const code = kind[i] as number;
      if (code > LAST_CHANGE) {
        if (code === KindCode.keyframe) {
          hasKeyframe = true;
          this.#keyframe(events, i, rows);
        }
        continue;
      }
      const column = columnOf[ref[i] as number] as number;
      if (column < 0) continue;
      const moment = t[i] as number;
      if (code === KindCode.set && valueTag[i] === ValueTag.number) {
        this.#membership[column] = IS_NO_SET;
        rows.number(moment, column, valueNumber[i] as number);
      } else {
        rows.value(moment, column, this.#changed(column, code, events, i));
      }
    }
    // What a keyframe holds is not in the bounds of its block.
    if (hasKeyframe) return rows.rows(until, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    return rows.rows(until, least, greatest);
  }

  #keyframe(events: EventColumns, i: number, rows: RowsBuilder): void {
    const body = events.bodies[events.ref[i] as number] as KeyframeEvent;
    if (body.log !== this.#log) return;
    for (const [key, column] of this.#keys) {
      const value = body.state.get(key);
      this.#note(column, value);
      rows.value(events.t[i] as number, column, value);
    }
  }

  /** The value after a change that sets no number; undefined: deleted. */
  #changed(column: number, code: number, events: EventColumns, i: number): Value | undefined {
    if (code === KindCode.set || code === KindCode.delete) {
      const value = code === KindCode.set ? valueAt(events, i) : undefined;
      this.#note(column, value);
      return value;
    }
    const set = this.#setOf(column);
    const member = valueAt(events, i) as Json;
    if (code === KindCode.add) set.add(member);
    else set.remove(member);
    return set.value;
  }

  #note(column: number, value: Value | undefined): void {
    const isSet = value instanceof ValueSet;
    this.#membership[column] = isSet ? IS_SET : IS_NO_SET;
    if (isSet) this.#sets.set(column, new SetState(value));
  }

  /** The set that a column holds; of what is none, an empty one. */
  #setOf(column: number): SetState {
    const known = this.#membership[column] === IS_SET ? this.#sets.get(column) : undefined;
    if (known !== undefined) return known;
    const held = this.#membership[column] === AS_HELD ? this.#heldBy(column) : undefined;
    const set = new SetState(held instanceof ValueSet ? held : ValueSet.empty);
    this.#membership[column] = IS_SET;
    this.#sets.set(column, set);
    return set;
  }
}

/** What a column holds: what it held where the slice began; a set that is kept; anything else. */
const AS_HELD = 0;
const IS_SET = 1;
const IS_NO_SET = 2;

const LAST_CHANGE = 3;

/** Rows of several columns, growing. */
class RowsBuilder {
  #column: Uint16Array;
  #numbers: Float64Array;
  #places: Int32Array | undefined;
  readonly #values: Value[] = [];
  #ticks: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#ticks = new Float64Array(size);
    this.#column = new Uint16Array(size);
    this.#numbers = new Float64Array(size);
  }

  number(t: number, column: number, value: number): void {
    const row = this.#next(t, column);
    this.#numbers[row] = value;
    if (this.#places !== undefined) this.#places[row] = RowPlace.number;
  }

  value(t: number, column: number, value: Value | undefined): void {
    if (typeof value === "number") {
      this.number(t, column, value);
      return;
    }
    const row = this.#next(t, column);
    this.#places ??= new Int32Array(this.#ticks.length).fill(RowPlace.number);
    this.#numbers[row] = Number.NaN;
    this.#places[row] = value === undefined ? RowPlace.absent : this.#values.push(value) - 1;
  }

  rows(until: Hlc, least: number, greatest: number): ColumnRows {
    return {
      count: this.#count,
      t: this.#ticks,
      column: this.#column,
      number: this.#numbers,
      place: this.#places,
      values: this.#values,
      until,
      least,
      greatest,
    };
  }

  /** A keyframe makes several rows of one event. */
  #next(t: number, column: number): number {
    const row = this.#count;
    if (row === this.#ticks.length) this.#grow();
    this.#ticks[row] = t;
    this.#column[row] = column;
    this.#count = row + 1;
    return row;
  }

  #grow(): void {
    const size = Math.max(16, this.#ticks.length * 2);
    const ticks = new Float64Array(size);
    ticks.set(this.#ticks);
    this.#ticks = ticks;
    const column = new Uint16Array(size);
    column.set(this.#column);
    this.#column = column;
    const numbers = new Float64Array(size);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    if (this.#places === undefined) return;
    const places = new Int32Array(size).fill(RowPlace.number);
    places.set(this.#places);
    this.#places = places;
  }
}

function valueAt({ valueTag, valueNumber, values }: EventColumns, i: number): Value {
  switch (valueTag[i]) {
    case ValueTag.number:
      return valueNumber[i] as number;
    case ValueTag.false:
      return false;
    case ValueTag.true:
      return true;
    case ValueTag.null:
    case ValueTag.none:
      return null;
    default:
      return values[valueNumber[i] as number] as Value;
  }
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
