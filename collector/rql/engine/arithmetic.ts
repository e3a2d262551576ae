/**
 * Numbers and truths as the back ends compute them: NaN is unknown, 2 is unknown. The generated form
 * writes the same out as text (generate.ts); a test compares both with the interpreter.
 */
import type { ArithmeticOp } from "../text/ast.ts";
import type { Comparison, UnaryName } from "./ir.ts";
import type { Odd } from "./odd.ts";

export function arithmeticOf(op: ArithmeticOp, odd: Odd): (a: number, b: number) => number {
  const finite = (result: number, a: number, b: number): number =>
    Number.isFinite(result) ? result : odd.of(a, b);
  switch (op) {
    case "+":
      return (a, b) => finite(a + b, a, b);
    case "-":
      return (a, b) => finite(a - b, a, b);
    case "*":
      return (a, b) => finite(a * b, a, b);
    case "/":
      return (a, b) => (b === 0 ? odd.of(a, b) : finite(a / b, a, b));
    case "%":
      return (a, b) => (b === 0 ? odd.of(a, b) : finite(a % b, a, b));
  }
}

export function comparisonOf(op: Comparison): (a: number, b: number) => number {
  switch (op) {
    case "<":
      return (a, b) => (a < b ? 1 : a >= b ? 0 : 2);
    case "<=":
      return (a, b) => (a <= b ? 1 : a > b ? 0 : 2);
    case ">":
      return (a, b) => (a > b ? 1 : a <= b ? 0 : 2);
    case ">=":
      return (a, b) => (a >= b ? 1 : a < b ? 0 : 2);
    case "=":
      return (a, b) => (a === b ? 1 : Number.isNaN(a) || Number.isNaN(b) ? 2 : 0);
    case "!=":
      return (a, b) => (a === b ? 0 : Number.isNaN(a) || Number.isNaN(b) ? 2 : 1);
  }
}

export const UNARY_FUNCTIONS: Readonly<Record<UnaryName, (n: number) => number>> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Floor: Math.floor,
  Sin: Math.sin,
  Cos: Math.cos,
  Tan: Math.tan,
};

/** The greater of two (the less, if `sign` is -1); unknown if one is. */
export function extremeOf(sign: 1 | -1): (a: number, b: number) => number {
  return (a, b) =>
    Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : a > b === (sign === 1) ? a : b;
}

/** What was left of Max and Min once empty variables are left out: nothing is unknown. */
export function somethingOf(extreme: number): number {
  return Number.isFinite(extreme) ? extreme : Number.NaN;
}
