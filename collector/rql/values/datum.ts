/**
 * What an expression may be at a cut.
 *
 *     scalar     JSON (a number, string, boolean, null, array, object), a time, a duration
 *     set        distinct values, in the order of their canonical text; no nodes
 *     multiset   (node, value) pairs by node id, and the nodes whose value is lost: its hole
 *     unknown    with the reason; not a value, and not null
 *
 * A truth is TRUE, FALSE or an unknown. Objects come from strangers: their own keys are asked for,
 * never what they inherit, so that `__proto__` and `constructor` are names like any other.
 */
import {
  canonicalText,
  type Hlc,
  type Json,
  type Value,
  ValueSet,
} from "../../../agent/kernel/index.ts";

/**
 * Why something is not known: it is lost in the record; it is not there (never set, deleted, no
 * member); or the operation has no result (a missing field, 1 / 0, `Max({})`).
 */
export type UnknownReason = "lost" | "absent" | "undefined";

export class Unknown {
  readonly reason: UnknownReason;

  constructor(reason: UnknownReason) {
    this.reason = reason;
  }
}

export const LOST: Unknown = new Unknown("lost");
export const ABSENT: Unknown = new Unknown("absent");
export const UNDEFINED: Unknown = new Unknown("undefined");

/** A moment. */
export class TimeValue {
  readonly t: Hlc;

  constructor(t: Hlc) {
    this.t = t;
  }
}

/** A length of time in ticks, fractions and negative ones included. */
export class DurationValue {
  readonly ticks: number;

  constructor(ticks: number) {
    this.ticks = ticks;
  }
}

export class SetDatum {
  /** Distinct, in the order of their canonical text. */
  readonly members: readonly Known[];
  readonly #texts: ReadonlySet<string>;

  private constructor(byText: ReadonlyMap<string, Known>) {
    this.members = [...byText.values()];
    this.#texts = new Set(byText.keys());
  }

  static of(values: Iterable<Known>): SetDatum {
    const byText = new Map<string, Known>();
    for (const value of values) byText.set(canonical(value), value);
    return new SetDatum(new Map([...byText].sort(([a], [b]) => (a < b ? -1 : 1))));
  }

  static readonly empty: SetDatum = new SetDatum(new Map());

  has(value: Known): boolean {
    return this.#texts.has(canonical(value));
  }

  /** Whether every member of this is one of `other`. */
  isWithin(other: SetDatum): boolean {
    for (const text of this.#texts) if (!other.#texts.has(text)) return false;
    return true;
  }
}

export interface Pair {
  readonly node: string;
  readonly value: Known;
}

export class Multiset {
  /** By node id; those of one node (Flatten) by canonical text. */
  readonly pairs: readonly Pair[];
  /** Nodes whose value cannot be told, in order: not empty means that there is a hole. */
  readonly lost: readonly string[];
  /** Made by Flatten: a node may have several pairs. */
  readonly isFlat: boolean;

  constructor(pairs: readonly Pair[], lost: readonly string[], isFlat = false) {
    this.pairs = pairs;
    this.lost = lost;
    this.isFlat = isFlat;
  }

  get hasHole(): boolean {
    return this.lost.length > 0;
  }
}

export type Scalar = Json | TimeValue | DurationValue;
export type Known = Scalar | SetDatum;
/** Anything that an expression may give. */
export type Datum = Known | Multiset | Unknown;
export type Truth = boolean | Unknown;

/** What a variable holds, as a datum. */
export function fromValue(value: Value): Known {
  return value instanceof ValueSet ? SetDatum.of(value.members) : value;
}

/** Equal values have equal texts, values of different kinds different ones. */
export function canonical(value: Known): string {
  if (value instanceof TimeValue) return `@t${value.t}`;
  if (value instanceof DurationValue) return `@d${value.ticks}`;
  if (value instanceof SetDatum) return `@s[${value.members.map(canonical).join(",")}]`;
  return canonicalText(value);
}

/** Deep equality, by kind. */
export function isEqual(a: Known, b: Known): boolean {
  if (typeof a === "number" || typeof a === "string") return a === b;
  return canonical(a) === canonical(b);
}

export type OrderedKind = "number" | "string" | "time" | "duration";
export type Kind = OrderedKind | "boolean" | "null" | "array" | "object" | "set";

export function kindOf(value: Known): Kind {
  if (value === null) return "null";
  if (value instanceof TimeValue) return "time";
  if (value instanceof DurationValue) return "duration";
  if (value instanceof SetDatum) return "set";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  return type === "number" || type === "string" || type === "boolean" ? type : "object";
}

/** Below, at or above 0 as a is before, beside or after b; undefined unless of one ordered kind. */
export function compareOrdered(a: Known, b: Known): number | undefined {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (a instanceof TimeValue && b instanceof TimeValue) return a.t - b.t;
  if (a instanceof DurationValue && b instanceof DurationValue) return a.ticks - b.ticks;
  return undefined;
}

export function isCollection(datum: Datum): datum is SetDatum | Multiset {
  return datum instanceof SetDatum || datum instanceof Multiset;
}

/** The values of a collection, in order: distinct ones of a set, one per pair of a multiset. */
export function valuesOf(collection: SetDatum | Multiset): readonly Known[] {
  return collection instanceof SetDatum
    ? collection.members
    : collection.pairs.map(({ value }) => value);
}

/** Distinct values; of a multiset without its nodes. */
export function asSet(collection: SetDatum | Multiset): SetDatum {
  return collection instanceof SetDatum ? collection : SetDatum.of(valuesOf(collection));
}

/** The field of an object by its own key, or undefined. */
export function fieldOf(value: Known, field: string): Json | undefined {
  if (kindOf(value) !== "object" || !Object.hasOwn(value as object, field)) return undefined;
  return (value as { readonly [key: string]: Json })[field];
}

/** The element of an array from 0, or undefined. */
export function elementOf(value: Known, index: number): Json | undefined {
  return Array.isArray(value) && Number.isInteger(index)
    ? (value as readonly Json[])[index]
    : undefined;
}
