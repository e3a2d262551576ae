/**
 * Puts rows of all streams in order of time. Hot: benches `walk`, `walk-wide`.
 *
 *     streams    |r r   r |         every row up to an end
 *                |  r r   |
 *     buckets    |r|rr|r |r         rows are dealt out by time into about as many buckets as there are
 *     window     r r r r r          rows, then put right within a bucket
 *
 * That costs the same for 10 streams as for 1,000, where a heap pays for its height. Buckets that time has
 * filled unevenly are dealt out again. Rows of one tick stay in the order of their streams, and within a
 * stream in their own: so of one cell the last one given is the last one set.
 */
import type { Value } from "../../../agent/kernel/index.ts";
import type { ColumnRows } from "../../cut/column-shapes.ts";
import { RowPlace } from "../../cut/row-place.ts";
import { ABSENT, fromValue, type Known } from "../values/datum.ts";
import type { Cells, Given } from "./cells.ts";
import { type Source, stopOf, WINDOW_ROWS } from "./sources.ts";

/** A bucket with more rows is dealt out again. */
const CROWDED = 24;

/** Rows in order of time. `t[count]` is infinite. */
export interface Window {
  count: number;
  t: Float64Array;
  cell: Uint32Array;
  /** NaN: `given` tells what it is. */
  number: Float64Array;
}

export class TimeMerge {
  readonly #cells: Cells;
  readonly window: Window;
  /** What the rows of the window that are no numbers hold, by row before sorting. */
  readonly #others: Given[] = [];
  #place: Int32Array;
  // Scratch.
  #spare: Columns;
  #starts = new Uint32Array(2 * WINDOW_ROWS + 2);
  #hasOthers = false;

  constructor(cells: Cells) {
    this.#cells = cells;
    const size = WINDOW_ROWS * 2;
    this.#spare = columns(size);
    const { t, cell, number, place } = columns(size);
    this.#place = place;
    this.window = { count: 0, t, cell, number };
  }

  /** What a row of the window gives that is no number. */
  given(row: number): Given {
    return this.#others[this.#place[row] as number] as Given;
  }

  /** Fills the window with the rows of `sources` up to `end`, which have them at hand: each is taken once. */
  take(sources: readonly Source[], end: number): void {
    const [only, another] = sources;
    this.#others.length = 0;
    this.#hasOthers = false;
    if (only !== undefined && another === undefined) this.#copy(only, end);
    else this.#deal(sources, end);
    this.window.t[this.window.count] = Number.POSITIVE_INFINITY;
  }

  /** One stream is in order already. */
  #copy(source: Source, end: number): void {
    const rows = source.rows as ColumnRows;
    const { window } = this;
    const stop = stopOf(rows, source.at, end);
    const count = stop - source.at;
    this.#reserve(count);
    window.count = count;
    window.t.set(rows.t.subarray(source.at, stop));
    window.number.set(rows.number.subarray(source.at, stop));
    this.#cellsOf(source, stop, window.cell, 0);
    if (rows.place !== undefined) this.#placesOf(source, stop, this.#place, 0);
    source.at = stop;
  }

  #deal(sources: readonly Source[], end: number): void {
    let total = 0;
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const source of sources) {
      const rows = source.rows as ColumnRows;
      const start = source.at;
      const stop = stopOf(rows, start, end);
      const count = stop - start;
      if (count === 0) continue;
      first = Math.min(first, rows.t[start] as number);
      last = Math.max(last, rows.t[stop - 1] as number);
      this.#reserve(total + count, total);
      const { t, number } = this.#spare;
      if (count < FEW) {
        for (let i = 0; i < count; i += 1) {
          t[total + i] = rows.t[start + i] as number;
          number[total + i] = rows.number[start + i] as number;
        }
      } else {
        t.set(rows.t.subarray(start, stop), total);
        number.set(rows.number.subarray(start, stop), total);
      }
      this.#cellsOf(source, stop, this.#spare.cell, total);
      if (rows.place !== undefined) this.#placesOf(source, stop, this.#spare.place, total);
      source.at = stop;
      total += count;
    }
    this.window.count = total;
    if (total === 0) return;
    this.#scatter(0, total, first, last);
    this.#insert(total);
  }

  /** `count` rows of the spare columns, with ticks in [first, last], into the window's from `base` on. */
  #scatter(base: number, count: number, first: number, last: number): void {
    const { t, cell, number, place } = this.#spare;
    const out = this.window;
    const starts = this.#starts;
    const hasOthers = this.#hasOthers;
    const scale = count / (last - first + 1);
    starts.fill(0, 0, count + 2);
    for (let i = 0; i < count; i += 1) {
      const after = ((((t[i] as number) - first) * scale) >>> 0) + 1;
      starts[after] = (starts[after] as number) + 1;
    }
    const crowded: [start: number, end: number][] = [];
    let sum = 0;
    for (let bucket = 1; bucket <= count + 1; bucket += 1) {
      const ofBucket = starts[bucket] as number;
      if (ofBucket > CROWDED && last > first) crowded.push([base + sum, base + sum + ofBucket]);
      sum += ofBucket;
      starts[bucket] = sum;
    }
    for (let i = 0; i < count; i += 1) {
      const moment = t[i] as number;
      const bucket = ((moment - first) * scale) >>> 0;
      const next = starts[bucket] as number;
      starts[bucket] = next + 1;
      const to = base + next;
      out.t[to] = moment;
      out.cell[to] = cell[i] as number;
      out.number[to] = number[i] as number;
      if (hasOthers) this.#place[to] = place[i] as number;
    }
    for (const [start, end] of crowded) this.#dealAgain(start, end);
  }

  /** The rows of one bucket, which time has filled with many. */
  #dealAgain(start: number, end: number): void {
    const { t, cell, number } = this.window;
    const spare = this.#spare;
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end; i += 1) {
      const moment = t[i] as number;
      if (moment < first) first = moment;
      if (moment > last) last = moment;
    }
    // One tick: they stand in the order in which they came.
    if (first === last) return;
    spare.t.set(t.subarray(start, end));
    spare.cell.set(cell.subarray(start, end));
    spare.number.set(number.subarray(start, end));
    if (this.#hasOthers) spare.place.set(this.#place.subarray(start, end));
    this.#scatter(start, end - start, first, last);
  }

  /** Insertion sort, stable: rows are at most a bucket away from their place. */
  #insert(end: number): void {
    const { t, cell, number } = this.window;
    const places = this.#place;
    const hasOthers = this.#hasOthers;
    for (let i = 1; i < end; i += 1) {
      const moment = t[i] as number;
      if ((t[i - 1] as number) <= moment) continue;
      const ofCell = cell[i] as number;
      const ofNumber = number[i] as number;
      const ofPlace = places[i] as number;
      let at = i;
      do {
        t[at] = t[at - 1] as number;
        cell[at] = cell[at - 1] as number;
        number[at] = number[at - 1] as number;
        if (hasOthers) places[at] = places[at - 1] as number;
        at -= 1;
      } while (at > 0 && (t[at - 1] as number) > moment);
      t[at] = moment;
      cell[at] = ofCell;
      number[at] = ofNumber;
      if (hasOthers) places[at] = ofPlace;
    }
  }

  #cellsOf(source: Source, stop: number, into: Uint32Array, at: number): void {
    const { column } = source.rows as ColumnRows;
    const start = source.at;
    const nodes = this.#cells.nodeIds.length;
    if (typeof column === "number") {
      into.fill(column * nodes + source.node, at, at + stop - start);
      return;
    }
    for (let i = start; i < stop; i += 1) {
      into[at + i - start] = (column[i] as number) * nodes + source.node;
    }
  }

  /** Values that are no numbers, as data: each once per batch of rows. */
  #placesOf(source: Source, stop: number, into: Int32Array, at: number): void {
    const rows = source.rows as ColumnRows;
    const places = rows.place as Int32Array;
    this.#hasOthers = true;
    for (let i = source.at; i < stop; i += 1) {
      const place = places[i] as number;
      if (place === RowPlace.number) continue;
      let given: Given = ABSENT;
      if (place >= 0) {
        given = source.known[place] ?? fromValue(rows.values[place] as Value);
        source.known[place] = given as Known;
      }
      into[at + i - source.at] = this.#others.push(given) - 1;
    }
  }

  /** Room for `count` rows and the mark behind them, keeping the first `kept`. */
  #reserve(count: number, kept = 0): void {
    if (count + 2 > this.#starts.length) this.#starts = new Uint32Array(count * 2 + 2);
    if (count < this.window.t.length) return;
    const size = count * 2;
    const spare = columns(size);
    spare.t.set(this.#spare.t.subarray(0, kept));
    spare.cell.set(this.#spare.cell.subarray(0, kept));
    spare.number.set(this.#spare.number.subarray(0, kept));
    spare.place.set(this.#spare.place.subarray(0, kept));
    this.#spare = spare;
    const { t, cell, number, place } = columns(size);
    Object.assign(this.window, { t, cell, number });
    this.#place = place;
  }
}

/** So few rows are copied one by one. */
const FEW = 24;

interface Columns {
  readonly t: Float64Array;
  readonly cell: Uint32Array;
  readonly number: Float64Array;
  readonly place: Int32Array;
}

function columns(size: number): Columns {
  return {
    t: new Float64Array(size),
    cell: new Uint32Array(size),
    number: new Float64Array(size),
    place: new Int32Array(size),
  };
}
