/**
 * Functions of collections and numbers, over known arguments: whatever has a hole, or is unknown, was
 * dealt with by the caller. Members are visited by node id, then value, so that sums round alike in
 * every mode.
 */
import type { PlainFunction } from "../check/bound.ts";
import {
  asSet,
  canonical,
  compareOrdered,
  type Datum,
  isCollection,
  type Known,
  Multiset,
  type Pair,
  SetDatum,
  UNDEFINED,
  Unknown,
  valuesOf,
} from "../values/datum.ts";

export type FunctionFault =
  | "kinds-differ"
  | "not-a-number"
  | "not-a-set"
  | "overflow"
  | "out-of-range"
  | "subset-too-large";

/** No result, and why: a warning at the call. */
export class FunctionFailed {
  readonly code: FunctionFault;

  constructor(code: FunctionFault) {
    this.code = code;
  }
}

type Result = Datum | FunctionFailed;
type Collection = SetDatum | Multiset;

const NOT_A_SET = new FunctionFailed("not-a-set");
const NOT_A_NUMBER = new FunctionFailed("not-a-number");
const OVERFLOW = new FunctionFailed("overflow");

/** A function of collections (and a number for Percentile). */
export function applyFunction(
  name: PlainFunction,
  args: readonly (Known | Multiset)[],
  subsetMembers: number,
): Result {
  const unary = NUMERIC.get(name);
  const [first] = args;
  if (unary !== undefined && first !== undefined) return onNumbers(unary, first);
  if (name === "Max" || name === "Min") return extreme(args, name === "Max" ? 1 : -1);
  const collections = (name === "Percentile" ? args.slice(0, 1) : args).filter(isCollection);
  const [only] = collections;
  if (only === undefined || collections.length < (name === "Percentile" ? 1 : args.length)) {
    return NOT_A_SET;
  }
  switch (name) {
    case "Count":
      return valuesOf(only).length;
    case "Cardinality": {
      const counts = collections.map((one) => asSet(one).members.length);
      return counts.length === 1 ? (counts[0] as number) : SetDatum.of(counts);
    }
    case "Sum":
      return sum(collections.flatMap(valuesOf));
    case "Avg":
      return average(valuesOf(only));
    case "Median":
      return median(valuesOf(only));
    case "Percentile":
      return percentile(valuesOf(only), args[1]);
    case "Flatten":
      return flatten(only);
    case "Subset":
      return powerSet(only, subsetMembers);
    default:
      return only instanceof Multiset ? SetDatum.of(only.pairs.map(({ node }) => node)) : NOT_A_SET;
  }
}

const NUMERIC: ReadonlyMap<PlainFunction, (n: number) => number> = new Map([
  ["Abs", Math.abs],
  ["Ceil", Math.ceil],
  ["Floor", Math.floor],
  ["Sin", Math.sin],
  ["Cos", Math.cos],
  ["Tan", Math.tan],
]);

/** On a number, or on each member; pairs keep their nodes. */
function onNumbers(of: (n: number) => number, argument: Known | Multiset): Result {
  if (typeof argument === "number") return of(argument) + 0;
  if (!isCollection(argument)) return NOT_A_NUMBER;
  const numbers = numbersOf(valuesOf(argument));
  if (numbers === undefined) return NOT_A_NUMBER;
  const results = numbers.map((n) => of(n) + 0);
  if (argument instanceof SetDatum) return SetDatum.of(results);
  const pairs = argument.pairs.map(({ node }, index) => ({
    node,
    value: results[index] as number,
  }));
  return new Multiset(pairs, [], argument.isFlat);
}

/** The greatest (or least) of everything given, of one ordered kind. */
function extreme(args: readonly (Known | Multiset)[], sign: 1 | -1): Result {
  const values = args.flatMap((one) => (isCollection(one) ? valuesOf(one) : [one]));
  let best = values[0];
  if (best === undefined) return UNDEFINED;
  for (const value of values) {
    const order = compareOrdered(value, best);
    if (order === undefined) return new FunctionFailed("kinds-differ");
    if (order * sign > 0) best = value;
  }
  return best;
}

function sum(values: readonly Known[]): number | FunctionFailed {
  const numbers = numbersOf(values);
  if (numbers === undefined) return NOT_A_NUMBER;
  const total = numbers.reduce((sofar, n) => sofar + n, 0);
  return Number.isFinite(total) ? total + 0 : OVERFLOW;
}

function average(values: readonly Known[]): Result {
  const total = sum(values);
  if (values.length === 0) return UNDEFINED;
  return typeof total === "number" ? total / values.length : total;
}

function median(values: readonly Known[]): Result {
  const sorted = numbersOf(values)?.toSorted((a, b) => a - b);
  if (sorted === undefined) return NOT_A_NUMBER;
  if (sorted.length === 0) return UNDEFINED;
  const upper = sorted[Math.floor(sorted.length / 2)] as number;
  if (sorted.length % 2 === 1) return upper;
  const middle = ((sorted[sorted.length / 2 - 1] as number) + upper) / 2;
  return Number.isFinite(middle) ? middle + 0 : OVERFLOW;
}

/** Nearest rank: the least value that has p per cent of all at or below it. */
function percentile(values: readonly Known[], p: Datum | undefined): Result {
  if (typeof p !== "number") return p instanceof Unknown ? p : NOT_A_NUMBER;
  if (p < 0 || p > 100) return new FunctionFailed("out-of-range");
  const sorted = numbersOf(values)?.toSorted((a, b) => a - b);
  if (sorted === undefined) return NOT_A_NUMBER;
  const rank = Math.max(1, Math.ceil((p * sorted.length) / 100));
  return sorted[rank - 1] ?? UNDEFINED;
}

/** Elements of set-valued members, all depths; what is no set stays. */
function flatten(collection: Collection): Result {
  if (collection instanceof SetDatum) return SetDatum.of(collection.members.flatMap(elements));
  const pairs = collection.pairs.flatMap(({ node, value }): Pair[] =>
    elements(value)
      .toSorted((a, b) => (canonical(a) < canonical(b) ? -1 : 1))
      .map((element) => ({ node, value: element })),
  );
  return new Multiset(pairs, [], true);
}

function elements(value: Known): readonly Known[] {
  return value instanceof SetDatum ? value.members.flatMap(elements) : [value];
}

function powerSet(collection: Collection, most: number): Result {
  const { members } = asSet(collection);
  if (members.length > most) return new FunctionFailed("subset-too-large");
  let subsets: readonly (readonly Known[])[] = [[]];
  for (const member of members) {
    subsets = [...subsets, ...subsets.map((subset) => [...subset, member])];
  }
  return SetDatum.of(subsets.map((subset) => SetDatum.of(subset)));
}

function numbersOf(values: readonly Known[]): readonly number[] | undefined {
  return values.every((value) => typeof value === "number") ? values : undefined;
}
