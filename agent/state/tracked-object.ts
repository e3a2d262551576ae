/**
 * A plain object whose changes are recorded: each property is a variable of one log. For small states, such
 * as a configuration, a leader and its term, a cart.
 *
 *     state.items.push("pear")      the array changed; it is reached by `items`
 *       -> set items = ["apple", "pear"]       once, however many slots a splice or a sort moved
 *
 * The service writes through proxies, one per object, made when it is first read; what lies below holds no
 * proxies. A change below the top records every property that reaches the changed object again, found by a
 * bounded walk, since one object may hang in several places. Reading records nothing.
 *
 * Followed: plain objects and arrays. Not followed: instances of classes, Map, Set, Date, typed arrays, what
 * cannot be proxied truthfully (below a frozen object): they are shown as they are, recorded as they are when
 * their property is recorded, and assigning them again records them again. No variables: symbols,
 * functions, undefined, getters, properties that are not enumerable.
 */
import { KindCode } from "../kernel/index.ts";
import { ArrayMethods } from "./array-methods.ts";
import type { PlannedChange } from "./commit-groups.ts";
import { STATE_LIMITS } from "./limits.ts";
import { descriptorOf, isFollowed, keysOf, ReachWalk } from "./object-walk.ts";
import type { Recording } from "./recording.ts";
import { takeName } from "./texts.ts";
import type { LogRecord } from "./variable-table.ts";

/** Stands beside the properties of an object that has too many. */
const MORE = "…";

export class TrackedObject {
  readonly #recording: Recording;
  readonly #log: LogRecord;
  readonly #root: object;
  readonly #proxies = new WeakMap<object, object>();
  readonly #targets = new WeakMap<object, object>();
  readonly #arrayMethods: ArrayMethods;
  readonly #handler: ProxyHandler<object>;
  /** Properties that are variables. */
  readonly #recorded = new Set<string>();
  /** Whether properties wait because there are too many. */
  #isOverfull = false;
  /** What changed and is not recorded yet: properties of the top, objects below. */
  #changedKeys = new Set<string>();
  #changedObjects = new Set<object>();

  /** @param root a plain object, see `isFollowed`; what it holds is recorded as one commit */
  constructor(recording: Recording, log: LogRecord, root: object) {
    this.#recording = recording;
    this.#log = log;
    this.#root = root;
    this.#arrayMethods = new ArrayMethods(
      (value) => this.#targetOf(value),
      () => this.#record(),
    );
    this.#handler = this.#makeHandler();
    for (const key of keysOf(root)) this.#changedKeys.add(key);
    this.#record();
  }

  /** What the service holds; the same for each call. */
  get proxy(): object {
    return this.#proxyOf(this.#root);
  }

  #makeHandler(): ProxyHandler<object> {
    return {
      get: (target, key, receiver) => {
        const value: unknown = Reflect.get(target, key, receiver);
        if (typeof value === "function" && Array.isArray(target)) {
          return this.#arrayMethods.instead(value, key);
        }
        return this.#shown(target, key, value);
      },
      // Ends in `defineProperty` of whoever received it: of an object that inherits from ours, not ours.
      set: (target, key, value, receiver) =>
        Reflect.set(target, key, this.#targetOf(value), receiver),
      getOwnPropertyDescriptor: (target, key) => {
        const found = Reflect.getOwnPropertyDescriptor(target, key);
        if (found === undefined || !("value" in found)) return found;
        return { ...found, value: this.#shown(target, key, found.value) };
      },
      defineProperty: (target, key, given) => {
        const before = Reflect.getOwnPropertyDescriptor(target, key);
        // A fixed property must hold what was given, or the engine throws: there a proxy may lie below.
        const mayUnwrap = "value" in given && !isFixedBy(given, before);
        const wanted = mayUnwrap ? { ...given, value: this.#targetOf(given.value) } : given;
        if (!Reflect.defineProperty(target, key, wanted)) return false;
        if (isChange(before, wanted)) this.#changed(target, key);
        return true;
      },
      deleteProperty: (target, key) => {
        const had = Object.hasOwn(target, key);
        if (!Reflect.deleteProperty(target, key)) return false;
        if (had) this.#changed(target, key);
        return true;
      },
    };
  }

  /** What is shown of an own property's value: its proxy, where a proxy may stand for it. */
  #shown(target: object, key: PropertyKey, value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const found = Reflect.getOwnPropertyDescriptor(target, key);
    // Inherited, or fixed: a fixed property must show what it holds, or the engine throws.
    if (found === undefined || (found.configurable === false && found.writable !== true)) {
      return value;
    }
    return this.#proxies.get(value) ?? (isFollowed(value) ? this.#proxyOf(value) : value);
  }

  #proxyOf(target: object): object {
    let proxy = this.#proxies.get(target);
    if (proxy === undefined) {
      proxy = new Proxy(target, this.#handler);
      this.#proxies.set(target, proxy);
      this.#targets.set(proxy, target);
    }
    return proxy;
  }

  /** What a proxy of ours stands for; anything else as it is. */
  #targetOf(value: unknown): unknown {
    return typeof value === "object" && value !== null
      ? (this.#targets.get(value) ?? value)
      : value;
  }

  #changed(target: object, key: PropertyKey): void {
    if (typeof key === "symbol") return;
    if (target === this.#root) this.#changedKeys.add(String(key));
    else this.#changedObjects.add(target);
    if (!this.#arrayMethods.isInside) this.#record();
  }

  /** Records what changed, under one timestamp. */
  #record(): void {
    const keys = this.#changedKeys;
    const objects = this.#changedObjects;
    if (keys.size === 0 && objects.size === 0) return;
    // A getter of the service, called by what follows, may change more: that is recorded by itself.
    this.#changedKeys = new Set();
    this.#changedObjects = new Set();
    if (objects.size > 0) this.#addReaching(objects, keys);
    const changes: PlannedChange[] = [];
    for (const key of keys) this.#plan(key, changes);
    if (this.#isOverfull) this.#admitWaiting(changes);
    this.#recording.commit(this.#log, changes);
  }

  /** Adds the properties from which one of the objects is reached. */
  #addReaching(objects: ReadonlySet<object>, keys: Set<string>): void {
    const walk = new ReachWalk(objects, (value) => this.#targetOf(value));
    for (const key of this.#recorded) {
      if (!keys.has(key) && walk.reaches(descriptorOf(this.#root, key)?.value)) keys.add(key);
    }
  }

  #plan(name: string, changes: PlannedChange[]): void {
    const value = this.#variableAt(name);
    const key = takeName(name);
    if (value === undefined) {
      if (!this.#recorded.delete(name)) return;
      changes.push({ kind: KindCode.delete, key, taken: undefined });
    } else if (this.#recorded.has(name) || this.#recorded.size < STATE_LIMITS.objectVariables) {
      this.#recorded.add(name);
      const taken = this.#recording.takeInto(this.#log, key, value);
      changes.push({ kind: KindCode.set, key, taken });
    } else if (!this.#isOverfull) {
      this.#isOverfull = true;
      const value = `(cut short: more than ${STATE_LIMITS.objectVariables} properties)`;
      const taken = { value, bytes: value.length + 2, cutShort: true };
      changes.push({ kind: KindCode.set, key: MORE, taken });
    }
  }

  /** There may be room for properties that were left out. */
  #admitWaiting(changes: PlannedChange[]): void {
    if (this.#recorded.size >= STATE_LIMITS.objectVariables) return;
    const waiting = keysOf(this.#root).filter(
      (key) => !this.#recorded.has(key) && this.#variableAt(key) !== undefined,
    );
    for (const key of waiting) this.#plan(key, changes);
    if (waiting.some((key) => !this.#recorded.has(key))) return;
    this.#isOverfull = false;
    changes.push({ kind: KindCode.delete, key: MORE, taken: undefined });
  }

  /** The value that a property has as a variable; undefined: it is none. */
  #variableAt(key: string): unknown {
    const found = descriptorOf(this.#root, key);
    if (found?.enumerable !== true) return undefined;
    const value: unknown = found.value;
    return typeof value === "function" || typeof value === "symbol" ? undefined : value;
  }
}

/** Whether a property will be for ever what is given: what a descriptor leaves out of a new one is false. */
function isFixedBy(given: PropertyDescriptor, before: PropertyDescriptor | undefined): boolean {
  const { configurable = before?.configurable, writable = before?.writable } = given;
  return configurable !== true && writable !== true;
}

/** Whether defining a property made a difference. An object that is assigned again may have changed. */
function isChange(before: PropertyDescriptor | undefined, after: PropertyDescriptor): boolean {
  if (before === undefined || !("value" in after) || !("value" in before)) return true;
  if (after.enumerable !== undefined && after.enumerable !== before.enumerable) return true;
  const { value } = after;
  return (typeof value === "object" && value !== null) || !Object.is(value, before.value);
}
