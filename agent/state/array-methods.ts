/**
 * What a tracked array has in place of some methods of arrays: those that move many slots record once,
 * and those that look for an element know it by its proxy and by itself.
 */
const MUTATORS: readonly string[] = [
  ...["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"],
];
const SEARCHERS: readonly string[] = ["includes", "indexOf", "lastIndexOf"];

type Method = (this: unknown, ...given: unknown[]) => unknown;

export class ArrayMethods {
  readonly #instead = new Map<unknown, Method>();
  #depth = 0;

  /**
   * @param targetOf what a proxy stands for
   * @param ended called when a method that changes has ended, however it ended
   */
  constructor(targetOf: (value: unknown) => unknown, ended: () => void) {
    const native = Array.prototype as unknown as Readonly<Record<string, Method>>;
    for (const name of MUTATORS) this.#instead.set(native[name], this.#once(native[name], ended));
    for (const name of SEARCHERS) {
      const method = native[name] as Method;
      this.#instead.set(method, function (this: unknown, ...given) {
        return method.apply(
          targetOf(this),
          given.map((one, i) => (i === 0 ? targetOf(one) : one)),
        );
      });
    }
  }

  /** Whether one that changes is running: what it does is recorded at its end. */
  get isInside(): boolean {
    return this.#depth > 0;
  }

  /** What stands for a method that was read from an array. */
  instead(method: unknown, key: PropertyKey): unknown {
    return typeof key === "string" ? (this.#instead.get(method) ?? method) : method;
  }

  #once(method: Method | undefined, ended: () => void): Method {
    const inside = (by: number): number => {
      this.#depth += by;
      return this.#depth;
    };
    return function (this: unknown, ...given) {
      inside(1);
      try {
        return (method as Method).apply(this, given);
      } finally {
        if (inside(-1) === 0) ended();
      }
    };
  }
}
