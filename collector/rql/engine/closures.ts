/**
 * Lowered conditions as closures: for where making code from strings is forbidden, and for the bodies
 * of predicates. One closure per node of the tree; nothing is looked up by name.
 */

import {
  arithmeticOf,
  comparisonOf,
  extremeOf,
  somethingOf,
  UNARY_FUNCTIONS,
} from "./arithmetic.ts";
import { CellKind, type Cells } from "./cells.ts";
import type { NumberTest } from "./counted-predicate.ts";
import type { NumberIr, TruthIr } from "./ir.ts";
import type { Odd } from "./odd.ts";
import type { Asking, Reading } from "./readings.ts";

/** What lowered trees refer to. */
export interface ClosureTables {
  readonly odd: Odd;
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
  readonly readings: readonly Reading[];
  readonly askings: readonly Asking[];
}

/** Gives a number or a truth; `member` is what a predicate is about. */
export type Closure = (member: number) => number;

/** The test of a predicate's body, which looks at nothing but the member. */
export function numberTest(body: TruthIr, tables: ClosureTables): NumberTest {
  const { odd } = tables;
  const truth = truthClosure(body, tables, undefined);
  return (value) => {
    odd.is = false;
    const told = truth(value);
    if (!odd.is) return told;
    odd.is = false;
    return 3;
  };
}

export function truthClosure(
  ir: TruthIr,
  tables: ClosureTables,
  cells: Cells | undefined,
): Closure {
  const truth = (of: TruthIr): Closure => truthClosure(of, tables, cells);
  const number = (of: NumberIr): Closure => numberClosure(of, tables, cells);
  switch (ir.is) {
    case "truth": {
      const { value } = ir;
      return () => value;
    }
    case "compare": {
      const compare = comparisonOf(ir.op);
      const left = number(ir.left);
      const right = number(ir.right);
      return (member) => compare(left(member), right(member));
    }
    case "equals-number": {
      const held = cells as Cells;
      const { cell } = ir;
      const wanted = tables.numbers[ir.index] as number;
      return () => equalsNumber(held, cell, wanted);
    }
    case "equals-text": {
      const held = cells as Cells;
      const { cell } = ir;
      const wanted = tables.texts[ir.index] as string;
      return () => equalsText(held, cell, wanted);
    }
    case "same": {
      const held = cells as Cells;
      const { left, right } = ir;
      return () => sameIn(held, left, right);
    }
    case "not": {
      const of = truth(ir.of);
      return (member) => negated(of(member));
    }
    case "logical":
      return ir.op === "AND" ? allOf(ir.operands.map(truth)) : anyOf(ir.operands.map(truth));
    case "either": {
      const condition = truth(ir.condition);
      const whenTrue = truth(ir.whenTrue);
      const whenFalse = truth(ir.whenFalse);
      return (member) => {
        const is = condition(member);
        return is === 1 ? whenTrue(member) : is === 0 ? whenFalse(member) : 2;
      };
    }
    case "number-as-truth": {
      const of = number(ir.of);
      return (member) => {
        const value = of(member);
        return value === 0 ? 0 : Number.isNaN(value) ? 2 : 1;
      };
    }
    case "cell-as-truth": {
      const { numbers } = cells as Cells;
      const { cell } = ir;
      const { odd } = tables;
      return () => {
        const value = numbers[cell] as number;
        return value === 0 ? 0 : Number.isNaN(value) ? odd.truth(cell) : 1;
      };
    }
    case "unknown-cell": {
      const held = cells as Cells;
      const { cell } = ir;
      return () => isUnknownIn(held, cell);
    }
    case "asking": {
      const asking = tables.askings[ir.index] as Asking;
      return () => asking.ask(Number.NaN);
    }
    case "asking-about": {
      const asking = tables.askings[ir.index] as Asking;
      const of = number(ir.of);
      return (member) => asking.ask(of(member));
    }
  }
}

export function numberClosure(
  ir: NumberIr,
  tables: ClosureTables,
  cells: Cells | undefined,
): Closure {
  const number = (of: NumberIr): Closure => numberClosure(of, tables, cells);
  switch (ir.is) {
    case "constant": {
      const value = tables.numbers[ir.index] as number;
      return () => value;
    }
    case "cell": {
      const { numbers } = cells as Cells;
      const { cell } = ir;
      const { odd } = tables;
      return () => {
        const value = numbers[cell] as number;
        return Number.isNaN(value) ? odd.cell(cell) : value;
      };
    }
    case "absent":
      return () => Number.NaN;
    case "member":
      return (member) => member;
    case "negate": {
      const of = number(ir.of);
      return (member) => 0 - of(member);
    }
    case "arithmetic": {
      const compute = arithmeticOf(ir.op, tables.odd);
      const left = number(ir.left);
      const right = number(ir.right);
      return (member) => compute(left(member), right(member));
    }
    case "unary": {
      const compute = UNARY_FUNCTIONS[ir.name];
      const of = number(ir.of);
      return (member) => compute(of(member));
    }
    case "reading": {
      const reading = tables.readings[ir.index] as Reading;
      return () => reading.read();
    }
    case "extreme": {
      const parts = ir.parts.map(number);
      const extreme = extremeOf(ir.sign);
      return (member) => {
        let best = (parts[0] as Closure)(member);
        for (let i = 1; i < parts.length; i += 1) {
          best = extreme(best, (parts[i] as Closure)(member));
        }
        return somethingOf(best);
      };
    }
    case "choice": {
      const condition = truthClosure(ir.condition, tables, cells);
      const whenTrue = number(ir.whenTrue);
      const whenFalse = number(ir.whenFalse);
      return (member) => {
        const is = condition(member);
        return is === 1 ? whenTrue(member) : is === 0 ? whenFalse(member) : Number.NaN;
      };
    }
  }
}

function isKnown(kind: number): boolean {
  return kind === CellKind.number || kind === CellKind.other;
}

/** Whether a cell holds what has this canonical text. */
export function equalsText(cells: Cells, cell: number, wanted: string): number {
  if (!isKnown(cells.kinds[cell] as number)) return 2;
  return cells.textAt(cell) === wanted ? 1 : 0;
}

/** Whether a cell holds this number. */
export function equalsNumber(cells: Cells, cell: number, wanted: number): number {
  if (cells.numbers[cell] === wanted) return 1;
  return isKnown(cells.kinds[cell] as number) ? 0 : 2;
}

/** Whether two cells hold equal values. */
export function sameIn(cells: Cells, left: number, right: number): number {
  const kind = cells.kinds[left] as number;
  const other = cells.kinds[right] as number;
  if (!isKnown(kind) || !isKnown(other)) return 2;
  if (kind !== other) return 0;
  if (kind === CellKind.number) return cells.numbers[left] === cells.numbers[right] ? 1 : 0;
  return cells.textAt(left) === cells.textAt(right) ? 1 : 0;
}

/** 1 where a cell is absent or lost. */
export function isUnknownIn(cells: Cells, cell: number): number {
  return isKnown(cells.kinds[cell] as number) ? 0 : 1;
}

function negated(truth: number): number {
  return truth === 2 ? 2 : 1 - truth;
}

function allOf(operands: readonly Closure[]): Closure {
  return (member) => {
    let result = 1;
    for (const operand of operands) {
      const truth = operand(member);
      if (truth === 0) return 0;
      if (truth === 2) result = 2;
    }
    return result;
  };
}

function anyOf(operands: readonly Closure[]): Closure {
  return (member) => {
    let result = 0;
    for (const operand of operands) {
      const truth = operand(member);
      if (truth === 1) return 1;
      if (truth === 2) result = 2;
    }
    return result;
  };
}
