/** What operators do with evaluated operands: no state, no warnings. */

import type { SetOp } from "../text/ast.ts";
import {
  asSet,
  compareOrdered,
  type Datum,
  isCollection,
  isEqual,
  type Known,
  LOST,
  Multiset,
  type Pair,
  SetDatum,
  UNDEFINED,
  Unknown,
} from "../values/datum.ts";
import { eitherReason } from "../values/kleene.ts";

/** A part of a value: of a multiset or a set, of every one that has it. */
export function partOf(object: Datum, of: (value: Known) => Known | undefined): Datum {
  if (object instanceof Unknown) return object;
  if (object instanceof Multiset) {
    const pairs = object.pairs.flatMap(({ node, value }): Pair[] => {
      const found = of(value);
      return found === undefined ? [] : [{ node, value: found }];
    });
    return new Multiset(pairs, object.lost, object.isFlat);
  }
  if (object instanceof SetDatum) {
    return SetDatum.of(object.members.map(of).filter((found) => found !== undefined));
  }
  const found = of(object);
  return found === undefined ? UNDEFINED : found;
}

export function setOperation(op: SetOp, a: SetDatum, b: SetDatum): SetDatum {
  if (op === "UNION") return SetDatum.of([...a.members, ...b.members]);
  return SetDatum.of(a.members.filter((member) => b.has(member) === (op === "INTERSECT")));
}

/** The unknown that operands make of a result: one of theirs, or that of a hole. */
export function firstUnknown(operands: readonly Datum[]): Unknown | undefined {
  let found: Unknown | undefined;
  for (const operand of operands) {
    const isHole = operand instanceof Multiset && operand.hasHole;
    const unknown = isHole ? LOST : operand;
    if (!(unknown instanceof Unknown)) continue;
    found = found === undefined ? unknown : eitherReason(found, unknown);
  }
  return found;
}

/** Collections by their distinct values; a collection and a single value differ by kind. */
export function areEqual(a: Datum, b: Datum): boolean {
  if (isCollection(a) && isCollection(b)) {
    const [left, right] = [asSet(a), asSet(b)];
    return left.isWithin(right) && right.isWithin(left);
  }
  if (isCollection(a) || isCollection(b)) return false;
  return isEqual(a as Known, b as Known);
}

export function orderOf(a: Datum, b: Datum): number | undefined {
  return compareOrdered(a as Known, b as Known);
}
