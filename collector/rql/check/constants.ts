/**
 * What can be computed before anything is read: the ends of ON TIME, and the durations that an Age is
 * compared with.
 */
import {
  type Hlc,
  isHlc,
  parseTime,
  RetroError,
  TICKS_PER_MS,
  ticksFromUnixMs,
} from "../../../agent/kernel/index.ts";
import type { Refuse } from "../errors.ts";
import { type CallNode, type DurationNode, type Expr, type Query, UNIT_MS } from "../text/ast.ts";
import type { Span } from "../text/span.ts";
import { didYouMean } from "../text/words.ts";
import { arithmetic, Fault, negate } from "../values/arithmetic.ts";
import { DurationValue, type Known, TimeValue } from "../values/datum.ts";
import { FUNCTION_NAMES, findFunction } from "./functions.ts";

export function ticksOf({ amount, unit }: DurationNode): number {
  return amount * (UNIT_MS.get(unit) ?? 0) * TICKS_PER_MS;
}

/** A time as somebody wrote it. */
export function timeOf(text: string, now: Hlc, at: Span, refuse: Refuse): TimeValue {
  try {
    return new TimeValue(parseTime(text, now));
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
    return refuse("bad-time", error.message, at, error.hint);
  }
}

/** The value of a tree of literals, or undefined if it is none. */
export function constantOf(node: Expr): Known | undefined {
  switch (node.type) {
    case "number":
      return node.value;
    case "duration":
      return new DurationValue(ticksOf(node));
    case "negate": {
      const operand = constantOf(node.operand);
      return operand === undefined ? undefined : known(negate(operand));
    }
    case "arithmetic": {
      const left = constantOf(node.left);
      const right = left === undefined ? undefined : constantOf(node.right);
      if (left === undefined || right === undefined) return undefined;
      return known(arithmetic(node.op, left, right));
    }
    default:
      return undefined;
  }
}

function known(result: Known | Fault): Known | undefined {
  return result instanceof Fault ? undefined : result;
}

/** The range of ON TIME, both ends included. */
export function rangeOf(
  time: NonNullable<Query["time"]>,
  now: Hlc,
  refuse: Refuse,
): { readonly from: Hlc; readonly to: Hlc } {
  const ends = new RangeEnds(now, refuse);
  const from = ends.end(time.from);
  if (time.to === undefined) return { from, to: from };
  const to = ends.end(time.to);
  if (to < from) {
    const hint = "the earlier time comes first";
    refuse("empty-range", "this range ends before it begins", time.at, hint);
  }
  return { from, to };
}

/** Evaluates the ends: here strings are times, and a number in the end is Unix milliseconds. */
class RangeEnds {
  readonly #now: Hlc;
  readonly #refuse: Refuse;

  constructor(now: Hlc, refuse: Refuse) {
    this.#now = now;
    this.#refuse = refuse;
  }

  end(node: Expr): Hlc {
    const value = this.#value(node);
    if (value instanceof TimeValue) return value.t;
    if (typeof value === "number") return this.#fromUnixMs(value, node.at);
    const hint = 'a range runs from a time to a time: ON TIME "-10m" TO "now"';
    return this.#refuse("bad-time", "this is no time", node.at, hint);
  }

  #fromUnixMs(ms: number, at: Span): Hlc {
    const t = ticksFromUnixMs(ms);
    const hint = "Unix milliseconds from 1970 to 2089";
    return isHlc(t) ? t : this.#refuse("bad-time", "this is no time that can be told", at, hint);
  }

  #value(node: Expr): Known {
    switch (node.type) {
      case "number":
        return node.value;
      case "duration":
        return new DurationValue(ticksOf(node));
      case "string":
        return timeOf(node.value, this.#now, node.at, this.#refuse);
      case "time":
        return timeOf(node.text, this.#now, node.at, this.#refuse);
      case "negate":
        return this.#result(negate(this.#value(node.operand)), node.at);
      case "arithmetic":
        return this.#result(
          arithmetic(node.op, this.#value(node.left), this.#value(node.right)),
          node.at,
        );
      case "call":
        return this.#call(node);
      default: {
        const hint =
          'ON TIME takes times that stand in the text: "-10m", Now() - 5s, 1795276800000';
        return this.#refuse("bad-time", "this is not known before the query runs", node.at, hint);
      }
    }
  }

  #call({ name, nameAt, args, at }: CallNode): Known {
    const found = findFunction(name)?.name;
    const [argument] = args;
    if (found === "Now" && argument === undefined) return new TimeValue(this.#now);
    if (found === "HLCFromPT" && argument !== undefined && args.length === 1) {
      const ms = this.#value(argument);
      if (typeof ms === "number") return new TimeValue(this.#fromUnixMs(ms, at));
      const hint = "HLCFromPT takes Unix milliseconds";
      return this.#refuse("wrong-arguments", "this is no number", argument.at, hint);
    }
    const hint = "Now() and HLCFromPT(ms) are the functions of ON TIME";
    if (found === undefined) {
      const near = didYouMean(name, FUNCTION_NAMES);
      return this.#refuse(
        "unknown-function",
        `there is no function "${name}"`,
        nameAt,
        near ?? hint,
      );
    }
    return this.#refuse("wrong-arguments", `${name} cannot be used so in ON TIME`, at, hint);
  }

  #result(result: Known | Fault, at: Span): Known {
    if (!(result instanceof Fault)) return result;
    const hint = "a time plus or minus a duration is a time: Now() - 5s; HLCFromPT(ms) makes one";
    return this.#refuse("bad-time", "this has no value", at, hint);
  }
}
