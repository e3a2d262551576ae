/**
 * A list of keys with its index, shared by the many images of one log that have the same variables:
 * a cut then copies two typed arrays instead of hashing a thousand strings again.
 */
export class KeyList {
  readonly keys: readonly string[];
  readonly index: ReadonlyMap<string, number>;
  /** Of the keys and their order: two lists with equal hash and length are taken as the same. */
  readonly hash: number;

  constructor(keys: readonly string[]) {
    this.keys = keys;
    this.index = new Map(keys.map((key, slot) => [key, slot]));
    this.hash = hashOf(keys);
  }

  static readonly empty: KeyList = new KeyList([]);
}

/** FNV-1a over the UTF-16 units, with a separator between keys. */
function hashOf(keys: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const key of keys) {
    for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0x10000, 0x01000193);
  }
  return hash >>> 0;
}
