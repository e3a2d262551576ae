/**
 * Lowers checked trees to the form of ir.ts, and attaches the aggregates that it needs to the cells.
 *
 * Undefined means: not covered, ask the interpreter. What is lowered gives the interpreter's truth at
 * every cut, or raises `Odd`: names have become cells, literals indexes into arrays, an aggregate is
 * shared by all that ask for the same.
 */
import type {
  AtNodeExpr,
  BoundExpr,
  CallExpr,
  CompareExpr,
  FilterExpr,
  QuantifierExpr,
  VariableExpr,
} from "../check/bound.ts";
import { canonical, type Known, kindOf } from "../values/datum.ts";
import type { Aggregate, HeldText } from "./aggregate.ts";
import type { Cells } from "./cells.ts";
import { numberTest } from "./closures.ts";
import { CountedPredicate } from "./counted-predicate.ts";
import { CountedValues } from "./counted-values.ts";
import { type Comparison, hasMember, isClosed, type NumberIr, type TruthIr } from "./ir.ts";
import { Odd } from "./odd.ts";
import {
  type Asking,
  AverageReading,
  CountReading,
  DistinctReading,
  decidedBy,
  ExtremeAsking,
  ExtremeReading,
  HeldAsking,
  PredicateAsking,
  type Reading,
  SumReading,
  TrueCountReading,
} from "./readings.ts";
import { RunningSum } from "./running-sum.ts";
import { Tournament } from "./tournament.ts";

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
  readonly readings: Reading[] = [];
  readonly askings: Asking[] = [];
  /** What incremental structures there are, for people. */
  readonly structures: Map<string, number> = new Map();
  readonly #cells: Cells;
  /** By column: whether nobody has it. */
  readonly #isNowhere: readonly boolean[];
  readonly #aggregates = new Map<string, Aggregate>();
  /** What declared names stand for, once they are assigned. */
  readonly #declared = new Map<number, BoundExpr>();
  /** The loop variable whose body is being lowered. */
  #member: number | undefined;

  constructor(cells: Cells, isNowhere: readonly boolean[]) {
    this.#cells = cells;
    this.#isNowhere = isNowhere;
    this.odd = new Odd(cells);
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
        const cell = this.#cellOf(expr);
        if (cell === undefined) return undefined;
        return cell < 0 ? { is: "truth", value: 2 } : { is: "cell-as-truth", cell };
      }
      case "is":
        return this.#isUnknown(expr.operand, expr.what, expr.negated);
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
        const cell = this.#cellOf(expr);
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

  // ---- constants and cells

  #constant(value: number): NumberIr {
    return { is: "constant", index: this.numbers.push(value) - 1 };
  }

  #constantTruth(value: Known): TruthIr | undefined {
    if (typeof value === "boolean") return { is: "truth", value: value ? 1 : 0 };
    if (typeof value === "number") return { is: "truth", value: value === 0 ? 0 : 1 };
    return value === null ? { is: "truth", value: 2 } : undefined;
  }

  /** -1: absent always. Undefined: not the value at a node that is written out. */
  #cellOf({ aspect, column, node }: AtNodeExpr): number | undefined {
    if (aspect !== "value" || node.type !== "constant") return undefined;
    const { value } = node;
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    const index = this.#cells.nodeIndex(String(value));
    return index < 0 || this.#isNowhere[column] === true ? -1 : this.#cells.cellOf(column, index);
  }

  #isUnknown(operand: BoundExpr, what: "NULL" | "UNKNOWN", negated: boolean): TruthIr | undefined {
    if (operand.type !== "at-node" || what !== "UNKNOWN") return undefined;
    const cell = this.#cellOf(operand);
    if (cell === undefined) return undefined;
    const is: TruthIr = cell < 0 ? { is: "truth", value: 1 } : { is: "unknown-cell", cell };
    return negated ? { is: "not", of: is } : is;
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
        const is = this.#equal(left, right) ?? this.#equal(right, left);
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

  /** A cell against what is written, or against another cell: by value, whatever its kind. */
  #equal(left: BoundExpr, right: BoundExpr): TruthIr | undefined {
    if (left.type !== "at-node") return undefined;
    const cell = this.#cellOf(left);
    if (cell === undefined) return undefined;
    if (right.type === "constant") return this.#equalsConstant(cell, right.value);
    if (right.type !== "at-node") return undefined;
    const other = this.#cellOf(right);
    if (other === undefined) return undefined;
    if (cell < 0 || other < 0) return { is: "truth", value: 2 };
    return { is: "same", left: cell, right: other };
  }

  #equalsConstant(cell: number, value: Known): TruthIr | undefined {
    if (kindOf(value) === "set") return undefined;
    if (cell < 0) return { is: "truth", value: 2 };
    if (typeof value === "number") {
      return { is: "equals-number", cell, index: this.numbers.push(value) - 1 };
    }
    return { is: "equals-text", cell, index: this.texts.push(canonical(value)) - 1 };
  }

  #isIn(left: BoundExpr, right: BoundExpr): TruthIr | undefined {
    if (right.type === "set") return this.#isAmong(left, right.members);
    if (right.type !== "variable" || right.aspect !== "value" || left.type !== "constant") return;
    return this.#asking(this.#held(right, left.value, false));
  }

  /** A cell among values that are written out. */
  #isAmong(left: BoundExpr, members: readonly BoundExpr[]): TruthIr | undefined {
    const [first] = members;
    if (first === undefined || left.type !== "at-node") return undefined;
    const operands = members.map((member) =>
      member.type === "constant" ? this.#equal(left, member) : undefined,
    );
    return operands.every((one) => one !== undefined)
      ? { is: "logical", op: "OR", operands }
      : undefined;
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
      const predicate = this.#predicate(source.column, lowered);
      const { odd } = this;
      const asking = new PredicateAsking(this.#cells, source.column, odd, predicate, isExists);
      return this.#asking(asking);
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
    const asking = this.#asking(this.#held(source, other.value, asksForOther));
    return asking && !isExists ? { is: "not", of: asking } : asking;
  }

  #held({ column }: VariableExpr, value: Known, isOther: boolean): Asking | undefined {
    if (kindOf(value) === "set" || kindOf(value) === "time" || kindOf(value) === "duration") return;
    const values = this.#aggregate("counted map", column, () => new CountedValues());
    const held: number | HeldText = typeof value === "number" ? value : canonical(value);
    return new HeldAsking(this.#cells, column, this.odd, values, held, isOther);
  }

  /** `x > n` where n may change: the greatest or the least member decides. */
  #againstExtreme({ column }: VariableExpr, body: TruthIr, isExists: boolean): TruthIr | undefined {
    if (body.is !== "compare" || body.op === "=" || body.op === "!=") return undefined;
    const isLeft = body.left.is === "member";
    const about = isLeft ? body.right : body.left;
    const member = isLeft ? body.left : body.right;
    if (member.is !== "member" || hasMember(about)) return undefined;
    const op = isLeft ? body.op : FLIPPED[body.op];
    const tree = this.#tree(column, decidedBy(op, isExists));
    const asking = new ExtremeAsking(this.#cells, column, this.odd, tree, op, isExists);
    return { is: "asking-about", index: this.askings.push(asking) - 1, of: about };
  }

  #body(slot: number, body: BoundExpr): TruthIr | undefined {
    const outer = this.#member;
    this.#member = slot;
    const lowered = this.truth(body);
    this.#member = outer;
    return lowered;
  }

  #predicate(column: number, body: TruthIr): CountedPredicate {
    const test = numberTest(body, this);
    const predicate = new CountedPredicate(test);
    this.#note("counted predicate");
    this.#cells.attach(column, predicate);
    return predicate;
  }

  #asking(asking: Asking | undefined): TruthIr | undefined {
    return asking && { is: "asking", index: this.askings.push(asking) - 1 };
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
    const cells = this.#cells;
    switch (name) {
      case "Count":
        return this.#reading(new CountReading(cells, column, this.odd));
      case "Cardinality": {
        const values = this.#aggregate("counted map", column, () => new CountedValues());
        return this.#reading(new DistinctReading(cells, column, this.odd, values));
      }
      case "Sum":
      case "Avg": {
        const make = (): RunningSum => new RunningSum(cells.nodeIds.length);
        const sum = this.#aggregate("running total", column, make);
        const Kind = name === "Sum" ? SumReading : AverageReading;
        return this.#reading(new Kind(cells, column, this.odd, sum));
      }
      default:
        return undefined;
    }
  }

  #extreme(args: readonly BoundExpr[], sign: 1 | -1): NumberIr | undefined {
    const parts = args.map((argument): NumberIr | undefined => {
      if (argument.type !== "variable") return this.number(argument);
      if (argument.aspect !== "value") return undefined;
      const { column } = argument;
      const tree = this.#tree(column, sign === 1 ? "greatest" : "least");
      return this.#reading(new ExtremeReading(this.#cells, column, this.odd, tree));
    });
    return parts.every((one) => one !== undefined) ? { is: "extreme", sign, parts } : undefined;
  }

  #countOf({ slot, source, body }: FilterExpr): NumberIr | undefined {
    if (source.type !== "variable" || source.aspect !== "value") return undefined;
    const lowered = this.#body(slot, body);
    if (lowered === undefined || !isClosed(lowered)) return undefined;
    const { column } = source;
    const predicate = this.#predicate(column, lowered);
    return this.#reading(new TrueCountReading(this.#cells, column, this.odd, predicate));
  }

  #reading(reading: Reading): NumberIr {
    return { is: "reading", index: this.readings.push(reading) - 1 };
  }

  #tree(column: number, which: "greatest" | "least"): Tournament {
    const make = (): Tournament => new Tournament(this.#cells.nodeIds.length, which);
    return this.#aggregate("tournament tree", column, make, which);
  }

  /** The one of its kind for a column. */
  #aggregate<A extends Aggregate>(what: string, column: number, make: () => A, which = ""): A {
    const name = `${what} ${which} ${column}`;
    const known = this.#aggregates.get(name);
    if (known !== undefined) return known as A;
    const made = make();
    this.#aggregates.set(name, made);
    this.#note(what);
    this.#cells.attach(column, made);
    return made;
  }

  #note(what: string): void {
    this.structures.set(what, (this.structures.get(what) ?? 0) + 1);
  }
}
