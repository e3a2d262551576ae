/**
 * What an expression is at a cut, computed anew each time: the meaning of the language, kept plain.
 * It is the fall-back that runs anything, and the oracle that faster modes are compared with.
 *
 * Nothing here throws for what a history holds: what has no answer is unknown, with a warning where
 * the text is to blame. Only a spent budget and a GLOBAL beyond its bound end a run.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type {
  AssignExpr,
  AtNodeExpr,
  BecameExpr,
  BoundExpr,
  CallExpr,
  CheckedQuery,
  VariableExpr,
} from "../check/bound.ts";
import { arithmetic, negate } from "../values/arithmetic.ts";
import {
  type Datum,
  elementOf,
  fieldOf,
  isCollection,
  type Known,
  LOST,
  type Multiset,
  type Truth,
  UNDEFINED,
  Unknown,
  valuesOf,
} from "../values/datum.ts";
import { not } from "../values/kleene.ts";
import type { TrackedState } from "./change-tracker.ts";
import type { CutState } from "./cut-sequence.ts";
import { applyFunction, FunctionFailed } from "./functions.ts";
import { OperatorEvaluator } from "./operator-evaluator.ts";
import { firstUnknown, partOf } from "./operators.ts";
import { jsonBytes } from "./output.ts";
import { type RunContext, RunFailed } from "./run-context.ts";
import { aboutSystem } from "./system.ts";

export class Evaluator extends OperatorEvaluator {
  readonly #query: CheckedQuery;
  readonly #tracker: TrackedState;
  /** Declared names by slot. GLOBALs keep theirs from cut to cut. */
  readonly #declared: Datum[];
  /** What each Became condition was at the cut before; then, once met, what it is at this one. */
  readonly #became: (Truth | undefined)[];
  #becameNow: (Truth | undefined)[] = [];
  #state: CutState | undefined;
  #t: Hlc = 0 as Hlc;
  #isStart = true;

  constructor(query: CheckedQuery, tracker: TrackedState, context: RunContext) {
    super(context);
    this.#query = query;
    this.#tracker = tracker;
    this.#declared = query.names.map(({ start }) => start);
    this.#became = query.becames.map(() => undefined);
  }

  /** Turns to the cut at `t`: VARs start afresh, and COMPUTE runs. */
  begin(state: CutState, t: Hlc, isStart: boolean): void {
    this.#state = state;
    this.#t = t;
    this.#isStart = isStart;
    this.context.step();
    this.#query.names.forEach(({ scope, start }, slot) => {
      if (scope !== "GLOBAL") this.#declared[slot] = start;
    });
    this.#becameNow = this.#became.map(() => undefined);
    if (this.#query.compute !== undefined) this.truth(this.#query.compute);
  }

  /**
   * Leaves the cut: Became conditions that nothing met are looked at, so that the next cut knows.
   * Whether one turned true here, so that the tick after it is a cut.
   */
  end(): boolean {
    let hasTurned = false;
    for (const became of this.#query.becames) {
      if (this.#becameOf(became) === true) hasTurned = true;
    }
    this.#becameNow.forEach((truth, slot) => {
      this.#became[slot] = truth;
    });
    return hasTurned;
  }

  override evaluate(expr: BoundExpr): Datum {
    switch (expr.type) {
      case "constant":
        return expr.value;
      case "variable":
        return this.#variable(expr);
      case "at-node":
        return this.#atNode(expr);
      case "changed":
        return this.#changed(expr.column, expr.node);
      case "became":
        return this.#becameOf(expr);
      case "loop":
        return this.loop(expr.slot).value;
      case "node-of":
        return this.loop(expr.slot).node ?? UNDEFINED;
      case "same-node": {
        const [a, b] = expr.slots;
        return this.loop(a).node === this.loop(b).node;
      }
      case "holders":
        return this.holders(expr.slot);
      case "declared":
        return this.#declared[expr.slot] ?? UNDEFINED;
      case "field":
        return partOf(this.evaluate(expr.object), (value) => fieldOf(value, expr.field));
      case "element": {
        const object = this.evaluate(expr.object);
        const index = this.evaluate(expr.index);
        if (index instanceof Unknown) return index;
        return partOf(object, (value) =>
          typeof index === "number"
            ? elementOf(value, index)
            : typeof index === "string"
              ? fieldOf(value, index)
              : undefined,
        );
      }
      case "negate":
        return this.calculate(expr, (a) => negate(a), this.evaluate(expr.operand));
      case "not":
        return not(this.truth(expr.operand));
      case "arithmetic": {
        const left = this.evaluate(expr.left);
        const right = this.evaluate(expr.right);
        return this.calculate(expr, (a, b) => arithmetic(expr.op, a, b), left, right);
      }
      case "setop":
        return this.setOp(expr);
      case "compare":
        return this.compare(expr);
      case "is": {
        const operand = this.evaluate(expr.operand);
        const is = expr.what === "NULL" ? operand === null : operand instanceof Unknown;
        return is !== expr.negated;
      }
      case "logical":
        return this.logical(expr);
      case "choice": {
        const condition = this.truth(expr.condition);
        if (condition instanceof Unknown) return condition;
        if (condition) return this.evaluate(expr.whenTrue);
        return expr.whenFalse === undefined ? true : this.evaluate(expr.whenFalse);
      }
      case "call":
        return this.#call(expr);
      case "set":
        return this.setOf(expr.members);
      case "filter":
        return this.filter(expr);
      case "quantifier":
        return this.quantifier(expr);
      case "assign":
        return this.#assign(expr);
      case "nothing":
        return true;
    }
  }

  // ---- variables and time

  #variable({ aspect, column }: VariableExpr): Multiset {
    const tracker = this.#tracker;
    if (aspect === "value") return tracker.multiset((node) => tracker.value(column, node));
    if (aspect === "previous") return tracker.multiset((node) => tracker.previous(column, node));
    return tracker.multiset((node) => tracker.age(column, node, this.#t));
  }

  #atNode({ aspect, column, node, at }: AtNodeExpr): Datum {
    const id = this.#nodeId(this.evaluate(node), at);
    if (id instanceof Unknown) return id;
    if (aspect === "value") return this.#tracker.value(column, id);
    if (aspect === "previous") return this.#tracker.previous(column, id);
    return this.#tracker.age(column, id, this.#t);
  }

  #nodeId(index: Datum, at: BoundExpr["at"]): string | Unknown {
    if (typeof index === "string" || index instanceof Unknown) return index;
    if (typeof index === "number") return String(index);
    this.context.warn("kinds-differ", at);
    return UNDEFINED;
  }

  #changed(column: number, node: BoundExpr | undefined): Truth {
    if (node === undefined) {
      const { hasHole } = this.#tracker.multiset((id) => this.#tracker.value(column, id));
      return hasHole ? LOST : this.#tracker.changedAnywhere(column);
    }
    const id = this.#nodeId(this.evaluate(node), node.at);
    return id instanceof Unknown ? id : this.#tracker.changed(column, id);
  }

  /** False at the start of the range; unknown while the condition is. */
  #becameOf({ slot, condition }: BecameExpr): Truth {
    const now = this.#becameNow[slot] ?? this.truth(condition);
    this.#becameNow[slot] = now;
    if (this.#isStart || now === false) return false;
    return now === true ? this.#became[slot] !== true : now;
  }

  #assign({ slot, value, isFirst }: AssignExpr): Truth {
    if (isFirst && !this.#isStart) return true;
    const datum = this.evaluate(value);
    const { name, scope } = this.#query.names[slot] as CheckedQuery["names"][number];
    const { globalBytes } = this.context.limits;
    const mayBeLarge =
      isCollection(datum) || typeof datum === "string" || typeof datum === "object";
    if (scope === "GLOBAL" && mayBeLarge && jsonBytes(datum) > globalBytes) {
      const message = `${name} grew beyond ${globalBytes} bytes`;
      throw new RunFailed("global-too-large", message, "keep less of the past in it");
    }
    this.#declared[slot] = datum;
    return true;
  }

  // ---- functions

  #call(expr: CallExpr): Datum {
    const args = expr.args.map((argument) => this.evaluate(argument));
    const unknown = firstUnknown(args);
    if (unknown !== undefined) return unknown;
    const known = args as readonly (Known | Multiset)[];
    switch (expr.name) {
      case "Nodes":
      case "Service":
      case "Status":
      case "InFlight": {
        const ids = known.map((id) => this.#nodeId(id, expr.at));
        const strange = firstUnknown(ids);
        if (strange !== undefined) return strange;
        const [a, b] = ids as readonly string[];
        return aboutSystem(expr.name, a, b, this.#tracker.nodes, this.#state);
      }
      default: {
        const visited = known.reduce<number>(
          (sofar, one) => sofar + (isCollection(one) ? valuesOf(one).length : 0),
          0,
        );
        this.context.step(visited);
        const result = applyFunction(expr.name, known, this.context.limits.subsetMembers);
        if (!(result instanceof FunctionFailed)) return result;
        this.context.warn(result.code, expr.at);
        return UNDEFINED;
      }
    }
  }
}
