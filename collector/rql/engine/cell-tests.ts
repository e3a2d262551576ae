/** Lowers what is asked of single cells: `v["n1"]` by itself, and by value, whatever its kind, against others. */
import type { AtNodeExpr, BoundExpr } from "../check/bound.ts";
import { canonical, type Known, kindOf } from "../values/datum.ts";
import type { Cells } from "./cells.ts";
import type { TruthIr } from "./ir.ts";

export interface CellTestsOptions {
  readonly cells: Cells;
  /** By column: whether nobody has it. */
  readonly isNowhere: readonly boolean[];
  /** What was written: further ones are added. */
  readonly numbers: number[];
  readonly texts: string[];
}

export class CellTests {
  readonly #options: CellTestsOptions;

  constructor(options: CellTestsOptions) {
    this.#options = options;
  }

  /** -1: absent always. Undefined: not the value at a node that is written out. */
  cellOf({ aspect, column, node }: AtNodeExpr): number | undefined {
    if (aspect !== "value" || node.type !== "constant") return undefined;
    const { value } = node;
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    const { cells, isNowhere } = this.#options;
    const index = cells.nodeIndex(String(value));
    return index < 0 || isNowhere[column] === true ? -1 : cells.cellOf(column, index);
  }

  unknown(operand: BoundExpr, what: "NULL" | "UNKNOWN", negated: boolean): TruthIr | undefined {
    if (operand.type !== "at-node" || what !== "UNKNOWN") return undefined;
    const cell = this.cellOf(operand);
    if (cell === undefined) return undefined;
    const is: TruthIr = cell < 0 ? { is: "truth", value: 1 } : { is: "unknown-cell", cell };
    return negated ? { is: "not", of: is } : is;
  }

  /** A cell against what is written, or against another cell. */
  equal(left: BoundExpr, right: BoundExpr): TruthIr | undefined {
    if (left.type !== "at-node") return undefined;
    const cell = this.cellOf(left);
    if (cell === undefined) return undefined;
    if (right.type === "constant") return this.#equalsConstant(cell, right.value);
    if (right.type !== "at-node") return undefined;
    const other = this.cellOf(right);
    if (other === undefined) return undefined;
    if (cell < 0 || other < 0) return { is: "truth", value: 2 };
    return { is: "same", left: cell, right: other };
  }

  /** A cell among values that are written out. */
  among(left: BoundExpr, members: readonly BoundExpr[]): TruthIr | undefined {
    const [first] = members;
    if (first === undefined || left.type !== "at-node") return undefined;
    const operands = members.map((member) =>
      member.type === "constant" ? this.equal(left, member) : undefined,
    );
    return operands.every((one) => one !== undefined)
      ? { is: "logical", op: "OR", operands }
      : undefined;
  }

  #equalsConstant(cell: number, value: Known): TruthIr | undefined {
    if (kindOf(value) === "set") return undefined;
    if (cell < 0) return { is: "truth", value: 2 };
    const { numbers, texts } = this.#options;
    if (typeof value === "number") {
      return { is: "equals-number", cell, index: numbers.push(value) - 1 };
    }
    return { is: "equals-text", cell, index: texts.push(canonical(value)) - 1 };
  }
}
