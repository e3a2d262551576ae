/**
 * What conditions are answered from that follows changes: aggregates of columns, one of its kind for all that ask
 * for it, and the words in which they are asked (readings.ts). What a tree is lowered to names them by index.
 */
import { canonical, type Known, kindOf } from "../values/datum.ts";
import type { Aggregate, HeldText } from "./aggregate.ts";
import type { Cells } from "./cells.ts";
import { CountedPredicate, type NumberTest } from "./counted-predicate.ts";
import { CountedValues } from "./counted-values.ts";
import type { Comparison, NumberIr, TruthIr } from "./ir.ts";
import type { Odd } from "./odd.ts";
import {
  type Asking,
  AverageReading,
  CountReading,
  DistinctReading,
  decidedBy,
  ExtremeAsking,
  ExtremeReading,
  HeldAsking,
  PredicateAsking,
  type Reading,
  SumReading,
  TrueCountReading,
} from "./readings.ts";
import { RunningSum } from "./running-sum.ts";
import { Tournament } from "./tournament.ts";

export class Structures {
  readonly readings: Reading[] = [];
  readonly askings: Asking[] = [];
  /** How many there are of each, for people. */
  readonly counts: Map<string, number> = new Map();
  readonly #cells: Cells;
  readonly #odd: Odd;
  readonly #aggregates = new Map<string, Aggregate>();

  constructor(cells: Cells, odd: Odd) {
    this.#cells = cells;
    this.#odd = odd;
  }

  // ---- numbers

  /** Count(v). */
  count(column: number): NumberIr {
    return this.#reading(new CountReading(this.#cells, column, this.#odd));
  }

  /** Cardinality(v). */
  distinct(column: number): NumberIr {
    return this.#reading(new DistinctReading(this.#cells, column, this.#odd, this.#values(column)));
  }

  /** Sum(v), Avg(v). */
  total(column: number, name: "Sum" | "Avg"): NumberIr {
    const make = (): RunningSum => new RunningSum(this.#cells.nodeIds.length);
    const sum = this.#aggregate("running total", column, make);
    const Kind = name === "Sum" ? SumReading : AverageReading;
    return this.#reading(new Kind(this.#cells, column, this.#odd, sum));
  }

  /** Max(v) (1), Min(v) (-1). */
  extreme(column: number, sign: 1 | -1): NumberIr {
    const tree = this.#tree(column, sign === 1 ? "greatest" : "least");
    return this.#reading(new ExtremeReading(this.#cells, column, this.#odd, tree));
  }

  /** Count({x IN v : (p)}). */
  trueCount(column: number, test: NumberTest): NumberIr {
    const predicate = this.#predicate(column, test);
    return this.#reading(new TrueCountReading(this.#cells, column, this.#odd, predicate));
  }

  // ---- truths

  /** Whether somebody holds the value, or something else than it; undefined: a value of which that is not kept. */
  held(column: number, value: Known, isOther: boolean): TruthIr | undefined {
    const kind = kindOf(value);
    if (kind === "set" || kind === "time" || kind === "duration") return undefined;
    const held: number | HeldText = typeof value === "number" ? value : canonical(value);
    const values = this.#values(column);
    return this.#asking(new HeldAsking(this.#cells, column, this.#odd, values, held, isOther));
  }

  /** EXISTS or FORALL x IN v : (p). */
  quantified(column: number, test: NumberTest, isExists: boolean): TruthIr {
    const predicate = this.#predicate(column, test);
    return this.#asking(new PredicateAsking(this.#cells, column, this.#odd, predicate, isExists));
  }

  /** EXISTS or FORALL x IN v : (x > about): the greatest or the least member decides. */
  againstExtreme(column: number, op: Comparison, about: NumberIr, isExists: boolean): TruthIr {
    const tree = this.#tree(column, decidedBy(op, isExists));
    const asking = new ExtremeAsking(this.#cells, column, this.#odd, tree, op, isExists);
    return { is: "asking-about", index: this.askings.push(asking) - 1, of: about };
  }

  // ---- aggregates

  #reading(reading: Reading): NumberIr {
    return { is: "reading", index: this.readings.push(reading) - 1 };
  }

  #asking(asking: Asking): TruthIr {
    return { is: "asking", index: this.askings.push(asking) - 1 };
  }

  #values(column: number): CountedValues {
    return this.#aggregate("counted map", column, () => new CountedValues());
  }

  #tree(column: number, which: "greatest" | "least"): Tournament {
    const make = (): Tournament => new Tournament(this.#cells.nodeIds.length, which);
    return this.#aggregate("tournament tree", column, make, which);
  }

  /** Each is about what it says: none is shared. */
  #predicate(column: number, test: NumberTest): CountedPredicate {
    const predicate = new CountedPredicate(test);
    this.#note("counted predicate");
    this.#cells.attach(column, predicate);
    return predicate;
  }

  /** The one of its kind for a column. */
  #aggregate<A extends Aggregate>(what: string, column: number, make: () => A, which = ""): A {
    const name = `${what} ${which} ${column}`;
    const known = this.#aggregates.get(name);
    if (known !== undefined) return known as A;
    const made = make();
    this.#aggregates.set(name, made);
    this.#note(what);
    this.#cells.attach(column, made);
    return made;
  }

  #note(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
