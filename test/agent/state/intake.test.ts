import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBatch,
  type Hlc,
  HlcClock,
  toJsonForm,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { BatchPress } from "../../../agent/shipping/batch-press.ts";
import { EventFeed } from "../../../agent/state/event-feed.ts";
import { EventWindow } from "../../../agent/state/event-window.ts";
import { Guard } from "../../../agent/state/guard.ts";
import { takeIn, takeName } from "../../../agent/state/intake.ts";
import { STATE_LIMITS } from "../../../agent/state/limits.ts";
import { Recording } from "../../../agent/state/recording.ts";
import { StateLog } from "../../../agent/state/state-log.ts";
import { VariableTable } from "../../../agent/state/variable-table.ts";
import { ManualClock } from "../../../agent/testing.ts";

const cycle: Record<string, unknown> = { a: 1 };
cycle["self"] = cycle;
const deep: unknown = JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`);
const throwing = (what: string): never => {
  throw new Error(what);
};
const refuser = new Proxy(
  {},
  {
    get: () => throwing("get"),
    ownKeys: () => throwing("ownKeys"),
    getPrototypeOf: () => throwing("getPrototypeOf"),
    getOwnPropertyDescriptor: () => throwing("descriptor"),
  },
);
const endless: unknown = new Proxy(
  { a: 1, b: 2, c: 3 },
  { get: (_, name) => (name === "toJSON" ? undefined : endless) },
);
const revoked = Proxy.revocable({}, {});
revoked.revoke();

/** Each with what is expected where it can be said in a line; undefined: only that it is bounded. */
const hostile: ReadonlyArray<readonly [what: string, value: unknown, expected?: unknown]> = [
  ["a cycle", cycle],
  ["depth", deep],
  [
    "a getter that throws",
    {
      a: 1,
      get b() {
        return throwing("b");
      },
      c: 3,
    },
    { a: 1, b: null, c: 3 },
  ],
  ["a proxy that throws at everything", refuser, null],
  ["a revoked proxy", revoked.proxy, null],
  ["a proxy without end", endless],
  ["toJSON that throws", { toJSON: () => throwing("toJSON") }, null],
  [
    "toJSON that returns another of its kind",
    new (class Again {
      toJSON(): unknown {
        return new Again();
      }
    })(),
  ],
  ["50 MB of text", "x".repeat(50_000_000)],
  ["a list of a million", new Array(1_000_000).fill(7)],
  ["a sparse list", new Array(4_000_000_000)],
  ["NaN", Number.NaN, null],
  ["infinity", [Number.POSITIVE_INFINITY], [null]],
  ["a function", () => 1, null],
  ["undefined", undefined, null],
  ["a symbol", Symbol("s"), null],
  ["a huge BigInt", 10n ** 100_000n, "(bigint)"],
  ["an invalid date", new Date(Number.NaN), null],
  ["a key of 10,000 characters", { ["k".repeat(10_000)]: 1 }],
  ["a set of a million", new Set(Array.from({ length: 1_000_000 }, (_, i) => i))],
];

describe("a hostile value", () => {
  it.each(hostile)("does no harm, and is marked: %s", (what, value, expected) => {
    const start = performance.now();
    const taken = takeIn(value);
    // A bound against hanging, not a figure: the figures are the bench's.
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(taken.bytes).toBeLessThanOrEqual(STATE_LIMITS.valueBytes + 64);
    expect(JSON.stringify(toJsonForm(taken.value)).length).toBeLessThan(
      STATE_LIMITS.valueBytes * 2,
    );
    if (expected !== undefined) expect(toJsonForm(taken.value)).toEqual(expected);
    if (!String(what).includes("date")) expect(taken.cutShort).toBe(true);
  });

  it("is recorded, shipped and read back, whatever it is", () => {
    const parts = build();
    const log = parts.log;
    for (const [what, value] of hostile) {
      log.set(what, value);
      log.add(`${what} added`, value);
    }
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withProxy: true, withSparseArray: true } as never),
        fc.string(),
        (value, key) => {
          expect(() => log.set(key, value)).not.toThrow();
          expect(() => log.remove(`${key}!`, value)).not.toThrow();
        },
      ),
      { numRuns: 500 },
    );
    const state = new Map<string, unknown>();
    const press = new BatchPress();
    for (let cut = parts.feed.cut(); cut !== null; cut = parts.feed.cut()) {
      const { events } = decodeBatch(press.press(cut, [], null).bytes);
      expect(events.count).toBeGreaterThan(0);
      state.set(String(cut.firstSeq), events.count);
    }
    expect(parts.guard.errorCount).toBe(0);
    expect(state.size).toBeGreaterThan(0);
  });
});

describe("an honest value", () => {
  it("is copied as JSON has it", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const taken = takeIn(value);
        if (!taken.cutShort) expect(taken.value).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  const cases: ReadonlyArray<readonly [why: string, value: unknown, expected: unknown]> = [
    ["undefined members are left out", { a: undefined, b: 1 }, { b: 1 }],
    ["and are null in lists", [undefined, () => 1], [null, null]],
    ["dates are texts", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["BigInts are their digits", 12n, "12"],
    ["maps are objects", new Map([["a", 1]]), { a: 1 }],
    ["inner sets are lists", { s: new Set([1, 2]) }, { s: [1, 2] }],
    ["lone surrogates cannot be shipped", "\ud800x", "\ufffdx"],
    ["a byte order mark is text like any other", "\ufeffx", "\ufeffx"],
  ];
  it.each(cases)("%s", (_why, value, expected) => {
    const taken = takeIn(value);
    expect(taken.value).toEqual(expected);
    expect(taken.cutShort).toBe(false);
  });

  it("that is a set at its top is a set, without doubles", () => {
    expect(takeIn(new Set([2, 1, 1])).value).toEqual(ValueSet.of([1, 2]));
  });
});

it("cuts names at 256 bytes of UTF-8, never inside a character", () => {
  const name = takeName("é".repeat(200));
  expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(256);
  expect(name).toBe("é".repeat(128));
  expect(takeName({ toString: () => throwing("no") })).toBe("(unnamed)");
});

function build() {
  const guard = new Guard(() => undefined);
  const clock = new HlcClock(new ManualClock("2026-11-21T16:00:00Z"));
  const window = new EventWindow({ maxBytes: 32 << 20, maxAgeTicks: 1e9 }, 0 as Hlc);
  const recording = new Recording(clock, window, new VariableTable(), guard);
  const identity = { node: "n", epoch: 1, service: "s", tags: {}, instance: "i" };
  const feed = new EventFeed(recording, identity);
  return { guard, feed, log: new StateLog(recording, recording.table.log("l")) };
}
