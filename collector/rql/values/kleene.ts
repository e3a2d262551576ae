/**
 * Truth with a third value, after Kleene: unknown is "one of the two, nobody can say which".
 *
 *     AND | T F U      OR | T F U      NOT |
 *     T   | T F U      T  | T T T      T   | F
 *     F   | F F F      F  | T F U      F   | T
 *     U   | U F U      U  | T U U      U   | U
 *
 * An unknown keeps its reason, and of two reasons "lost" is kept: what repair could decide must not
 * look like what no repair will.
 */
import { LOST, type Truth, Unknown } from "./datum.ts";

export function not(truth: Truth): Truth {
  return truth instanceof Unknown ? truth : !truth;
}

export function and(a: Truth, b: Truth): Truth {
  if (a === false || b === false) return false;
  if (a instanceof Unknown) return b instanceof Unknown ? eitherReason(a, b) : a;
  return b;
}

export function or(a: Truth, b: Truth): Truth {
  if (a === true || b === true) return true;
  if (a instanceof Unknown) return b instanceof Unknown ? eitherReason(a, b) : a;
  return b;
}

/** The unknown that two make together. */
export function eitherReason(a: Unknown, b: Unknown): Unknown {
  return a.reason === "lost" || b.reason === "lost" ? LOST : a;
}
