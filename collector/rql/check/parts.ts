/** The parts of a checked tree, in the order in which they run. */
import type { BoundExpr } from "./bound.ts";

export function partsOf(expr: BoundExpr): readonly BoundExpr[] {
  switch (expr.type) {
    case "at-node":
      return [expr.node];
    case "changed":
      return expr.node === undefined ? [] : [expr.node];
    case "became":
      return [expr.condition];
    case "field":
      return [expr.object];
    case "element":
      return [expr.object, expr.index];
    case "negate":
    case "not":
    case "is":
      return [expr.operand];
    case "arithmetic":
    case "setop":
    case "compare":
      return [expr.left, expr.right];
    case "logical":
      return expr.operands;
    case "choice":
      return [
        expr.condition,
        expr.whenTrue,
        ...(expr.whenFalse === undefined ? [] : [expr.whenFalse]),
      ];
    case "call":
      return expr.args;
    case "set":
      return expr.members;
    case "filter":
      return [expr.source, expr.body];
    case "quantifier":
      return [...expr.loops.map(({ source }) => source), expr.body];
    case "assign":
      return [expr.value];
    default:
      return [];
  }
}
