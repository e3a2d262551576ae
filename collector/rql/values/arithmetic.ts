/**
 * Numbers, strings, times and durations under + - * / %.
 *
 *     number ± * / % number    number            string + string       string
 *     time ± duration          time              time - time           duration
 *     duration ± duration      duration          duration * / number   duration
 *
 * Whatever has no result is named by a word, which becomes a warning at its place.
 */
import { type Hlc, isHlc } from "../../../agent/kernel/index.ts";
import type { ArithmeticOp } from "../text/ast.ts";
import { DurationValue, type Known, TimeValue } from "./datum.ts";

export type ArithmeticFault = "not-a-number" | "division-by-zero" | "overflow";

export class Fault {
  readonly code: ArithmeticFault;

  constructor(code: ArithmeticFault) {
    this.code = code;
  }
}

const NOT_A_NUMBER = new Fault("not-a-number");
const DIVISION_BY_ZERO = new Fault("division-by-zero");
const OVERFLOW = new Fault("overflow");

export function arithmetic(op: ArithmeticOp, a: Known, b: Known): Known | Fault {
  if (typeof a === "number" && typeof b === "number") return ofNumbers(op, a, b);
  if (op === "+" && typeof a === "string" && typeof b === "string") return a + b;
  if (a instanceof TimeValue) return ofTime(op, a, b);
  if (a instanceof DurationValue) return ofDuration(op, a, b);
  if (typeof a === "number" && b instanceof DurationValue && op === "*")
    return duration(a * b.ticks);
  return NOT_A_NUMBER;
}

export function negate(a: Known): Known | Fault {
  if (typeof a === "number") return 0 - a;
  return a instanceof DurationValue ? new DurationValue(0 - a.ticks) : NOT_A_NUMBER;
}

function ofNumbers(op: ArithmeticOp, a: number, b: number): number | Fault {
  if ((op === "/" || op === "%") && b === 0) return DIVISION_BY_ZERO;
  const result = raw(op, a, b);
  // Zero has one sign here: 0 = -0, and both print alike.
  return Number.isFinite(result) ? result + 0 : OVERFLOW;
}

function raw(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "%":
      return a % b;
  }
}

function ofTime(op: ArithmeticOp, a: TimeValue, b: Known): Known | Fault {
  if (op === "-" && b instanceof TimeValue) return new DurationValue(a.t - b.t);
  if (!(b instanceof DurationValue) || (op !== "+" && op !== "-")) return NOT_A_NUMBER;
  const t = Math.floor(op === "+" ? a.t + b.ticks : a.t - b.ticks);
  return isHlc(t) ? new TimeValue(t as Hlc) : OVERFLOW;
}

function ofDuration(op: ArithmeticOp, a: DurationValue, b: Known): Known | Fault {
  if (b instanceof TimeValue && op === "+") return ofTime("+", b, a);
  if (b instanceof DurationValue && (op === "+" || op === "-")) {
    return duration(op === "+" ? a.ticks + b.ticks : a.ticks - b.ticks);
  }
  if (typeof b !== "number" || (op !== "*" && op !== "/")) return NOT_A_NUMBER;
  if (op === "/" && b === 0) return DIVISION_BY_ZERO;
  return duration(op === "*" ? a.ticks * b : a.ticks / b);
}

function duration(ticks: number): DurationValue | Fault {
  return Number.isFinite(ticks) ? new DurationValue(ticks) : OVERFLOW;
}
