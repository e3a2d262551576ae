/**
 * All rows of one tick, of whatever cells, put into the state together: what passed within the tick is no change.
 * Hot: benches `walk`, `walk-wide`.
 *
 *     window    t      5 5 5 5 | 6
 *               cell   a b a c            a: 1, 2 over 2   no change: it ends with what it held
 *               number 1 7 2 4            b: 7 over 3      changed       c: 4 over 4   no change
 *
 * Numbers in place of numbers, as nearly all are, are remembered in arrays; anything else as data.
 */
import type { Cells, Given } from "./cells.ts";
import type { TimeMerge } from "./time-merge.ts";

export class TickChanges {
  readonly #cells: Cells;
  readonly #merge: TimeMerge;
  readonly #changed: number[] = [];
  /** By cell, what it held before the tick; and the last tick at which that was remembered. */
  readonly #before: Float64Array;
  readonly #metAt: Float64Array;

  /** Of the rows in the window of `merge`. */
  constructor(cells: Cells, merge: TimeMerge) {
    this.#cells = cells;
    this.#merge = merge;
    this.#before = new Float64Array(cells.numbers.length);
    this.#metAt = new Float64Array(cells.numbers.length).fill(Number.NaN);
  }

  /** The cells that the tick changed; another list after the next. */
  get changed(): readonly number[] {
    return this.#changed;
  }

  /** To be called where time goes back. */
  clear(): void {
    this.#metAt.fill(Number.NaN);
  }

  /** Applies the rows of the tick that begins at row `start`; returns the first row of the next. */
  apply(start: number): number {
    const { t, number, cell, count } = this.#merge.window;
    const { numbers } = this.#cells;
    const moment = t[start] as number;
    let areNumbers = true;
    let end = start;
    for (; end < count && t[end] === moment; end += 1) {
      const held = numbers[cell[end] as number] as number;
      if (Number.isNaN(number[end]) || Number.isNaN(held)) areNumbers = false;
    }
    this.#changed.length = 0;
    if (areNumbers) this.#applyNumbers(moment, start, end);
    else this.#applyAny(start, end);
    return end;
  }

  #applyNumbers(moment: number, start: number, end: number): void {
    const { cell, number } = this.#merge.window;
    const cells = this.#cells;
    const { numbers } = cells;
    const before = this.#before;
    const touched = this.#changed;
    for (let row = start; row < end; row += 1) {
      const of = cell[row] as number;
      const held = numbers[of] as number;
      if (number[row] === held) continue;
      if (this.#metAt[of] !== moment) {
        this.#metAt[of] = moment;
        touched.push(of);
        before[of] = held;
      }
      cells.change(of, number[row] as number);
    }
    let changed = 0;
    for (const of of touched) {
      const was = before[of] as number;
      if (numbers[of] !== was) {
        touched[changed] = of;
        changed += 1;
      } else if (was === 0) cells.put(of, was); // with the sign that it had
    }
    touched.length = changed;
  }

  #applyAny(start: number, end: number): void {
    const { cell, number } = this.#merge.window;
    const cells = this.#cells;
    const before = new Map<number, Given>();
    for (let row = start; row < end; row += 1) {
      const of = cell[row] as number;
      const value = number[row] as number;
      const given: Given = Number.isNaN(value) ? this.#merge.given(row) : value;
      if (cells.holds(of, given)) continue;
      if (!before.has(of)) before.set(of, cells.valueAt(of));
      cells.put(of, given);
    }
    for (const [of, was] of before) {
      if (!cells.holds(of, was)) this.#changed.push(of);
      else cells.put(of, was);
    }
  }
}
