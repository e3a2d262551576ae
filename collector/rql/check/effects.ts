/**
 * Whether the cuts of a query must be visited in order.
 *
 * They need not be as long as every GLOBAL that is read in a cut was assigned in that cut before:
 * then nothing is carried from one cut to the next. An assignment that runs only sometimes (in WHEN,
 * in a quantifier, behind something that may be false) proves nothing.
 */
import type { Scope } from "../text/ast.ts";
import type { BoundExpr } from "./bound.ts";
import { partsOf } from "./parts.ts";

/** Slots that are surely assigned once an expression has run, and what was read before. */
class Reading {
  readonly #isGlobal: (slot: number) => boolean;
  /** GLOBALs that were read when they may not have been assigned yet. */
  readonly carried: Set<number> = new Set();

  constructor(isGlobal: (slot: number) => boolean) {
    this.#isGlobal = isGlobal;
  }

  /** What is surely assigned after `expr`, given what was before. */
  after(expr: BoundExpr, before: ReadonlySet<number>): ReadonlySet<number> {
    switch (expr.type) {
      case "declared":
        if (this.#isGlobal(expr.slot) && !before.has(expr.slot)) this.carried.add(expr.slot);
        return before;
      case "assign": {
        const then = this.after(expr.value, before);
        // GLOBAL n := 0 runs at the first cut only.
        return expr.isFirst ? then : new Set([...then, expr.slot]);
      }
      case "logical":
        return this.#logical(expr, before);
      case "choice": {
        const asked = this.after(expr.condition, before);
        const whenTrue = this.after(expr.whenTrue, asked);
        const whenFalse = expr.whenFalse === undefined ? asked : this.after(expr.whenFalse, asked);
        return new Set([...whenTrue].filter((slot) => whenFalse.has(slot)));
      }
      case "filter":
      case "quantifier":
        // The body may never run.
        for (const part of partsOf(expr)) this.after(part, before);
        return before;
      default:
        return partsOf(expr).reduce((sofar, part) => this.after(part, sofar), before);
    }
  }

  /** AND goes on while nothing is false, OR while nothing is true; an assignment is TRUE. */
  #logical(
    { op, operands }: Extract<BoundExpr, { type: "logical" }>,
    before: ReadonlySet<number>,
  ): ReadonlySet<number> {
    let sure = before;
    let isSure = true;
    for (const operand of operands) {
      const after = this.after(operand, sure);
      if (isSure) sure = after;
      else continue;
      isSure = op === "AND" && (operand.type === "assign" || operand.type === "nothing");
    }
    return sure;
  }
}

/** The slots of GLOBALs that carry something from a cut to the next, in order. */
export function carriedGlobals(
  inOrder: readonly BoundExpr[],
  scopes: readonly Scope[],
): readonly number[] {
  const reading = new Reading((slot) => scopes[slot] === "GLOBAL");
  let sure: ReadonlySet<number> = new Set();
  for (const expr of inOrder) sure = reading.after(expr, sure);
  return [...reading.carried].sort((a, b) => a - b);
}
