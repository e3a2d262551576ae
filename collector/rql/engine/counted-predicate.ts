/**
 * For how many nodes a condition on the node's own number holds: what EXISTS, FORALL and the Count of a
 * filter ask where their body looks at nothing but the member. It is evaluated once per change, and not
 * once per node and cut.
 */
import type { Aggregate, HeldText } from "./aggregate.ts";

/** Of a number: 0 false, 1 true, 2 unknown; 3: not to be told here (an overflow, which wants its warning). */
export type NumberTest = (value: number) => number;

export class CountedPredicate implements Aggregate {
  readonly #test: NumberTest;
  /** Numbers by what the test says of them. */
  readonly #counts = new Uint32Array(4);

  constructor(test: NumberTest) {
    this.#test = test;
  }

  get falseCount(): number {
    return this.#counts[0] as number;
  }

  get trueCount(): number {
    return this.#counts[1] as number;
  }

  get unknownCount(): number {
    return this.#counts[2] as number;
  }

  /** Members of which nothing can be told here. */
  get strangerCount(): number {
    return this.#counts[3] as number;
  }

  update(_node: number, before: number, after: number): void {
    const was = this.#test(before);
    const is = this.#test(after);
    if (was === is) return;
    this.#counts[was] = (this.#counts[was] as number) - 1;
    this.#counts[is] = (this.#counts[is] as number) + 1;
  }

  enter(_node: number, value: number | HeldText): void {
    if (typeof value === "number") this.#count(value, 1);
  }

  leave(_node: number, value: number | HeldText): void {
    if (typeof value === "number") this.#count(value, -1);
  }

  #count(value: number, by: 1 | -1): void {
    const what = this.#test(value);
    this.#counts[what] = (this.#counts[what] as number) + by;
  }
}
