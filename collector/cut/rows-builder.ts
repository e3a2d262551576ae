/**
 * Rows of columns that are followed (column-shapes.ts), made one by one: where a block or a batch holds more
 * than numbers of what is followed.
 */
import type { Hlc, Value } from "../../agent/kernel/index.ts";
import type { ColumnRows } from "./column-shapes.ts";
import { RowPlace } from "./row-place.ts";

/** Rows of several columns, growing. */
export class RowsBuilder {
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

  rows(until: Hlc): ColumnRows {
    return {
      count: this.#count,
      t: this.#ticks,
      column: this.#column,
      number: this.#numbers,
      place: this.#places,
      values: this.#values,
      until,
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
