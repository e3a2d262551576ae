/**
 * Goes through a piece of a window without putting its rows in order: first what its numbers lie between,
 * then, if that says that the condition cannot turn (bounds.ts), the rows are applied stream by stream,
 * and what would have been a cut is counted. Hot: benches `walk`, `walk-wide`.
 *
 *     n1    3 4   5         [3 .. 5]      applied: n1 = 5, n2 = 8
 *     n2      7     8       [7 .. 8]      cuts:    ticks at which something changed, each once
 *
 * A tick is a cut if some cell holds another value behind it than before it; rows of a cell are all in one
 * stream, so each stream tells its ticks by itself. Aggregates hear of the difference, once per cell.
 */
import type { Cells } from "./cells.ts";
import type { Coming } from "./number-bounds.ts";
import type { Source } from "./sources.ts";
import { changesOf, TickSet } from "./tick-set.ts";

export class RowApplier {
  readonly #cells: Cells;
  readonly #ticks = new TickSet();
  /** Streams with rows in the piece. */
  readonly #busy: Source[] = [];
  #busyCount = 0;
  /** By cell, in which call it was met last: of one tick, and of one stream. */
  readonly #metInTick: Float64Array;
  readonly #metInStream: Float64Array;
  #tick = 0;
  #stream = 0;
  /** Cells of the stream at hand that were given another number, and what they held before. */
  readonly #given: number[] = [];
  readonly #before: Float64Array;
  /** What the loops take and give back: one number. */
  readonly #held = new Float64Array(1);
  readonly coming: Coming;
  /** Rows of the piece that was looked at last. */
  rowCount = 0;

  constructor(cells: Cells) {
    this.#cells = cells;
    const size = cells.numbers.length;
    this.#metInTick = new Float64Array(size);
    this.#metInStream = new Float64Array(size);
    this.#before = new Float64Array(size);
    this.coming = {
      least: new Float64Array(cells.columnCount),
      greatest: new Float64Array(cells.columnCount),
    };
  }

  /** To be called where time goes back. */
  clear(): void {
    this.#ticks.clear();
  }

  /**
   * Looks at the rows up to `end`; `coming` then tells what their numbers lie between. False: some are no
   * numbers, or would be the first number of their cell.
   */
  look(sources: readonly Source[], end: number): boolean {
    const { least, greatest } = this.coming;
    for (let column = 0; column < least.length; column += 1) {
      least[column] = Number.POSITIVE_INFINITY;
      greatest[column] = Number.NEGATIVE_INFINITY;
    }
    this.#busyCount = 0;
    this.rowCount = 0;
    for (const source of sources) {
      const { at, count, t } = source.rows;
      if (at >= count || (t[at] as number) > end) continue;
      const stop = this.#lookAt(source, end);
      if (stop < 0) return false;
      source.stop = stop;
      this.rowCount += stop - at;
      this.#busy[this.#busyCount] = source;
      this.#busyCount += 1;
    }
    return true;
  }

  /** Applies the rows that were looked at, which lie in (floor, end]; returns how many cuts they are. */
  apply(floor: number, end: number): number {
    const isAlone = this.#busyCount === 1;
    if (!isAlone) this.#ticks.goOn(floor, this.rowCount, end);
    let cuts = 0;
    for (let i = 0; i < this.#busyCount; i += 1) {
      const source = this.#busy[i] as Source;
      const { rows } = source;
      cuts += rows.column >= 0 ? this.#applyOne(source, isAlone) : this.#applyMany(source, isAlone);
      rows.at = source.stop;
    }
    return cuts;
  }

  /** The first row later than `end`; -1: rows that are no numbers, or cells that hold none. */
  #lookAt(source: Source, end: number): number {
    const { rows, node } = source;
    const { at, count, t, number, column, columns } = rows;
    if (rows.lastOther >= at) return -1;
    const { numbers, nodeIds } = this.#cells;
    const nodes = nodeIds.length;
    const { least, greatest } = this.coming;
    if (column >= 0) {
      if (Number.isNaN(numbers[column * nodes + node] as number)) return -1;
      return lookAtColumn(t, number, at, count, end, least, greatest, column);
    }
    let i = at;
    for (; i < count; i += 1) {
      if ((t[i] as number) > end) break;
      const of = columns[i] as number;
      if (Number.isNaN(numbers[of * nodes + node] as number)) return -1;
      const value = number[i] as number;
      if (value < (least[of] as number)) least[of] = value;
      if (value > (greatest[of] as number)) greatest[of] = value;
    }
    return i;
  }

  #applyOne({ rows, stop, node }: Source, isAlone: boolean): number {
    const { at, column, t, number } = rows;
    const cells = this.#cells;
    const cell = cells.cellOf(column, node);
    const held = this.#held;
    const before = cells.numbers[cell] as number;
    held[0] = before;
    const cuts = isAlone
      ? changesOf(t, number, at, stop, held)
      : this.#ticks.addChanges(t, number, at, stop, held);
    const now = held[0] as number;
    cells.numbers[cell] = now;
    this.#tell(column, node, before, now);
    return cuts;
  }

  #applyMany({ rows, stop, node }: Source, isAlone: boolean): number {
    const { at, columns, t, number } = rows;
    const { numbers, nodeIds } = this.#cells;
    const nodes = nodeIds.length;
    const metInTick = this.#metInTick;
    this.#stream += 1;
    let cuts = 0;
    for (let i = at; i < stop; ) {
      const moment = t[i] as number;
      let next = i + 1;
      while (next < stop && t[next] === moment) next += 1;
      let isCut = false;
      this.#tick += 1;
      // Backwards: of one cell and tick the last row counts.
      for (let row = next - 1; row >= i; row -= 1) {
        const cell = (columns[row] as number) * nodes + node;
        if (metInTick[cell] === this.#tick) continue;
        metInTick[cell] = this.#tick;
        const value = number[row] as number;
        if (value === numbers[cell]) continue;
        this.#note(cell);
        numbers[cell] = value;
        isCut = true;
      }
      if (isCut) cuts += isAlone ? 1 : this.#ticks.add(moment);
      i = next;
    }
    this.#tellGiven(node);
    return cuts;
  }

  /** Remembers what a cell held before the stream. */
  #note(cell: number): void {
    if (this.#metInStream[cell] === this.#stream) return;
    this.#metInStream[cell] = this.#stream;
    this.#before[cell] = this.#cells.numbers[cell] as number;
    this.#given.push(cell);
  }

  #tellGiven(node: number): void {
    const { numbers } = this.#cells;
    for (const cell of this.#given) {
      const column = this.#cells.columnOf(cell);
      this.#tell(column, node, this.#before[cell] as number, numbers[cell] as number);
    }
    this.#given.length = 0;
  }

  #tell(column: number, node: number, before: number, now: number): void {
    if (before === now) return;
    for (const one of this.#cells.aggregatesOf(column)) one.update(node, before, now);
  }
}

/** Widens what a column's numbers lie between by rows from `at` on; returns the first row later than `end`. */
function lookAtColumn(
  t: Float64Array,
  number: Float64Array,
  at: number,
  count: number,
  end: number,
  leasts: Float64Array,
  greatests: Float64Array,
  column: number,
): number {
  let least = leasts[column] as number;
  let greatest = greatests[column] as number;
  let i = at;
  for (; i < count; i += 1) {
    if ((t[i] as number) > end) break;
    const value = number[i] as number;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  leasts[column] = least;
  greatests[column] = greatest;
  return i;
}
