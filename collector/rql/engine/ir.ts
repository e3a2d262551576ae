/**
 * What a condition is lowered to: numbers and truths over cells and aggregates, without names, without
 * user text. Two back ends make functions of it (generate.ts, closures.ts).
 *
 *     a number    a double; NaN is unknown
 *     a truth     0 false, 1 true, 2 unknown
 *
 * Where a cell or a result is something that the language has a warning for, or that this form cannot
 * hold, `Odd` is raised (odd.ts), and the interpreter is asked for the whole conjunct at that cut.
 */
import type { ArithmeticOp } from "../text/ast.ts";

export type UnaryName = "Abs" | "Ceil" | "Floor" | "Sin" | "Cos" | "Tan";

export type NumberIr =
  /** `index` into the numbers that the text wrote. */
  | { readonly is: "constant"; readonly index: number }
  | { readonly is: "cell"; readonly cell: number }
  /** At a node that is not selected, or of a variable that nobody has. */
  | { readonly is: "absent" }
  /** The member that a predicate is about. */
  | { readonly is: "member" }
  | { readonly is: "negate"; readonly of: NumberIr }
  | {
      readonly is: "arithmetic";
      readonly op: ArithmeticOp;
      readonly left: NumberIr;
      readonly right: NumberIr;
    }
  | { readonly is: "unary"; readonly name: UnaryName; readonly of: NumberIr }
  /** `index` into the readings of aggregates. */
  | { readonly is: "reading"; readonly index: number }
  /** Max (1) or Min (-1) of one or more. A variable that no node holds is infinite, and left out. */
  | { readonly is: "extreme"; readonly sign: 1 | -1; readonly parts: readonly NumberIr[] }
  | {
      readonly is: "choice";
      readonly condition: TruthIr;
      readonly whenTrue: NumberIr;
      readonly whenFalse: NumberIr;
    };

export type Comparison = "<" | "<=" | ">" | ">=" | "=" | "!=";

export type TruthIr =
  | { readonly is: "truth"; readonly value: 0 | 1 | 2 }
  | {
      readonly is: "compare";
      readonly op: Comparison;
      readonly left: NumberIr;
      readonly right: NumberIr;
    }
  /** A cell holds a number, or a text, that was written; by index. */
  | { readonly is: "equals-number"; readonly cell: number; readonly index: number }
  | { readonly is: "equals-text"; readonly cell: number; readonly index: number }
  /** Two cells hold equal values. */
  | { readonly is: "same"; readonly left: number; readonly right: number }
  | { readonly is: "not"; readonly of: TruthIr }
  | { readonly is: "logical"; readonly op: "AND" | "OR"; readonly operands: readonly TruthIr[] }
  | {
      readonly is: "either";
      readonly condition: TruthIr;
      readonly whenTrue: TruthIr;
      readonly whenFalse: TruthIr;
    }
  /** 0 is false, any other number true. */
  | { readonly is: "number-as-truth"; readonly of: NumberIr }
  /** What a cell holds, in the place of a truth. */
  | { readonly is: "cell-as-truth"; readonly cell: number }
  | { readonly is: "unknown-cell"; readonly cell: number }
  /** An aggregate that answers by itself; `index` into the askings. */
  | { readonly is: "asking"; readonly index: number }
  /** The same, about a number. */
  | { readonly is: "asking-about"; readonly index: number; readonly of: NumberIr };

/** Whether it is the same for all cuts, but for the member. */
export function isClosed(ir: NumberIr | TruthIr): boolean {
  switch (ir.is) {
    case "constant":
    case "member":
    case "truth":
      return true;
    case "negate":
    case "unary":
    case "not":
    case "number-as-truth":
      return isClosed(ir.of);
    case "arithmetic":
    case "compare":
      return isClosed(ir.left) && isClosed(ir.right);
    case "extreme":
      return ir.parts.every(isClosed);
    case "choice":
    case "either":
      return isClosed(ir.condition) && isClosed(ir.whenTrue) && isClosed(ir.whenFalse);
    case "logical":
      return ir.operands.every(isClosed);
    default:
      return false;
  }
}

/** Whether it looks at the member. */
export function hasMember(ir: NumberIr | TruthIr): boolean {
  switch (ir.is) {
    case "member":
      return true;
    case "negate":
    case "unary":
    case "not":
    case "number-as-truth":
    case "asking-about":
      return hasMember(ir.of);
    case "arithmetic":
    case "compare":
      return hasMember(ir.left) || hasMember(ir.right);
    case "extreme":
      return ir.parts.some(hasMember);
    case "choice":
    case "either":
      return hasMember(ir.condition) || hasMember(ir.whenTrue) || hasMember(ir.whenFalse);
    case "logical":
      return ir.operands.some(hasMember);
    default:
      return false;
  }
}
