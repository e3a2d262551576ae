/**
 * Lowers checked trees to the form of ir.ts, and attaches the aggregates that it needs to the cells.
 *
 * Undefined means: not covered, ask the interpreter. What is lowered gives the interpreter's truth at
 * every cut, or raises `Odd`: names have become cells, literals indexes into arrays, an aggregate is
 * shared by all that ask for the same.
 */
import type {
  BoundExpr,
  CallExpr,
  CompareExpr,
  FilterExpr,
  QuantifierExpr,
  VariableExpr,
} from "../check/bound.ts";
import type { Known } from "../values/datum.ts";
import { CellTests } from "./cell-tests.ts";
import type { Cells } from "./cells.ts";
import { numberTest } from "./closures.ts";
import { type Comparison, hasMember, isClosed, type NumberIr, type TruthIr } from "./ir.ts";
import { Odd } from "./odd.ts";
import type { Asking, Reading } from "./readings.ts";
import { Structures } from "./structures.ts";

/** What lowered trees refer to by index. */
export interface Tables {
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
  readonly readings: readonly Reading[];
  readonly askings: readonly Asking[];
}

/** Comparisons whose sides are exchanged. */
const FLIPPED: Readonly<Record<Comparison, Comparison>> = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
  "=": "=",
  "!=": "!=",
};

const UNARY = new Set(["Abs", "Ceil", "Floor", "Sin", "Cos", "Tan"]);

export class Lowering implements Tables {
  readonly odd: Odd;
  readonly numbers: number[] = [];
  readonly texts: string[] = [];
  readonly readings: readonly Reading[];
  readonly askings: readonly Asking[];
  /** What incremental structures there are, for people. */
  readonly structures: ReadonlyMap<string, number>;
  readonly #structures: Structures;
  readonly #tests: CellTests;
  /** What declared names stand for, once they are assigned. */
  readonly #declared = new Map<number, BoundExpr>();
  /** The loop variable whose body is being lowered. */
  #member: number | undefined;

  constructor(cells: Cells, isNowhere: readonly boolean[]) {
    this.odd = new Odd(cells);
    this.#structures = new Structures(cells, this.odd);
    this.#tests = new CellTests({ cells, isNowhere, numbers: this.numbers, texts: this.texts });
    this.readings = this.#structures.readings;
    this.askings = this.#structures.askings;
    this.structures = this.#structures.counts;
  }

  /** From here on the name stands for this. */
  assign(slot: number, value: BoundExpr): void {
    this.#declared.set(slot, value);
  }

  /** An expression in the place of a truth. */
  truth(expr: BoundExpr): TruthIr | undefined {
    switch (expr.type) {
      case "constant":
        return this.#constantTruth(expr.value);
      case "nothing":
        return { is: "truth", value: 1 };
      case "declared": {
        const value = this.#declared.get(expr.slot);
        return value === undefined ? undefined : this.truth(value);
      }
      case "not": {
        const of = this.truth(expr.operand);
        return of && { is: "not", of };
      }
      case "logical": {
        const operands = expr.operands.map((operand) => this.truth(operand));
        return operands.every((one) => one !== undefined)
          ? { is: "logical", op: expr.op, operands }
          : undefined;
      }
      case "choice": {
        const condition = this.truth(expr.condition);
        const whenTrue = this.truth(expr.whenTrue);
        const whenFalse: TruthIr | undefined =
          expr.whenFalse === undefined ? { is: "truth", value: 1 } : this.truth(expr.whenFalse);
        if (condition === undefined || whenTrue === undefined || whenFalse === undefined) return;
        return { is: "either", condition, whenTrue, whenFalse };
      }
      case "at-node": {
        const cell = this.#tests.cellOf(expr);
        if (cell === undefined) return undefined;
        return cell < 0 ? { is: "truth", value: 2 } : { is: "cell-as-truth", cell };
      }
      case "is":
        return this.#tests.unknown(expr.operand, expr.what, expr.negated);
      case "compare":
        return this.#compare(expr);
      case "quantifier":
        return this.#quantifier(expr);
      default: {
        const of = this.number(expr);
        return of && { is: "number-as-truth", of };
      }
    }
  }

  /** An expression that gives a number. */
  number(expr: BoundExpr): NumberIr | undefined {
    switch (expr.type) {
      case "constant":
        return typeof expr.value === "number" ? this.#constant(expr.value) : undefined;
      case "at-node": {
        const cell = this.#tests.cellOf(expr);
        if (cell === undefined) return undefined;
        return cell < 0 ? { is: "absent" } : { is: "cell", cell };
      }
      case "loop":
        return expr.slot === this.#member ? { is: "member" } : undefined;
      case "declared": {
        const value = this.#declared.get(expr.slot);
        return value === undefined ? undefined : this.number(value);
      }
      case "negate": {
        const of = this.number(expr.operand);
        return of && { is: "negate", of };
      }
      case "arithmetic": {
        const left = this.number(expr.left);
        const right = this.number(expr.right);
        if (left === undefined || right === undefined) return undefined;
        return { is: "arithmetic", op: expr.op, left, right };
      }
      case "choice": {
        const condition = this.truth(expr.condition);
        const whenTrue = this.number(expr.whenTrue);
        const whenFalse = expr.whenFalse && this.number(expr.whenFalse);
        if (condition === undefined || whenTrue === undefined || whenFalse === undefined) return;
        return { is: "choice", condition, whenTrue, whenFalse };
      }
      case "call":
        return this.#call(expr);
      default:
        return undefined;
    }
  }

  // ---- constants

  #constant(value: number): NumberIr {
    return { is: "constant", index: this.numbers.push(value) - 1 };
  }

  #constantTruth(value: Known): TruthIr | undefined {
    if (typeof value === "boolean") return { is: "truth", value: value ? 1 : 0 };
    if (typeof value === "number") return { is: "truth", value: value === 0 ? 0 : 1 };
    return value === null ? { is: "truth", value: 2 } : undefined;
  }

  // ---- comparisons

  #compare(expr: CompareExpr): TruthIr | undefined {
    const { op, left, right } = expr;
    switch (op) {
      case "IN":
        return this.#isIn(left, right);
      case "NOTIN": {
        const of = this.#isIn(left, right);
        return of && { is: "not", of };
      }
      case "=":
      case "!=": {
        const is = this.#tests.equal(left, right) ?? this.#tests.equal(right, left);
        if (is !== undefined) return op === "=" ? is : { is: "not", of: is };
        return this.#ofNumbers(op, left, right);
      }
      case "ISSUBSET":
      case "ISPROPSUBSET":
        return undefined;
      default:
        return this.#ofNumbers(op, left, right);
    }
  }

  #ofNumbers(op: Comparison, left: BoundExpr, right: BoundExpr): TruthIr | undefined {
    const a = this.number(left);
    const b = this.number(right);
    return a && b && { is: "compare", op, left: a, right: b };
  }

  #isIn(left: BoundExpr, right: BoundExpr): TruthIr | undefined {
    if (right.type === "set") return this.#tests.among(left, right.members);
    if (right.type !== "variable" || right.aspect !== "value" || left.type !== "constant") return;
    return this.#structures.held(right.column, left.value, false);
  }

  // ---- quantifiers

  #quantifier({ kind, loops, body }: QuantifierExpr): TruthIr | undefined {
    const [loop, another] = loops;
    if (kind === "FOREACH" || loop === undefined || another !== undefined) return undefined;
    const { slot, source } = loop;
    if (source.type !== "variable" || source.aspect !== "value") return undefined;
    const isExists = kind === "EXISTS";
    const held = this.#quantifiedEquality(source, slot, body, isExists);
    if (held !== undefined) return held;
    const lowered = this.#body(slot, body);
    if (lowered === undefined) return undefined;
    if (isClosed(lowered)) {
      return this.#structures.quantified(source.column, numberTest(lowered, this), isExists);
    }
    return this.#againstExtreme(source, lowered, isExists);
  }

  /** `x = c`, `x != c`, c being written and of any kind. */
  #quantifiedEquality(
    source: VariableExpr,
    slot: number,
    body: BoundExpr,
    isExists: boolean,
  ): TruthIr | undefined {
    if (body.type !== "compare" || (body.op !== "=" && body.op !== "!=")) return undefined;
    const isLoop = (one: BoundExpr): boolean => one.type === "loop" && one.slot === slot;
    const other = isLoop(body.left) ? body.right : isLoop(body.right) ? body.left : undefined;
    if (other?.type !== "constant") return undefined;
    // FORALL x = c says that nobody holds something else.
    const asksForOther = (body.op === "!=") === isExists;
    const asking = this.#structures.held(source.column, other.value, asksForOther);
    return asking && !isExists ? { is: "not", of: asking } : asking;
  }

  /** `x > n` where n may change: the greatest or the least member decides. */
  #againstExtreme({ column }: VariableExpr, body: TruthIr, isExists: boolean): TruthIr | undefined {
    if (body.is !== "compare" || body.op === "=" || body.op === "!=") return undefined;
    const isLeft = body.left.is === "member";
    const about = isLeft ? body.right : body.left;
    const member = isLeft ? body.left : body.right;
    if (member.is !== "member" || hasMember(about)) return undefined;
    const op = isLeft ? body.op : FLIPPED[body.op];
    return this.#structures.againstExtreme(column, op, about, isExists);
  }

  #body(slot: number, body: BoundExpr): TruthIr | undefined {
    const outer = this.#member;
    this.#member = slot;
    const lowered = this.truth(body);
    this.#member = outer;
    return lowered;
  }

  // ---- functions

  #call({ name, args }: CallExpr): NumberIr | undefined {
    if (UNARY.has(name)) {
      const [argument] = args;
      const of = argument && this.number(argument);
      return of && { is: "unary", name: name as "Abs", of };
    }
    if (name === "Max" || name === "Min") return this.#extreme(args, name === "Max" ? 1 : -1);
    const [only, another] = args;
    if (only === undefined || another !== undefined) return undefined;
    if (name === "Count" && only.type === "filter") return this.#countOf(only);
    if (only.type !== "variable" || only.aspect !== "value") return undefined;
    const { column } = only;
    switch (name) {
      case "Count":
        return this.#structures.count(column);
      case "Cardinality":
        return this.#structures.distinct(column);
      case "Sum":
      case "Avg":
        return this.#structures.total(column, name);
      default:
        return undefined;
    }
  }

  #extreme(args: readonly BoundExpr[], sign: 1 | -1): NumberIr | undefined {
    const parts = args.map((argument): NumberIr | undefined => {
      if (argument.type !== "variable") return this.number(argument);
      if (argument.aspect !== "value") return undefined;
      return this.#structures.extreme(argument.column, sign);
    });
    return parts.every((one) => one !== undefined) ? { is: "extreme", sign, parts } : undefined;
  }

  #countOf({ slot, source, body }: FilterExpr): NumberIr | undefined {
    if (source.type !== "variable" || source.aspect !== "value") return undefined;
    const lowered = this.#body(slot, body);
    if (lowered === undefined || !isClosed(lowered)) return undefined;
    return this.#structures.trueCount(source.column, numberTest(lowered, this));
  }
}
