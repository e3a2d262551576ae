/**
 * What is read from aggregates when a condition is evaluated: numbers (NaN: unknown) and truths. Here
 * the rules for holes stand: a function over a variable that is lost somewhere is unknown, EXISTS, FORALL
 * and IN are Kleene's OR and AND over what is known and an unknown.
 */

import type { HeldText } from "./aggregate.ts";
import { CellKind, type Cells } from "./cells.ts";
import type { CountedPredicate } from "./counted-predicate.ts";
import type { CountedValues } from "./counted-values.ts";
import type { Comparison } from "./ir.ts";
import { type Bounds, type Coming, widened } from "./number-bounds.ts";
import type { Odd } from "./odd.ts";
import type { RunningSum } from "./running-sum.ts";
import type { Tournament } from "./tournament.ts";

export interface Reading {
  /** A number, NaN where it is unknown. */
  read(): number;
  /** What it may become while nodes that hold a number take others within `coming`. */
  bounds?(coming: Coming): Bounds | undefined;
}

export interface Asking {
  /** 0 false, 1 true, 2 unknown; `about` where it is about a number. */
  ask(about: number): number;
}

/** What readings of one column share. */
class OfColumn {
  protected readonly cells: Cells;
  protected readonly column: number;
  protected readonly odd: Odd;

  constructor(cells: Cells, column: number, odd: Odd) {
    this.cells = cells;
    this.column = column;
    this.odd = odd;
  }

  protected get isLost(): boolean {
    return this.cells.lostCounts[this.column] !== 0;
  }

  /** Some node holds something that is no number. */
  protected get hasOthers(): boolean {
    return this.cells.otherCounts[this.column] !== 0;
  }
}

/** Count(v): the nodes. */
export class CountReading extends OfColumn implements Reading {
  bounds(): Bounds | undefined {
    const count = this.read();
    return Number.isNaN(count) ? undefined : { least: count, greatest: count };
  }

  read(): number {
    return this.isLost ? Number.NaN : this.cells.knownCount(this.column);
  }
}

/** Cardinality(v): the distinct values. */
export class DistinctReading extends OfColumn implements Reading {
  readonly #values: CountedValues;

  constructor(cells: Cells, column: number, odd: Odd, values: CountedValues) {
    super(cells, column, odd);
    this.#values = values;
  }

  read(): number {
    return this.isLost ? Number.NaN : this.#values.distinct;
  }
}

/** Max(v), Min(v); infinite if no node holds a number. */
export class ExtremeReading extends OfColumn implements Reading {
  readonly #tree: Tournament;

  constructor(cells: Cells, column: number, odd: Odd, tree: Tournament) {
    super(cells, column, odd);
    this.#tree = tree;
  }

  read(): number {
    if (this.isLost) return Number.NaN;
    return this.hasOthers ? this.odd.raise() : this.#tree.best;
  }

  /** Of many numbers that may each become anything within `coming` the greatest may too; so may the least. */
  bounds(coming: Coming): Bounds | undefined {
    if (this.isLost || this.hasOthers) return undefined;
    return widened(this.#tree.best, coming, this.column);
  }
}

/** Sum(v). */
export class SumReading extends OfColumn implements Reading {
  readonly #sum: RunningSum;

  constructor(cells: Cells, column: number, odd: Odd, sum: RunningSum) {
    super(cells, column, odd);
    this.#sum = sum;
  }

  read(): number {
    if (this.isLost) return Number.NaN;
    if (this.hasOthers) return this.odd.raise();
    const { total } = this.#sum;
    return Number.isNaN(total) ? this.#anew() : total;
  }

  /** By node id, as the interpreter adds, so that both round alike. */
  #anew(): number {
    const { cells, column } = this;
    const count = cells.nodeIds.length;
    let total = 0;
    for (let node = 0; node < count; node += 1) {
      const cell = cells.cellOf(column, node);
      if (cells.kinds[cell] === CellKind.number) total += cells.numbers[cell] as number;
    }
    return Number.isFinite(total) ? total : this.odd.raise();
  }
}

/** Avg(v); unknown of nothing. */
export class AverageReading extends SumReading {
  override read(): number {
    const total = super.read();
    return total / this.cells.knownCount(this.column);
  }
}

/** Count({x IN v : (p)}). */
export class TrueCountReading extends OfColumn implements Reading {
  readonly #predicate: CountedPredicate;

  constructor(cells: Cells, column: number, odd: Odd, predicate: CountedPredicate) {
    super(cells, column, odd);
    this.#predicate = predicate;
  }

  read(): number {
    if (this.hasOthers || this.#predicate.strangerCount > 0) return this.odd.raise();
    return this.isLost ? Number.NaN : this.#predicate.trueCount;
  }
}

/** EXISTS x IN v : (p), FORALL x IN v : (p), p being about x alone. */
export class PredicateAsking extends OfColumn implements Asking {
  readonly #predicate: CountedPredicate;
  readonly #isExists: boolean;

  constructor(
    cells: Cells,
    column: number,
    odd: Odd,
    predicate: CountedPredicate,
    isExists: boolean,
  ) {
    super(cells, column, odd);
    this.#predicate = predicate;
    this.#isExists = isExists;
  }

  ask(): number {
    const { falseCount, trueCount, unknownCount, strangerCount } = this.#predicate;
    if (this.hasOthers || strangerCount > 0) {
      this.odd.is = true;
      return 2;
    }
    if ((this.#isExists ? trueCount : falseCount) > 0) return this.#isExists ? 1 : 0;
    if (unknownCount > 0 || this.isLost) return 2;
    return this.#isExists ? 0 : 1;
  }
}

/** EXISTS x IN v : (x > n) and its like, FORALL too, for a number that may change. */
export class ExtremeAsking extends OfColumn implements Asking {
  readonly #tree: Tournament;
  readonly #op: Comparison;
  readonly #isExists: boolean;

  constructor(
    cells: Cells,
    column: number,
    odd: Odd,
    tree: Tournament,
    op: Comparison,
    isExists: boolean,
  ) {
    super(cells, column, odd);
    this.#tree = tree;
    this.#op = op;
    this.#isExists = isExists;
  }

  ask(about: number): number {
    if (this.hasOthers) {
      this.odd.is = true;
      return 2;
    }
    const undecided = this.#isExists ? 0 : 1;
    if (this.cells.knownCount(this.column) > 0) {
      if (Number.isNaN(about)) return 2;
      // The member that is the likeliest to make it true (EXISTS), or false (FORALL).
      if (isOrdered(this.#op, this.#tree.best, about) === this.#isExists) return 1 - undecided;
    }
    return this.isLost ? 2 : undecided;
  }
}

/** Which winner decides `x op n`: of EXISTS the greatest for >, of FORALL the least. */
export function decidedBy(op: Comparison, isExists: boolean): "greatest" | "least" {
  return (op === ">" || op === ">=") === isExists ? "greatest" : "least";
}

function isOrdered(op: Comparison, a: number, b: number): boolean {
  return op === "<" ? a < b : op === "<=" ? a <= b : op === ">" ? a > b : a >= b;
}

/**
 * c IN v, which EXISTS x IN v : (x = c) is too; c may be of any kind. `isOther`: EXISTS x IN v : (x != c), that
 * something else is held.
 */
export class HeldAsking extends OfColumn implements Asking {
  readonly #values: CountedValues;
  readonly #value: number | HeldText;
  readonly #isOther: boolean;

  constructor(
    cells: Cells,
    column: number,
    odd: Odd,
    values: CountedValues,
    value: number | HeldText,
    isOther: boolean,
  ) {
    super(cells, column, odd);
    this.#values = values;
    this.#value = value;
    this.#isOther = isOther;
  }

  ask(): number {
    const isHeld = this.#values.has(this.#value);
    const isThere = this.#isOther ? this.#values.distinct > (isHeld ? 1 : 0) : isHeld;
    if (isThere) return 1;
    return this.isLost ? 2 : 0;
  }
}
