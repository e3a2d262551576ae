/**
 * Loops: EXISTS, FORALL, FOREACH and filters, over sets and multisets with holes.
 *
 * A hole stands for members that nobody knows: EXISTS is then Kleene's OR of the known bodies and an
 * unknown, FORALL their AND.
 */
import type { BoundExpr, FilterExpr, QuantifierExpr } from "../check/bound.ts";
import {
  type Datum,
  isCollection,
  isEqual,
  type Known,
  LOST,
  Multiset,
  type Pair,
  SetDatum,
  type Truth,
  UNDEFINED,
  Unknown,
} from "../values/datum.ts";
import { and, or } from "../values/kleene.ts";
import type { RunContext } from "./run-context.ts";

/** A loop variable while its body runs. */
interface Looped {
  readonly value: Known;
  /** Of the pair, where it has one. */
  readonly node: string | undefined;
  readonly source: SetDatum | Multiset;
}

export abstract class LoopEvaluator {
  protected readonly context: RunContext;
  readonly #loops: Looped[] = [];

  constructor(context: RunContext) {
    this.context = context;
  }

  abstract evaluate(expr: BoundExpr): Datum;

  /** The value of an expression in the place of a truth. */
  truth(expr: BoundExpr): Truth {
    const datum = this.evaluate(expr);
    if (typeof datum === "boolean" || datum instanceof Unknown) return datum;
    if (typeof datum === "number") return datum !== 0;
    if (datum !== null) this.context.warn("not-a-truth-value", expr.at);
    return UNDEFINED;
  }

  protected loop(slot: number): Looped {
    return this.#loops[slot] as Looped;
  }

  /** Nodes of the loop's source that hold a value equal to the loop variable's. */
  protected holders(slot: number): Datum {
    const { value, source } = this.loop(slot);
    if (source instanceof SetDatum) return UNDEFINED;
    if (source.hasHole) return LOST;
    return SetDatum.of(
      source.pairs.filter((pair) => isEqual(pair.value, value)).map(({ node }) => node),
    );
  }

  protected quantifier({ kind, loops, body }: QuantifierExpr): Truth {
    const isExists = kind === "EXISTS";
    const join = isExists ? or : and;
    // FOREACH runs its body for every member, whatever it says.
    const decides = kind === "FOREACH" ? undefined : isExists;
    const visit = (depth: number): Truth => {
      const loop = loops[depth];
      if (loop === undefined) {
        this.context.step();
        return this.truth(body);
      }
      const source = this.collection(loop.source);
      if (source instanceof Unknown) return source;
      let result: Truth = source instanceof Multiset && source.hasHole ? LOST : !isExists;
      for (const looped of loopedOver(source)) {
        this.#loops[loop.slot] = looped;
        result = join(result, visit(depth + 1));
        if (result === decides) return result;
      }
      return result;
    };
    return visit(0);
  }

  /** Members for which the body is true. Where something lost decides, the result has a hole. */
  protected filter({ slot, source, body }: FilterExpr): Datum {
    const collection = this.collection(source);
    if (collection instanceof Unknown) return collection;
    const kept: Looped[] = [];
    const undecided: string[] = [];
    let isUndecided = false;
    for (const looped of loopedOver(collection)) {
      this.context.step();
      this.#loops[slot] = looped;
      const truth = this.truth(body);
      if (truth === true) kept.push(looped);
      if (!(truth instanceof Unknown) || truth.reason !== "lost") continue;
      isUndecided = true;
      if (looped.node !== undefined) undecided.push(looped.node);
    }
    if (collection instanceof SetDatum) {
      return isUndecided ? LOST : SetDatum.of(kept.map(({ value }) => value));
    }
    const pairs = kept.map(({ value, node }): Pair => ({ value, node: node ?? "" }));
    const lost = [...new Set([...collection.lost, ...undecided])].sort();
    return new Multiset(pairs, lost, collection.isFlat);
  }

  /** What a loop or a set operator runs over. A single value is none. */
  protected collection(expr: BoundExpr): SetDatum | Multiset | Unknown {
    const datum = this.evaluate(expr);
    if (isCollection(datum) || datum instanceof Unknown) return datum;
    this.context.warn("not-a-set", expr.at);
    return UNDEFINED;
  }
}

function* loopedOver(source: SetDatum | Multiset): Generator<Looped> {
  if (source instanceof SetDatum) {
    for (const value of source.members) yield { value, node: undefined, source };
  } else {
    for (const { value, node } of source.pairs) yield { value, node, source };
  }
}
