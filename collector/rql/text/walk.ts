/** The parts of a tree, in the order in which they are written. */
import type { Expr } from "./ast.ts";

export function childrenOf(node: Expr): readonly Expr[] {
  switch (node.type) {
    case "field":
      return [node.object];
    case "index":
      return [node.object, node.index];
    case "negate":
    case "not":
    case "is":
      return [node.operand];
    case "arithmetic":
    case "setop":
    case "compare":
      return [node.left, node.right];
    case "logical":
      return node.operands;
    case "choice":
      return [
        node.condition,
        node.whenTrue,
        ...(node.whenFalse === undefined ? [] : [node.whenFalse]),
      ];
    case "call":
      return node.args;
    case "set":
      return node.members;
    case "filter":
      return [node.source, node.body];
    case "quantifier":
      return [...node.bindings.map(({ source }) => source), node.body];
    case "declare":
      return node.value === undefined ? [] : [node.value];
    case "assign":
      return [node.value];
    default:
      return [];
  }
}

/** The tree and everything in it, outermost first. */
export function* walk(node: Expr): Generator<Expr> {
  const waiting: Expr[] = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next;
    waiting.push(...childrenOf(next).toReversed());
  }
}
