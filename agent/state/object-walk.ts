/** Which objects a tracked object follows, and whether one of them is reached from a value. */

/** Entries looked at for one change, some 25 ms; beyond, a value is taken to reach what is looked for. */
export const MAX_WALKED = 100_000;

/** Whether changes inside are followed: plain objects and arrays. Never throws. */
export function isFollowed(value: object): boolean {
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) return prototype === Array.prototype;
    return prototype === Object.prototype || prototype === null;
  } catch {
    return false; // a revoked proxy
  }
}

/**
 * Which of several values one of `targets` is reached from. What one walk found no way from, the next ones
 * pass by; and all together look at a bounded number of entries: 1,000 properties that share a large object
 * took seconds a change.
 */
export class ReachWalk {
  readonly #targets: ReadonlySet<object>;
  readonly #targetOf: (value: unknown) => unknown;
  readonly #without = new Set<object>();
  #walked = 0;

  /** @param targetOf what a value stands for, if it is a proxy of ours */
  constructor(targets: ReadonlySet<object>, targetOf: (value: unknown) => unknown) {
    this.#targets = targets;
    this.#targetOf = targetOf;
  }

  /** Whether one of them is reached, the value itself included. Calls no getter; never throws. */
  reaches(value: unknown): boolean {
    const seen = new Set<object>();
    const open: unknown[] = [value];
    while (open.length > 0) {
      const next = this.#targetOf(open.pop());
      if (typeof next !== "object" || next === null) continue;
      if (seen.has(next) || this.#without.has(next)) continue;
      if (this.#targets.has(next)) return true;
      seen.add(next);
      if (!isFollowed(next)) continue;
      const keys = keysOf(next);
      this.#walked += keys.length;
      if (this.#walked > MAX_WALKED) return true;
      for (const key of keys) {
        const inner: unknown = descriptorOf(next, key)?.value;
        if (typeof inner === "object" && inner !== null) open.push(inner);
      }
    }
    for (const object of seen) this.#without.add(object);
    return false;
  }
}

/** As `Object.keys`; of a foreign proxy that throws, none. */
export function keysOf(object: object): readonly string[] {
  try {
    return Object.keys(object);
  } catch {
    return [];
  }
}

/** As `Reflect.getOwnPropertyDescriptor`; of a foreign proxy that throws, nothing. */
export function descriptorOf(object: object, key: string): PropertyDescriptor | undefined {
  try {
    return Reflect.getOwnPropertyDescriptor(object, key);
  } catch {
    return undefined;
  }
}
