/**
 * Applies rows without evaluating anything: for windows of which bounds say that the condition does not
 * turn (bounds.ts). What was a cut is counted, as if it had been evaluated. Hot.
 */
import type { Cells } from "./cells.ts";
import type { Pace } from "./walker.ts";

export class RowApplier {
  readonly #cells: Cells;
  /** What cells held before: aggregates hear of the difference, once. */
  readonly #before: Float64Array;

  constructor(cells: Cells) {
    this.#cells = cells;
    this.#before = new Float64Array(cells.numbers.length);
  }

  /**
   * Rows that stand alone at their tick and put a number in place of another; returns the first that does
   * not, or `count`. t[count] is infinite.
   */
  apply(
    t: Float64Array,
    cell: Uint32Array,
    number: Float64Array,
    count: number,
    pace: Pace,
  ): number {
    const { numbers } = this.#cells;
    this.#before.set(numbers);
    let i = 0;
    let cuts = 0;
    for (; i < count; i += 1) {
      const of = cell[i] as number;
      const value = number[i] as number;
      const before = numbers[of] as number;
      if (t[i] === t[i + 1] || Number.isNaN(value) || Number.isNaN(before)) break;
      if (value === before) continue;
      numbers[of] = value;
      cuts += 1;
    }
    pace.cuts += cuts;
    this.#tell();
    return i;
  }

  #tell(): void {
    const { numbers, nodeIds, columnCount } = this.#cells;
    const nodes = nodeIds.length;
    for (let column = 0; column < columnCount; column += 1) {
      const aggregates = this.#cells.aggregatesOf(column);
      if (aggregates.length === 0) continue;
      for (let node = 0; node < nodes; node += 1) {
        const cell = column * nodes + node;
        const before = this.#before[cell] as number;
        const now = numbers[cell] as number;
        if (before === now || Number.isNaN(now)) continue;
        for (const one of aggregates) one.update(node, before, now);
      }
    }
  }
}
