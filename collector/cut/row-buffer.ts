/**
 * Rows of one stream that lie at hand, from the first that has not been gone through: read at one end, taken
 * at the other, in arrays that are used again and again. Hot: benches `walk`, `walk-wide`.
 *
 *     t        . . 5 6 9 9 12 | . . . .     room is made by moving what is left to the front
 *                  at         count
 */
import type { Value } from "../../agent/kernel/index.ts";

/** What a row of `place` puts in place of a value. */
export const RowPlace: { readonly absent: -1; readonly number: -2 } = { absent: -1, number: -2 };

const FIRST_ROOM = 512;
const NO_ROWS = -1;

export class RowBuffer {
  /** The column of every row; -1: rows are of several, and `columns` tells. */
  readonly column: number;
  /** Ticks, in the order of seqs. Longer than `count`, like the other arrays; another after `reserve`. */
  t: Float64Array = new Float64Array(FIRST_ROOM);
  /** NaN where the value is no number: then `place` tells. */
  number: Float64Array = new Float64Array(FIRST_ROOM);
  columns: Uint16Array;
  /** Index in `values`, or a `RowPlace`; of rows later than `lastOther` it says nothing. */
  place: Int32Array = new Int32Array(0);
  values: Value[] = [];
  /** The last row that is no number; -1: none is. */
  lastOther: number = NO_ROWS;
  /** The first row that has not been gone through, and the end of all rows. */
  at = 0;
  count = 0;
  /** How often rows were moved: what was remembered by place is out of date then. */
  moves = 0;

  constructor(column: number) {
    this.column = column;
    this.columns = new Uint16Array(column < 0 ? FIRST_ROOM : 0);
  }

  /** Has no rows. */
  clear(): void {
    this.at = 0;
    this.count = 0;
    this.lastOther = NO_ROWS;
    this.values = [];
    this.moves += 1;
  }

  /** Makes room for so many rows behind those that are there. */
  reserve(more: number): void {
    const size = this.t.length;
    if (this.count + more <= size) return;
    const left = this.count - this.at;
    if ((left + more) * 2 <= size || this.at === this.count) this.#move();
    if (this.count + more > this.t.length) {
      this.#move();
      this.#grow(Math.max(size * 2, (left + more) * 2));
    }
  }

  /** Adds a row for which there is room. */
  addNumber(t: number, column: number, value: number): void {
    const row = this.count;
    this.t[row] = t;
    this.number[row] = value;
    if (this.column < 0) this.columns[row] = column;
    this.count = row + 1;
  }

  /** Adds a row for which there is room; undefined: the variable was deleted. */
  add(t: number, column: number, value: Value | undefined): void {
    const row = this.count;
    if (typeof value === "number") {
      this.addNumber(t, column, value);
      return;
    }
    this.addNumber(t, column, Number.NaN);
    if (this.place.length < this.t.length) this.#growPlace();
    // Rows since the last one that was none are numbers.
    this.place.fill(RowPlace.number, Math.max(this.at, this.lastOther + 1), row);
    this.place[row] = value === undefined ? RowPlace.absent : this.values.push(value) - 1;
    this.lastOther = row;
  }

  /** What a row puts into its column; undefined: nothing any more. */
  valueAt(row: number): Value | undefined {
    const place = row > this.lastOther ? RowPlace.number : (this.place[row] as number);
    if (place === RowPlace.number) return this.number[row] as number;
    return place === RowPlace.absent ? undefined : this.values[place];
  }

  columnAt(row: number): number {
    return this.column < 0 ? (this.columns[row] as number) : this.column;
  }

  /** The first row from `at` on that is later than `end`. Looked for in leaps: it is not far. */
  firstAfter(end: number): number {
    const { t, count } = this;
    let low = this.at;
    let leap = 16;
    while (low + leap < count && (t[low + leap - 1] as number) <= end) {
      low += leap;
      leap *= 2;
    }
    let high = Math.min(low + leap, count);
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((t[middle] as number) <= end) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What is left goes to the front. */
  #move(): void {
    const { at, count } = this;
    if (at === 0) return;
    this.t.copyWithin(0, at, count);
    this.number.copyWithin(0, at, count);
    if (this.column < 0) this.columns.copyWithin(0, at, count);
    const values: Value[] = [];
    for (let row = at; row <= this.lastOther; row += 1) {
      const place = this.place[row] as number;
      this.place[row - at] = place < 0 ? place : values.push(this.values[place] as Value) - 1;
    }
    this.values = values;
    this.lastOther = Math.max(NO_ROWS, this.lastOther - at);
    this.count = count - at;
    this.at = 0;
    this.moves += 1;
  }

  #grow(size: number): void {
    const t = new Float64Array(size);
    t.set(this.t.subarray(0, this.count));
    this.t = t;
    const number = new Float64Array(size);
    number.set(this.number.subarray(0, this.count));
    this.number = number;
    if (this.column >= 0) return;
    const columns = new Uint16Array(size);
    columns.set(this.columns.subarray(0, this.count));
    this.columns = columns;
  }

  #growPlace(): void {
    const place = new Int32Array(this.t.length);
    place.set(this.place);
    this.place = place;
  }
}
