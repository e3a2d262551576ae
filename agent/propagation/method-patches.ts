/**
 * Replaces functions of somebody else's objects, and puts them back. What every package hook does with
 * the prototypes and exports it found: a feature test first, all or nothing, and an end.
 */

type Holder = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: functions of packages, whose types stand in the hooks
type AnyFunction = (this: any, ...args: any[]) => any;

/** Marks our wrappers, in this copy of the package and in others. */
const OURS = Symbol.for("retroscope.hook");

interface Patch {
  readonly holder: Holder;
  readonly name: string;
  readonly wasOwn: boolean;
  readonly original: unknown;
  readonly wrapper: unknown;
}

export class MethodPatches {
  readonly #patches: Patch[] = [];

  /** Whether `holder[name]` is a wrapper of ours: an entry that came by twice is done already. */
  static has(holder: object, name: string): boolean {
    const present = (holder as Holder)[name];
    return typeof present === "function" && OURS in present;
  }

  /**
   * Puts `make(original)` in the place of `holder[name]`, own or inherited.
   * @throws Error if that is no function, is ours already, or cannot be replaced; everything patched
   *   before is put back then
   */
  wrap<F extends AnyFunction>(holder: object, name: string, make: (original: F) => F): void {
    const target = holder as Holder;
    const original = target[name];
    if (typeof original !== "function") this.#refuse(`${name} is missing`);
    if (OURS in (original as object)) this.#refuse(`${name} is patched already`);
    const wrapper = make(original as F);
    Object.defineProperty(wrapper, OURS, { value: true });
    Object.defineProperty(wrapper, "name", { value: name, configurable: true });
    const wasOwn = Object.hasOwn(target, name);
    try {
      target[name] = wrapper;
    } catch {
      // Frozen, or a getter: the comparison below says so.
    }
    if (target[name] !== wrapper) this.#refuse(`${name} cannot be replaced`);
    this.#patches.push({ holder: target, name, wasOwn, original, wrapper });
  }

  /** Puts back what was there. Somebody who wrapped ours keeps it. */
  takeOut(): void {
    for (const { holder, name, wasOwn, original, wrapper } of this.#patches.splice(0).reverse()) {
      if (holder[name] !== wrapper) continue;
      if (wasOwn) holder[name] = original;
      else delete holder[name];
    }
  }

  #refuse(why: string): never {
    this.takeOut();
    throw new Error(why);
  }
}
