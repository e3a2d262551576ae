/**
 * A list of keys with its index, shared by the many images of one log that have the same variables:
 * a cut then copies two typed arrays instead of hashing a thousand strings again.
 *
 * A list is named by its length and two independent 32-bit hashes of its content. Lists of one log
 * that have one name are taken as one: of a million lists of a log, two different ones would be
 * confused with a probability below 10^-7.
 */
import type { VariableRef } from "../../agent/kernel/index.ts";

export interface KeyListName {
  readonly count: number;
  readonly hash: number;
  readonly otherHash: number;
}

/** Of a key beside its text: the string, its place in the list and in the index. */
const KEY_BYTES = 60;

export class KeyList {
  readonly keys: readonly string[];
  readonly index: ReadonlyMap<string, number>;
  readonly name: KeyListName;

  readonly #bytes: number;
  /** Of lists of variables that blocks share: where each is here. */
  readonly #places = new WeakMap<readonly VariableRef[], Int32Array>();

  constructor(keys: readonly string[]) {
    this.keys = keys;
    this.#bytes = keys.reduce((sum, key) => sum + KEY_BYTES + key.length * 2, KEY_BYTES);
    this.index = new Map(keys.map((key, slot) => [key, slot]));
    this.name = {
      count: keys.length,
      hash: hashOf(keys, 0x811c9dc5, 0x01000193),
      otherHash: hashOf(keys, 0x2545f491, 0x5bd1e995),
    };
  }

  /** What it takes in memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** By variable of a list of one log: its slot here, -1 if it has none. Worked out once per list. */
  placesOf(variables: readonly VariableRef[]): Int32Array {
    let places = this.#places.get(variables);
    if (places === undefined) {
      places = new Int32Array(variables.length);
      for (let i = 0; i < places.length; i += 1) {
        places[i] = this.index.get((variables[i] as VariableRef).key) ?? -1;
      }
      this.#places.set(variables, places);
    }
    return places;
  }

  static readonly empty: KeyList = new KeyList([]);
}

/** Whether two names name one list. */
export function isSameList(a: KeyListName, b: KeyListName): boolean {
  return a.count === b.count && a.hash === b.hash && a.otherHash === b.otherHash;
}

/** FNV-1a over the UTF-16 units, with a separator between keys, and a last mixing. */
function hashOf(keys: readonly string[], start: number, factor: number): number {
  let hash = start;
  for (const key of keys) {
    for (let i = 0; i < key.length; i += 1) {
      hash = Math.imul(hash ^ key.charCodeAt(i), factor);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ 0x10000, factor);
  }
  return (hash ^ (hash >>> 13)) >>> 0;
}
