/** Operators of the language over operands of any kind: what is unknown, and what is worth a warning. */
import type { BoundExpr, CompareExpr, LogicalExpr, SetOpExpr } from "../check/bound.ts";
import { Fault } from "../values/arithmetic.ts";
import {
  asSet,
  type Datum,
  isCollection,
  type Known,
  LOST,
  Multiset,
  SetDatum,
  type Truth,
  UNDEFINED,
  Unknown,
  valuesOf,
} from "../values/datum.ts";
import { and, not, or } from "../values/kleene.ts";
import { LoopEvaluator } from "./loops.ts";
import { areEqual, firstUnknown, orderOf, setOperation } from "./operators.ts";

export abstract class OperatorEvaluator extends LoopEvaluator {
  protected calculate(
    expr: BoundExpr,
    compute: (...operands: [Known, Known]) => Known | Fault,
    ...operands: readonly Datum[]
  ): Datum {
    const unknown = firstUnknown(operands);
    if (unknown !== undefined) return unknown;
    const [a, b] = operands as readonly (Known | Multiset)[];
    if (a instanceof Multiset || b instanceof Multiset) {
      this.context.warn("not-a-number", expr.at);
      return UNDEFINED;
    }
    const result = compute(a as Known, b as Known);
    if (!(result instanceof Fault)) return result;
    this.context.warn(result.code, expr.at);
    return UNDEFINED;
  }

  protected setOp({ op, left, right }: SetOpExpr): Datum {
    const sets = [this.collection(left), this.collection(right)];
    const unknown = firstUnknown(sets);
    if (unknown !== undefined) return unknown;
    const [a, b] = sets.map((one) => (one instanceof Unknown ? SetDatum.empty : asSet(one)));
    if (a === undefined || b === undefined) return UNDEFINED;
    this.context.step(a.members.length + b.members.length);
    return setOperation(op, a, b);
  }

  protected compare(expr: CompareExpr): Truth {
    const { op } = expr;
    if (op === "IN" || op === "NOTIN") {
      const found = this.#isIn(expr);
      return op === "IN" ? found : not(found);
    }
    if (op === "ISSUBSET" || op === "ISPROPSUBSET") return this.#isWithin(expr);
    const left = this.evaluate(expr.left);
    const right = this.evaluate(expr.right);
    const unknown = firstUnknown([left, right]);
    if (unknown !== undefined) return unknown;
    if (op === "=" || op === "!=") return areEqual(left, right) === (op === "=");
    const order = isCollection(left) || isCollection(right) ? undefined : orderOf(left, right);
    if (order === undefined) {
      this.context.warn("kinds-differ", expr.at);
      return UNDEFINED;
    }
    return op === "<" ? order < 0 : op === "<=" ? order <= 0 : op === ">" ? order > 0 : order >= 0;
  }

  #isIn({ left, right }: CompareExpr): Truth {
    const member = this.evaluate(left);
    const collection = this.collection(right);
    if (member instanceof Unknown) return member;
    if (collection instanceof Unknown) return collection;
    if (member instanceof Multiset) {
      this.context.warn("kinds-differ", left.at);
      return UNDEFINED;
    }
    this.context.step(valuesOf(collection).length);
    if (asSet(collection).has(member)) return true;
    return collection instanceof Multiset && collection.hasHole ? LOST : false;
  }

  #isWithin({ op, left, right }: CompareExpr): Truth {
    const inner = this.collection(left);
    const outer = this.collection(right);
    const unknown = firstUnknown([inner, outer]);
    if (unknown !== undefined) return unknown;
    if (inner instanceof Unknown || outer instanceof Unknown) return UNDEFINED;
    const [a, b] = [asSet(inner), asSet(outer)];
    return a.isWithin(b) && (op === "ISSUBSET" || !b.isWithin(a));
  }

  protected logical({ op, operands }: LogicalExpr): Truth {
    const isAnd = op === "AND";
    let result: Truth = isAnd;
    for (const operand of operands) {
      const truth = this.truth(operand);
      result = isAnd ? and(result, truth) : or(result, truth);
      if (result === !isAnd) return result;
    }
    return result;
  }

  protected setOf(members: readonly BoundExpr[]): Datum {
    const values: Known[] = [];
    for (const member of members) {
      const value = this.evaluate(member);
      if (value instanceof Unknown) return value;
      if (value instanceof Multiset) {
        this.context.warn("kinds-differ", member.at);
        return UNDEFINED;
      }
      values.push(value);
    }
    return SetDatum.of(values);
  }
}
