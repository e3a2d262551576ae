/** The kind that arithmetic gives, as far as it is known before anything runs. */
import type { ArithmeticOp } from "../text/ast.ts";
import { NUMBER, STRING, scalar, type Type } from "./types.ts";

export function resultOf(op: ArithmeticOp, left: Type, right: Type): Type {
  const kinds = new Set([left.of, right.of]);
  if (kinds.has("time")) {
    const areBoth = left.of === "time" && right.of === "time";
    return scalar(areBoth && op === "-" ? "duration" : "time");
  }
  if (kinds.has("duration")) return scalar("duration");
  // Values of variables are JSON: minus of two of them is a number, plus may join strings.
  if (op !== "+" || kinds.has("number")) return NUMBER;
  if (kinds.has("string")) return STRING;
  const isOpen = left.isOpen === true || right.isOpen === true;
  return isOpen ? { ...scalar("json"), isOpen } : scalar("json");
}
