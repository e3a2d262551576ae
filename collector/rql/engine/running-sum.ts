/**
 * A sum that follows its numbers. It is exact, and so the same in any order of adding, while all are
 * integers and so small that not even all nodes together reach 2^53; as long as one is not, whoever asks
 * adds them up anew.
 */
import type { Aggregate, HeldText } from "./aggregate.ts";

/** Up to here doubles hold every integer. */
const EXACT = 2 ** 53;

export class RunningSum implements Aggregate {
  /** Of so many nodes each may hold as much, and all sums of some of them are exact. */
  readonly #largest: number;
  #total = 0;
  /** Numbers that are no integers, or too large to be counted. */
  #strangers = 0;

  constructor(nodeCount: number) {
    this.#largest = Math.floor(EXACT / Math.max(1, nodeCount));
  }

  /** NaN: to be added up anew. */
  get total(): number {
    return this.#strangers === 0 ? this.#total : Number.NaN;
  }

  update(_node: number, before: number, after: number): void {
    this.#take(before, -1);
    this.#take(after, 1);
  }

  enter(_node: number, value: number | HeldText): void {
    if (typeof value === "number") this.#take(value, 1);
  }

  leave(_node: number, value: number | HeldText): void {
    if (typeof value === "number") this.#take(value, -1);
  }

  #take(value: number, sign: 1 | -1): void {
    if (Math.abs(value) <= this.#largest && Math.floor(value) === value)
      this.#total += sign * value;
    else this.#strangers += sign;
  }
}
