/**
 * How many nodes hold each value: the number of distinct values, and whether one is held at all. Hot:
 * bench `walk-wide`.
 *
 * Small whole numbers, of which counters and versions are made, are counted in a table; all else in a map,
 * which takes 0 and -0 for one key, as the language does.
 */
import type { Aggregate, HeldText } from "./aggregate.ts";

/** Whole numbers below it have a place in the table. */
const TABLE_SIZE = 65_536;

export class CountedValues implements Aggregate {
  readonly #table = new Uint32Array(TABLE_SIZE);
  readonly #map = new Map<number | HeldText, number>();
  #inTable = 0;

  /** Distinct values. */
  get distinct(): number {
    return this.#inTable + this.#map.size;
  }

  /** Whether some node holds it. */
  has(value: number | HeldText): boolean {
    if (typeof value === "number" && isSmall(value)) return this.#table[value] !== 0;
    return this.#map.has(value);
  }

  update(_node: number, before: number, after: number): void {
    this.#remove(before);
    this.#add(after);
  }

  enter(_node: number, value: number | HeldText): void {
    this.#add(value);
  }

  leave(_node: number, value: number | HeldText): void {
    this.#remove(value);
  }

  #add(value: number | HeldText): void {
    if (typeof value === "number" && isSmall(value)) {
      const count = this.#table[value] as number;
      this.#table[value] = count + 1;
      if (count === 0) this.#inTable += 1;
      return;
    }
    this.#map.set(value, (this.#map.get(value) ?? 0) + 1);
  }

  #remove(value: number | HeldText): void {
    if (typeof value === "number" && isSmall(value)) {
      const count = this.#table[value] as number;
      this.#table[value] = count - 1;
      if (count === 1) this.#inTable -= 1;
      return;
    }
    const count = this.#map.get(value) as number;
    if (count === 1) this.#map.delete(value);
    else this.#map.set(value, count - 1);
  }
}

/** A whole number from 0 to below the table's size; minus zero is zero. */
function isSmall(value: number): boolean {
  return value >>> 0 === value && value < TABLE_SIZE;
}
