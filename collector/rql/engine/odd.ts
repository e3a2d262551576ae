/**
 * Raised where the fast form has no answer: an overflow, a division by zero, a value that is no number.
 * Whoever evaluates a conjunct lowers it before, and asks the interpreter if it was raised meanwhile.
 * Unknown operands are not odd: what follows from them is unknown, without a word.
 */
import { CellKind, type Cells } from "./cells.ts";

/** The canonical texts of what may stand in the place of a truth. */
const TRUTHS: ReadonlyMap<string | undefined, number> = new Map([
  ["true", 1],
  ["false", 0],
  ["null", 2],
]);

export class Odd {
  is = false;
  readonly #cells: Cells;

  constructor(cells: Cells) {
    this.#cells = cells;
  }

  raise(): number {
    this.is = true;
    return Number.NaN;
  }

  /** The result of an operation on `a` and `b` that is no finite number. */
  of(a: number, b: number): number {
    return Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : this.raise();
  }

  /** A cell that holds no number, where one is needed. */
  cell(cell: number): number {
    return this.#cells.kinds[cell] === CellKind.other ? this.raise() : Number.NaN;
  }

  /** A cell that holds no number, in the place of a truth. */
  truth(cell: number): number {
    if (this.#cells.kinds[cell] !== CellKind.other) return 2;
    const truth = TRUTHS.get(this.#cells.textAt(cell));
    if (truth !== undefined) return truth;
    this.is = true;
    return 2;
  }
}
