/**
 * Whether a condition can turn at all while values stay within bounds: of most pieces of a window it is
 * known from their least and their greatest number, before anything is put in order or evaluated.
 *
 *     v of n1    [3 .. 9]   what it is now, and all that the rows to come may make of it
 *     v of n2    [3 .. 7]
 *     Max(v)     [5 .. 9]   at the least what the greatest is now, or the least to come
 *     Max(v) > 20           false throughout: the rows are applied, and nothing is evaluated
 *
 * Interval arithmetic, and only what is simple and frequent: undefined is "cannot tell".
 */
import { CellKind, type Cells } from "./cells.ts";
import type { NumberIr, TruthIr } from "./ir.ts";
import { type Bounds, type Coming, finite, widened } from "./number-bounds.ts";
import type { Reading } from "./readings.ts";

export interface BoundsTables {
  readonly cells: Cells;
  readonly numbers: readonly number[];
  readonly readings: readonly Reading[];
}

/** 0 or 1: so it is and stays, as long as cells only take numbers within `coming`. */
export function decided(ir: TruthIr, coming: Coming, tables: BoundsTables): number | undefined {
  switch (ir.is) {
    case "truth":
      return ir.value === 2 ? undefined : ir.value;
    case "compare": {
      const left = boundsOf(ir.left, coming, tables);
      const right = left && boundsOf(ir.right, coming, tables);
      if (left === undefined || right === undefined) return undefined;
      return compared(ir.op, left, right);
    }
    case "not": {
      const of = decided(ir.of, coming, tables);
      return of === undefined ? undefined : 1 - of;
    }
    case "logical": {
      const decides = ir.op === "AND" ? 0 : 1;
      const operands = ir.operands.map((operand) => decided(operand, coming, tables));
      if (operands.includes(decides)) return decides;
      return operands.includes(undefined) ? undefined : 1 - decides;
    }
    default:
      return undefined;
  }
}

function boundsOf(ir: NumberIr, coming: Coming, tables: BoundsTables): Bounds | undefined {
  switch (ir.is) {
    case "constant": {
      const value = tables.numbers[ir.index] as number;
      return { least: value, greatest: value };
    }
    case "cell": {
      const { cells } = tables;
      if (cells.kinds[ir.cell] !== CellKind.number) return undefined;
      return widened(cells.numbers[ir.cell] as number, coming, cells.columnOf(ir.cell));
    }
    case "reading":
      return tables.readings[ir.index]?.bounds?.(coming);
    case "negate": {
      const of = boundsOf(ir.of, coming, tables);
      return of && finite(-of.greatest, -of.least);
    }
    case "arithmetic": {
      if (ir.op !== "+" && ir.op !== "-") return undefined;
      const a = boundsOf(ir.left, coming, tables);
      const b = a && boundsOf(ir.right, coming, tables);
      if (a === undefined || b === undefined) return undefined;
      return ir.op === "+"
        ? finite(a.least + b.least, a.greatest + b.greatest)
        : finite(a.least - b.greatest, a.greatest - b.least);
    }
    case "extreme": {
      const parts = ir.parts.map((part) => boundsOf(part, coming, tables));
      if (!parts.every((part) => part !== undefined)) return undefined;
      const of = ir.sign === 1 ? Math.max : Math.min;
      return finite(
        of(...parts.map(({ least }) => least)),
        of(...parts.map(({ greatest }) => greatest)),
      );
    }
    default:
      return undefined;
  }
}

function compared(
  op: Extract<TruthIr, { is: "compare" }>["op"],
  a: Bounds,
  b: Bounds,
): number | undefined {
  switch (op) {
    case "<":
      return a.greatest < b.least ? 1 : a.least >= b.greatest ? 0 : undefined;
    case "<=":
      return a.greatest <= b.least ? 1 : a.least > b.greatest ? 0 : undefined;
    case ">":
      return compared("<", b, a);
    case ">=":
      return compared("<=", b, a);
    case "=":
      return a.greatest < b.least || b.greatest < a.least ? 0 : undefined;
    case "!=":
      return a.greatest < b.least || b.greatest < a.least ? 1 : undefined;
  }
}
