/**
 * A host's worst calls: values, keys and headers that are cyclic, throw, lie, are endless or enormous.
 * Runs inside the host; returns the time of the slowest call. Nothing may be thrown.
 */
import { pick, seededRandom } from "./seeded.mjs";

const HUGE = "x".repeat(50 * 1024 * 1024);

function cycle() {
  const one = { name: "one" };
  one.self = one;
  return one;
}

function deep(depth) {
  let value = 1;
  for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { value };
  return value;
}

const throwing = () => {
  throw new Error("hands off");
};

/** Each makes a new value; `random` is seeded. */
const VALUES = [
  cycle,
  () => deep(10_000),
  () => HUGE,
  () => ({ text: HUGE, more: [HUGE] }),
  () => 2n ** 4_000n,
  () => Symbol("nothing"),
  () => throwing,
  () => Object.defineProperty({}, "trap", { get: throwing, enumerable: true }),
  () =>
    new Proxy({}, { get: throwing, ownKeys: throwing, getPrototypeOf: throwing, has: throwing }),
  () => new Proxy([], { get: (target, key) => (key === "length" ? 2 ** 31 : target[key]) }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => ({ toJSON: throwing }),
  () => ({ toJSON: () => HUGE }),
  () => new Date(Number.NaN),
  () => Number.NaN,
  () => -0,
  () => Number.POSITIVE_INFINITY,
  () => new Uint8Array(10 * 1024 * 1024),
  () => Array.from({ length: 100_000 }, (_, i) => i),
  () => new Array(2 ** 31),
  () => Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key ${i}`, { i }])),
  () => ({ ["__proto__"]: 1, constructor: 2, prototype: 3 }),
  () => JSON.parse('{"__proto__":{"polluted":true}}'),
  () => ({ $set: [cycle()], $literal: {} }),
  () => new Map([[cycle(), HUGE]]),
  () => new Set([throwing, HUGE]),
  () => "\ud800 half a pair \0",
  () => undefined,
  () => null,
  (random) => ({ plain: random(), list: [1, "two", { three: true }] }),
];

const KEYS = [
  () => "ordinary",
  () => "",
  () => HUGE,
  () => "__proto__",
  () => Symbol("key"),
  () => ({ toString: throwing }),
  () => "\ud800",
  () => null,
  () => 12n,
];

const HEADERS = [
  () => ({}),
  () => Object.freeze({}),
  () => null,
  () => "no headers",
  () => ({ get: throwing, set: throwing }),
  () => new Proxy({}, { get: throwing, set: throwing, ownKeys: throwing }),
  () => ({ "retroscope-hlc": HUGE }),
  () => ({ "retroscope-hlc": [cycle(), 7, HUGE] }),
  () => new Map([[throwing, throwing]]),
];

export async function hostileCalls(agent, { calls, seed }) {
  const random = seededRandom(seed);
  const logs = ["hostile", "hostile 2"].map((name) => agent.log(name));
  const value = () => pick(random, VALUES)(random);
  const key = () => pick(random, KEYS)();
  const headers = () => pick(random, HEADERS)();
  const kinds = {
    set: () => [key(), value()],
    add: () => [key(), value()],
    remove: () => [key(), value()],
    delete: () => [key()],
    commit: () => [value(), value()],
    throwingCommit: () => [],
    mark: () => [value()],
    variable: () => [key(), value()],
    map: () => [key(), value()],
    log: () => [value()],
    stamp: () => [headers()],
    merge: () => [headers()],
    snapshot: () => [],
  };
  const run = {
    set: (log, k, v) => log.set(k, v),
    add: (log, k, v) => log.add(k, v),
    remove: (log, k, v) => log.remove(k, v),
    delete: (log, k) => log.delete(k),
    commit: (log, v, w) =>
      log.commit((tx) => {
        tx.set("a", v);
        tx.set("b", w);
      }),
    // The host's own error inside a commit is the host's: it may pass, as the host threw it.
    throwingCommit: (log) => {
      try {
        log.commit(throwing);
      } catch (error) {
        if (error.message !== "hands off") throw error;
      }
    },
    mark: (_log, v) => agent.mark(v),
    variable: (_log, k, v) => agent.variable("hostile", k).set(v),
    map: (_log, k, v) => agent.map("hostile map").set(k, v),
    log: (_log, v) => agent.log(v).set("k", 1),
    stamp: (_log, h) => agent.stamp(h),
    merge: (_log, h) => agent.merge(h),
    snapshot: () => agent.snapshot(),
  };
  const names = Object.keys(kinds);
  const slowest = {};
  const times = [];
  for (let i = 0; i < calls; i += 1) {
    const name = pick(random, names);
    const given = kinds[name]();
    const log = pick(random, logs);
    const start = performance.now();
    run[name](log, ...given);
    const ms = performance.now() - start;
    times.push(ms);
    slowest[name] = Math.max(slowest[name] ?? 0, ms);
    if (i % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
  }
  times.sort((a, b) => a - b);
  const polluted = {}.polluted === true;
  return { slowest, p99: times[Math.floor(0.99 * times.length)], max: times.at(-1), polluted };
}
