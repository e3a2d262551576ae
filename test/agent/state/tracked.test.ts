import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalText, type Json } from "../../../agent/kernel/index.ts";
import { Logs } from "../../../agent/logs.ts";
import { STATE_LIMITS } from "../../../agent/state/limits.ts";
import { recordingParts } from "../../support/recording-parts.ts";

function build() {
  const parts = recordingParts();
  const said: string[] = [];
  const logs = new Logs(parts.recording, (_, message) => said.push(message));
  const stateOf = (log: string): Readonly<Record<string, Json>> =>
    parts.snapshots.take().logs[log] ?? {};
  /** How many changes a call records. */
  const changesOf = (run: () => void): number => {
    const before = parts.window.nextIndex;
    run();
    return parts.window.nextIndex - before;
  };
  return { ...parts, logs, said, stateOf, changesOf };
}

type Cart = { items: unknown[]; [key: string]: unknown };
const cartOf = (parts: ReturnType<typeof build>, initial: object = { items: [] }): Cart =>
  parts.logs.object("cart", initial) as Cart;

describe("a tracked set", () => {
  it("is a set, and its members are those of one variable", () => {
    const parts = build();
    const ring = parts.logs.set("ring", "members") as Set<string>;
    expect(ring.add("n1").add("n2")).toBe(ring);
    expect(parts.changesOf(() => ring.add("n1"))).toBe(0);
    expect(ring.delete("n1")).toBe(true);
    expect(ring.delete("n1")).toBe(false);
    expect([...ring]).toEqual(["n2"]);
    expect(parts.stateOf("ring")).toEqual({ members: { $set: ["n2"] } });
    expect(parts.changesOf(() => ring.clear())).toBe(1);
    expect(parts.stateOf("ring")).toEqual({ members: { $set: [] } });
    expect(parts.logs.set("ring", "members")).toBe(ring);
  });

  it("holds what its members look like in JSON, however they come and go and change", () => {
    const pool: unknown[] = [1, "1", 1n, null, true, "NaN", Number.NaN, { a: 1 }, { a: 1 }];
    pool.push(new Date(0), "1970-01-01T00:00:00.000Z", Symbol("s"), Symbol("s"), [1], -0, 0);
    const op = fc.record({
      what: fc.constantFrom("add", "add", "delete", "touch", "clear"),
      at: fc.nat(pool.length - 1),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
        const parts = build();
        const set = parts.logs.set("s", "k") as Set<unknown>;
        const fresh = pool.map((one) => (isPlainObject(one) ? { ...one } : one));
        const addedAs = new Map<unknown, Json>();
        for (const { what, at } of ops) {
          const member = fresh[at];
          if (what === "add") {
            if (!set.has(member)) addedAs.set(member === 0 ? 0 : member, formOf(member));
            set.add(member);
          } else if (what === "delete") {
            addedAs.delete(member);
            set.delete(member);
          } else if (what === "clear") {
            addedAs.clear();
            set.clear();
          } else if (isPlainObject(member)) {
            member["a"] = (member["a"] as number) + 1;
          }
        }
        const expected = [...new Set([...addedAs.values()].map(canonicalText))].sort();
        const recorded = (parts.stateOf("s")["k"] as { $set: Json[] } | undefined)?.$set ?? [];
        expect(recorded.map(canonicalText)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a tracked object", () => {
  it("records what it begins with at once, and each property as a variable", () => {
    const parts = build();
    const initial = { items: ["apple"], paid: false, note: undefined, run: () => 1 };
    const changes = parts.changesOf(() => parts.logs.object("cart", initial));
    expect(changes).toBe(2);
    expect(parts.stateOf("cart")).toEqual({ items: ["apple"], paid: false });
  });

  const once: ReadonlyArray<readonly [what: string, run: (cart: Cart) => void, changes: number]> = [
    ["a push", (cart) => cart.items.push(1, 2, 3), 1],
    ["a splice", (cart) => cart.items.splice(0, 2, "x", "y", "z"), 1],
    ["a sort", (cart) => cart.items.sort(), 1],
    ["a reverse", (cart) => cart.items.reverse(), 1],
    ["an unshift", (cart) => cart.items.unshift(0, 0), 1],
    ["a pop", (cart) => cart.items.pop(), 1],
    ["a pop of nothing", (cart) => (cart["empty"] as unknown[]).pop(), 0],
    ["a shorter length", (cart) => (cart.items.length = 1), 1],
    ["the same length", (cart) => (cart.items.length = 3), 0],
    ["one slot", (cart) => (cart.items[1] = "z"), 1],
    ["the same value", (cart) => (cart["paid"] = false), 0],
    ["another value", (cart) => (cart["paid"] = true), 1],
    ["a delete", (cart) => delete cart["paid"], 1],
    ["a delete of nothing", (cart) => delete cart["nothing"], 0],
    [
      "a property defined",
      (cart) =>
        Object.defineProperty(cart, "d", {
          value: 1,
          enumerable: true,
          configurable: true,
          writable: true,
        }),
      1,
    ],
    ["a hidden property", (cart) => Object.defineProperty(cart, "h", { value: 1 }), 0],
    ["a symbol", (cart) => Object.assign(cart, { [Symbol("s")]: 1 }), 0],
    ["Object.assign below", (cart) => Object.assign(cart["deep"] as object, { a: 2 }), 1],
    [
      "a change far below",
      (cart) => ((cart["deep"] as { list: { n: number }[] }).list[0] = { n: 7 }),
      1,
    ],
    [
      "a getter",
      (cart) =>
        Object.defineProperty(cart, "g", { get: () => 1, enumerable: true, configurable: true }),
      0,
    ],
    ["an object assigned again", (cart) => Object.assign(cart, { date: cart["date"] }), 1],
    ["a Date changed in place", (cart) => (cart["date"] as Date).setTime(5), 0],
    ["undefined in place of a value", (cart) => (cart["paid"] = undefined), 1],
    ["reading all of it", (cart) => JSON.stringify(cart) + Object.entries(cart).length, 0],
    [
      "a sort that throws",
      (cart) =>
        expect(() =>
          cart.items.sort(() => {
            throw new Error("x");
          }),
        ).toThrow("x"),
      0,
    ],
  ];
  it.each(once)("records %s so many times", (_, run, changes) => {
    const parts = build();
    const initial = () => ({
      items: ["a", "c", "b"],
      empty: [],
      paid: false,
      deep: { a: 1, list: [{ n: 1 }] },
      date: new Date(0),
    });
    const cart = cartOf(parts, initial());
    const plain = initial() as unknown as Cart;
    expect(parts.changesOf(() => run(cart))).toBe(changes);
    run(plain);
    expect(JSON.parse(JSON.stringify(cart))).toEqual(JSON.parse(JSON.stringify(plain)));
  });

  it("behaves as the plain object does", () => {
    const parts = build();
    const list = { n: 1 };
    const cart = cartOf(parts, { items: [list], sub: { a: 1 } });
    expect(cart["sub"]).toBe(cart["sub"]);
    expect(cart.items).toBe(cart.items);
    expect(cart.items[0]).toBe(cart.items[0]);
    expect(Array.isArray(cart.items)).toBe(true);
    expect("sub" in cart).toBe(true);
    expect(Object.keys(cart)).toEqual(["items", "sub"]);
    expect({ ...cart }["sub"]).toBe(cart["sub"]);
    expect(cart.items.includes(list)).toBe(true);
    expect(cart.items.indexOf(cart.items[0])).toBe(0);
    expect(cart.items.concat([2])).toHaveLength(2);
    expect(JSON.stringify(cart)).toBe('{"items":[{"n":1}],"sub":{"a":1}}');
    expect(Object.getOwnPropertyDescriptor(cart, "sub")?.value).toBe(cart["sub"]);
    const child = Object.create(cart) as Cart;
    expect(parts.changesOf(() => (child["own"] = 1))).toBe(0);
    expect("own" in cart).toBe(false);
  });

  it("records every property from which a changed object is reached", () => {
    const parts = build();
    const shared = { n: 1 };
    const cart = cartOf(parts, { a: shared, b: { inside: [shared] }, c: 1 });
    const changes = parts.changesOf(() => ((cart["a"] as typeof shared).n = 2));
    expect(changes).toBe(2);
    expect(parts.stateOf("cart")).toEqual({ a: { n: 2 }, b: { inside: [{ n: 2 }] }, c: 1 });
    delete cart["b"];
    expect(parts.changesOf(() => ((cart["a"] as typeof shared).n = 3))).toBe(1);
  });

  it("takes itself, frozen things, foreign proxies, instances and hostile values", () => {
    const parts = build();
    const cart = cartOf(parts, { items: [] });
    cart["self"] = cart;
    expect(cart["self"]).toBe(cart);
    cart["frozen"] = Object.freeze({ inner: { n: 1 } });
    expect((cart["frozen"] as { inner: { n: number } }).inner.n).toBe(1);
    const other = parts.logs.object("other", { sub: { n: 1 } }) as { sub: { n: number } };
    cart["foreign"] = other.sub;
    (cart["foreign"] as { n: number }).n = 2;
    expect(parts.stateOf("other")).toEqual({ sub: { n: 2 } });
    expect(parts.stateOf("cart")["foreign"]).toEqual({ n: 2 });
    cart["map"] = new Map([["k", 1]]);
    expect((cart["map"] as Map<string, number>).get("k")).toBe(1);
    const revoked = Proxy.revocable({}, {});
    cart["revoked"] = revoked.proxy;
    revoked.revoke();
    cart["revoked"] = revoked.proxy;
    Object.defineProperty(cart, "bad", {
      enumerable: true,
      configurable: true,
      get: () => {
        throw new Error("host");
      },
    });
    cart.items.push(1);
    expect(parts.stateOf("cart")["items"]).toEqual([1]);
    expect(parts.guard.errorCount).toBe(0);
    Object.freeze(cart);
    expect(() => {
      cart["x"] = 1;
    }).toThrow(TypeError);
  });

  it("lets a property be fixed to what is read from it, and sees changes below", () => {
    const parts = build();
    const cart = cartOf(parts, { items: [] });
    Object.defineProperty(cart, "fixed", { value: cart.items, enumerable: true });
    expect(cart["fixed"]).toBe(cart.items);
    cart.items.push(1);
    (cart["fixed"] as unknown[]).push(2);
    expect(parts.stateOf("cart")).toEqual({ items: [1, 2], fixed: [1, 2] });
  });

  it("throws nothing of its own at a foreign proxy that throws, nor at a revoked one", () => {
    const parts = build();
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(parts.logs.object("r", revoked.proxy)).toBe(revoked.proxy);
    const throwing = new Proxy(
      { a: 1 },
      { ownKeys: () => raise(), getOwnPropertyDescriptor: () => raise() },
    );
    expect(() => parts.logs.object("t", throwing)).not.toThrow();
    const cart = cartOf(parts, { items: [] });
    cart["t"] = throwing;
    cart.items.push(1);
    expect(parts.stateOf("cart")["items"]).toEqual([1]);
  });

  it("looks at what properties share once, whatever their number", () => {
    const parts = build();
    const shared = Array.from({ length: 500 }, (_, n) => ({ n }));
    const properties = Array.from(
      { length: 500 },
      (_, i) => [`p${i}`, { shared, own: { n: 0 } }] as const,
    );
    const cart = cartOf(parts, Object.fromEntries(properties));
    const own = (cart["p3"] as { own: { n: number } }).own;
    expect(parts.changesOf(() => (own.n = 1))).toBe(1); // walked by each: 500,000 entries
  });

  it("says when there are too many properties, and takes the others in when there is room", () => {
    const parts = build();
    const many = STATE_LIMITS.objectVariables;
    const cart = cartOf(
      parts,
      Object.fromEntries(Array.from({ length: many + 2 }, (_, i) => [`k${i}`, i])),
    );
    expect(Object.keys(parts.stateOf("cart"))).toHaveLength(many + 1);
    expect(parts.stateOf("cart")["…"]).toBe(`(cut short: more than ${many} properties)`);
    delete cart["k0"];
    expect(parts.stateOf("cart")).toHaveProperty(`k${many}`);
    expect(parts.stateOf("cart")).toHaveProperty("…");
    delete cart["k1"];
    expect(parts.stateOf("cart")).toHaveProperty(`k${many + 1}`);
    expect(parts.stateOf("cart")).not.toHaveProperty("…");
  });

  it("gives back what it cannot follow as it is, and says so", () => {
    const parts = build();
    const list = [1];
    expect(parts.logs.object("l", list)).toBe(list);
    const instance = new (class Cart {})();
    expect(parts.logs.object("c", instance)).toBe(instance);
    expect(parts.said).toHaveLength(2);
  });

  it("shows in the log what the object shows as JSON, after any changes", () => {
    const key = fc.constantFrom("a", "b", "c", "0", "length", "__proto__");
    const leaf = fc.oneof(fc.integer(), fc.constantFrom<unknown>(null, true, "t", undefined));
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", "c"), tie("value"), { maxKeys: 3 }),
      ),
    })).value;
    const op = fc.record({
      path: fc.array(fc.nat(3), { maxLength: 4 }),
      how: fc.constantFrom("set", "set", "delete", "push", "splice", "sort", "alias", "length"),
      key,
      value: tree,
      other: fc.array(fc.nat(3), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(op, { maxLength: 25 }), (ops) => {
        const parts = build();
        const root = parts.logs.object("o", {}) as Record<string, unknown>;
        let aliases = 0; // each may double what JSON shows
        for (const { path, how, key: name, value, other } of ops) {
          aliases += how === "alias" ? 1 : 0;
          if (how === "alias" && aliases > 3) continue;
          change(objectAt(root, path), how, name, copyOf(value), objectAt(root, other));
        }
        // `{}` first: the log shows no prototype either.
        expect(sortedJson(parts.stateOf("o"))).toBe(sortedJson(jsonOf(root)));
      }),
      { numRuns: 300, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: true },
    );
  });
});

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** What a member looks like when it is recorded, said by hand. */
function formOf(member: unknown): Json {
  if (typeof member === "bigint") return String(member);
  if (typeof member === "symbol") return "(cut short: symbol)";
  if (Number.isNaN(member)) return "NaN";
  return JSON.parse(JSON.stringify(member)) as Json;
}

function objectAt(root: Record<string, unknown>, path: readonly number[]): Record<string, unknown> {
  let at = root;
  for (const step of path) {
    const inner = Object.values(at).filter((one) => typeof one === "object" && one !== null);
    const next = inner[step % Math.max(1, inner.length)];
    if (next === undefined) break;
    at = next as Record<string, unknown>;
  }
  return at;
}

function change(
  at: Record<string, unknown>,
  how: string,
  key: string,
  value: unknown,
  other: unknown,
): void {
  const list = at as unknown as unknown[];
  if (Array.isArray(at)) {
    if (how === "push") list.push(value, 1);
    else if (how === "splice") list.splice(1, 1, value, 1);
    else if (how === "sort") list.sort((a, b) => (typeof a < typeof b ? -1 : 1));
    else if (how === "length") list.length = Math.min(list.length, 1);
    else if (how === "delete") delete list[0];
    else if (how === "alias" && !holds(other, at)) list[0] = other;
    else list[0] = value;
  } else if (how === "delete") {
    delete at[key];
  } else if (how === "alias") {
    if (!holds(other, at)) at[key === "__proto__" ? "p" : key] = other;
  } else if (key !== "__proto__" && key !== "length") {
    at[key] = value;
  }
}

/** Generated values must not be changed: shrinking would go on with something else. */
function copyOf(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

/** Cycles are another test: here the oracle is JSON. */
function holds(value: unknown, target: unknown): boolean {
  if (value === target) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => holds(inner, target));
}

function jsonOf(root: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(root)) as Record<string, unknown>;
}

function sortedJson(value: unknown): string {
  return canonicalText(JSON.parse(JSON.stringify(value)) as Json);
}

function raise(): never {
  throw new Error("host");
}
