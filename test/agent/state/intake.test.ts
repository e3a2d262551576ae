import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  type Hlc,
  HlcClock,
  KindCode,
  toJsonForm,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { BatchPress } from "../../../agent/shipping/batch-press.ts";
import { EventFeed } from "../../../agent/state/event-feed.ts";
import { EventWindow } from "../../../agent/state/event-window.ts";
import { Guard } from "../../../agent/state/guard.ts";
import { takeIn } from "../../../agent/state/intake.ts";
import { STATE_LIMITS } from "../../../agent/state/limits.ts";
import { Recording } from "../../../agent/state/recording.ts";
import { StateLog } from "../../../agent/state/state-log.ts";
import { takeName } from "../../../agent/state/texts.ts";
import { VariableTable } from "../../../agent/state/variable-table.ts";
import { ManualClock } from "../../../agent/testing.ts";

const shared = { a: 1 };
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

function endlessMap(): Map<string, number> {
  return new (class extends Map<string, number> {
    override *keys(): MapIterator<string> {
      for (let i = 0; ; i += 1) yield `k${i}`;
    }
  })();
}
function endlessSet(): Set<number> {
  return new (class extends Set<number> {
    override *[Symbol.iterator](): SetIterator<number> {
      for (let i = 0; ; i += 1) yield i;
    }
  })();
}

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
    { a: 1, b: "(cut short: getter threw)", c: 3 },
  ],
  ["a proxy that throws at everything", refuser, "(cut short: unreadable)"],
  ["a revoked proxy", revoked.proxy, "(cut short: unreadable)"],
  ["a proxy without end", endless],
  ["toJSON that throws", { toJSON: () => throwing("toJSON") }, "(cut short: unreadable)"],
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
  ["NaN", Number.NaN, "NaN"],
  ["infinity", [Number.POSITIVE_INFINITY, -Infinity], ["Infinity", "-Infinity"]],
  ["a function", { a: () => 1, b: 2 }, { a: "(cut short: function)", b: 2 }],
  ["undefined", undefined, null],
  ["a symbol", Symbol("s"), "(cut short: symbol)"],
  ["a huge BigInt", 10n ** 100_000n, "(cut short: bigint)"],
  ["an invalid date", new Date(Number.NaN), null],
  ["a key of 10,000 characters", { ["k".repeat(10_000)]: 1 }],
  ["a set of a million", new Set(Array.from({ length: 1_000_000 }, (_, i) => i))],
  ["an object of 100,000 keys", Object.fromEntries(new Array(100_000).fill(0).entries())],
  ["a map without end", endlessMap()],
  ["a set without end", endlessSet()],
  ["a list that lies about its length", new Proxy([], { get: () => Number.POSITIVE_INFINITY })],
  ["a buffer of 20 MB", Buffer.alloc(20_000_000)],
  ["bytes of 20 MB", new Uint8Array(20_000_000)],
  ["doubles", new Float64Array(2_000_000)],
  ["a view of 20 MB", new DataView(new ArrayBuffer(20_000_000))],
  ["20 MB themselves", new ArrayBuffer(20_000_000)],
];

describe("a hostile value", () => {
  it.each(hostile)("does no harm, and is marked: %s", (what, value, expected) => {
    const taken = takeIn(value);
    const limit = STATE_LIMITS.valueBytes + STATE_LIMITS.marksBytes;
    expect(taken.bytes).toBeLessThanOrEqual(limit);
    expect(Buffer.byteLength(JSON.stringify(toJsonForm(taken.value)))).toBeLessThanOrEqual(limit);
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
    ["and are null in lists", [undefined, 1], [null, 1]],
    ["dates are texts", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["BigInts are their digits", 12n, "12"],
    ["maps with texts for keys are objects", new Map([["a", 1]]), { a: 1 }],
    [
      "other maps are lists of pairs, so that 1 and the text 1 stay two",
      new Map<unknown, number>([
        [1, 2],
        ["1", 3],
      ]),
      [
        [1, 2],
        ["1", 3],
      ],
    ],
    [
      "errors are name and message",
      { e: new RangeError("r") },
      { e: { name: "RangeError", message: "r" } },
    ],
    ["numbers in a box are numbers", [Object(5), Object("t"), Object(false)], [5, "t", false]],
    ["bytes are numbers", new Uint8Array([1, 255]), [1, 255]],
    ["of a buffer too", { b: Buffer.from("ab") }, { b: [97, 98] }],
    ["and of a view", new DataView(new Uint8Array([7, 8, 9]).buffer, 1), [8, 9]],
    ["what occurs twice is no cycle", [shared, shared], [{ a: 1 }, { a: 1 }]],
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

describe("what was left out can be seen", () => {
  const seen: ReadonlyArray<
    readonly [what: string, value: unknown, path: readonly string[], mark: string]
  > = [
    ["a long text", "x".repeat(300_000), [], "… (cut short: 300000 characters)"],
    ["of wide characters too", "漢".repeat(300_000), [], "… (cut short: 300000 characters)"],
    [
      "a text inside",
      { a: { b: "x".repeat(9_000) } },
      ["a", "b"],
      "… (cut short: 9000 characters)",
    ],
    ["a list", new Array(5_000).fill(1), ["last"], "… (cut short: 5000 entries)"],
    ["a buffer", Buffer.alloc(5_000), ["last"], "… (cut short: 5000 entries)"],
    [
      "an object",
      Object.fromEntries(new Array(5_000).fill(0).entries()),
      ["…"],
      "(cut short: 5000 keys)",
    ],
    ["a cycle", cycle, ["self"], "(cut short: cycle)"],
    ["too deep", deep, new Array(16).fill("0"), "(cut short: too deep)"],
  ];
  it.each(seen)("%s", (_what, value, path, mark) => {
    const taken = takeIn(value);
    let place: unknown = taken.value;
    for (const step of path) {
      place =
        step === "last" ? (place as unknown[]).at(-1) : (place as Record<string, unknown>)[step];
    }
    expect(String(place).slice(-mark.length)).toBe(mark);
    expect(taken.cutShort).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(taken.value))).toBeLessThanOrEqual(
      STATE_LIMITS.valueBytes + STATE_LIMITS.marksBytes,
    );
  });

  it("and a long text keeps to the limit, mark included, as it does when it just fits", () => {
    for (const text of ["x", "é", "漢", "😀"]) {
      const width = Buffer.byteLength(text);
      const fits = text.repeat(Math.floor((STATE_LIMITS.valueBytes - 2) / width));
      expect(takeIn(fits)).toMatchObject({ value: fits, cutShort: false });
      const cut = takeIn(fits + text);
      expect(cut.cutShort).toBe(true);
      expect(Buffer.byteLength(cut.value as string) + 2).toBeLessThanOrEqual(
        STATE_LIMITS.valueBytes,
      );
    }
  });

  it("in a set, among its members", () => {
    const { value, cutShort } = takeIn(new Set(Array.from({ length: 5_000 }, (_, i) => i)));
    expect(cutShort).toBe(true);
    expect((value as ValueSet).members).toContain("… (cut short: 5000 entries)");
  });
});

it("asks a value for no more than its limits, however much it offers", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 40 }), (shape, width) => {
      let questions = 0;
      const asked = <T>(answer: T): T => {
        questions += 1;
        return answer;
      };
      const offer = (): unknown => {
        if (shape === 0)
          return new Proxy([], {
            get: (_, name) =>
              asked(name === "length" ? 1e9 : name === "toJSON" ? undefined : offer()),
          });
        if (shape === 1)
          return new Proxy(Object.fromEntries(new Array(width).fill(0).entries()), {
            get: (_, name) => asked(name === "toJSON" ? undefined : offer()),
          });
        if (shape === 2) return { toJSON: () => asked(offer()) };
        const set = new Set();
        set[Symbol.iterator] = function* () {
          for (;;) yield asked(offer());
        } as never;
        return set;
      };
      const taken = takeIn(offer());
      expect(taken.cutShort).toBe(true);
      // An entry asks for itself, its toJSON and its length: an allowance of three each, and the depth's.
      expect(questions).toBeLessThanOrEqual(
        3 * STATE_LIMITS.valueEntries + 4 * STATE_LIMITS.valueDepth,
      );
    }),
    { numRuns: 60 },
  );
});

it("estimates bytes of UTF-8, never fewer than a value takes on the wire", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 4 }),
      fc.string({ unit: "binary", maxLength: 200 }),
      (json, text) => {
        const taken = takeIn({ json, text, [text]: text });
        if (taken.cutShort) return;
        const builder = new BatchBuilder();
        builder.change(1 as Hlc, KindCode.set, "l", "k", taken.value);
        const header = {
          node: "n",
          epoch: 1,
          service: "s",
          firstSeq: 1,
          closed: 1 as Hlc,
          dropped: [],
          status: null,
          imported: false,
        };
        const empty = new BatchBuilder();
        empty.change(1 as Hlc, KindCode.set, "l", "k", null);
        const size =
          encodeBatch(builder.build(header)).length - encodeBatch(empty.build(header)).length;
        expect(size).toBeLessThanOrEqual(taken.bytes);
      },
    ),
    { numRuns: 300 },
  );
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
