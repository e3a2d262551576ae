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
import { RowPlace } from "../../cut/row-buffer.ts";
import { ABSENT, fromValue, type Known } from "../values/datum.ts";
import type { Cells, Given } from "./cells.ts";
import { type Source, WINDOW_ROWS } from "./sources.ts";
import { countInto, dealRows, type Window } from "./time-buckets.ts";

/** A bucket with more rows is dealt out again. */
const CROWDED = 24;

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
    else if (sources.some(({ rows }) => rows.lastOther >= rows.at)) this.#gather(sources, end);
    else this.#deal(sources, end);
    this.window.t[this.window.count] = Number.POSITIVE_INFINITY;
  }

  /** One stream is in order already. */
  #copy(source: Source, end: number): void {
    const { rows } = source;
    const { window } = this;
    const stop = rows.firstAfter(end);
    const count = stop - rows.at;
    this.#reserve(count);
    window.count = count;
    window.t.set(rows.t.subarray(rows.at, stop));
    window.number.set(rows.number.subarray(rows.at, stop));
    this.#cellsOf(source, stop, window.cell, 0);
    if (rows.lastOther >= rows.at) this.#placesOf(source, stop, this.#place, 0);
    rows.at = stop;
  }

  /** All rows are numbers: they go from their streams to their places. */
  #deal(sources: readonly Source[], end: number): void {
    let total = 0;
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const source of sources) {
      const { rows } = source;
      const { at } = rows;
      const stop = rows.firstAfter(end);
      source.stop = stop;
      if (stop === at) continue;
      const begins = rows.t[at] as number;
      const ends = rows.t[stop - 1] as number;
      if (begins < first) first = begins;
      if (ends > last) last = ends;
      total += stop - at;
    }
    this.window.count = total;
    if (total === 0) return;
    this.#reserve(total);
    const scale = total / (last - first + 1);
    this.#starts.fill(0, 0, total + 2);
    const starts = this.#starts;
    for (const { rows, stop } of sources) countInto(starts, rows.t, rows.at, stop, first, scale);
    const crowded = this.#sumUp(0, total, last > first);
    const nodes = this.#cells.nodeIds.length;
    for (const { rows, stop, node } of sources) {
      dealRows(rows, stop, node, nodes, first, scale, starts, this.window);
      rows.at = stop;
    }
    for (const [start, stop] of crowded) this.#dealAgain(start, stop);
    this.#insert(total);
  }

  /** As `deal`, where some rows are no numbers: they are gathered first, with what tells their values. */
  #gather(sources: readonly Source[], end: number): void {
    let total = 0;
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const source of sources) {
      const { rows } = source;
      const start = rows.at;
      const stop = rows.firstAfter(end);
      const count = stop - start;
      if (count === 0) continue;
      first = Math.min(first, rows.t[start] as number);
      last = Math.max(last, rows.t[stop - 1] as number);
      this.#reserve(total + count, total);
      const { t, number } = this.#spare;
      t.set(rows.t.subarray(start, stop), total);
      number.set(rows.number.subarray(start, stop), total);
      this.#cellsOf(source, stop, this.#spare.cell, total);
      if (rows.lastOther >= start) this.#placesOf(source, stop, this.#spare.place, total);
      rows.at = stop;
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
    countInto(starts, t, 0, count, first, scale);
    const crowded = this.#sumUp(base, count, last > first);
    for (let i = 0; i < count; i += 1) {
      const moment = t[i] as number;
      const bucket = ((moment - first) * scale) >>> 0;
      const to = starts[bucket] as number;
      starts[bucket] = to + 1;
      out.t[to] = moment;
      out.cell[to] = cell[i] as number;
      out.number[to] = number[i] as number;
      if (hasOthers) this.#place[to] = place[i] as number;
    }
    for (const [start, end] of crowded) this.#dealAgain(start, end);
  }

  /** Makes of how many rows buckets have where each begins, `base` being the first; tells the crowded ones. */
  #sumUp(base: number, count: number, mayBeCrowded: boolean): [start: number, end: number][] {
    const starts = this.#starts;
    const crowded: [start: number, end: number][] = [];
    let sum = base;
    for (let bucket = 0; bucket <= count; bucket += 1) {
      const ofBucket = starts[bucket] as number;
      starts[bucket] = sum;
      if (ofBucket > CROWDED && mayBeCrowded) crowded.push([sum, sum + ofBucket]);
      sum += ofBucket;
    }
    return crowded;
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

  #cellsOf({ rows, node }: Source, stop: number, into: Uint32Array, at: number): void {
    const { column, columns, at: start } = rows;
    const nodes = this.#cells.nodeIds.length;
    if (column >= 0) {
      into.fill(column * nodes + node, at, at + stop - start);
      return;
    }
    for (let i = start; i < stop; i += 1) {
      into[at + i - start] = (columns[i] as number) * nodes + node;
    }
  }

  /** Values that are no numbers, as data: each once per batch of rows. */
  #placesOf(source: Source, stop: number, into: Int32Array, at: number): void {
    const { rows, known } = source;
    const { place: places, at: start } = rows;
    this.#hasOthers = true;
    const end = Math.min(stop, rows.lastOther + 1);
    for (let i = start; i < end; i += 1) {
      const place = places[i] as number;
      if (place === RowPlace.number) continue;
      let given: Given = ABSENT;
      if (place >= 0) {
        given = known[place] ?? fromValue(rows.values[place] as Value);
        known[place] = given as Known;
      }
      into[at + i - start] = this.#others.push(given) - 1;
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
