/** Everything random in a simulation comes from here, and so from its seed. */
import { seededRandom } from "../support/seeded-random.ts";

export class Chance {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  isTrue(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error("there is nothing to pick from");
    return list[this.below(list.length)] as T;
  }

  /** An independent stream: what is drawn from it moves nothing drawn here. */
  fork(): Chance {
    return new Chance(this.below(2 ** 32));
  }
}
