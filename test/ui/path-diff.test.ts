import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalText, type Json } from "../../agent/kernel/index.ts";
import { flightDiff, latencyOf } from "../../ui/src/model/diff-facts.ts";
import { MAX_CHANGES, type PathChange, pathDiff, pathText } from "../../ui/src/model/path-diff.ts";
import { cutAt } from "../support/naive-history.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";

const LEAF: fc.Arbitrary<Json> = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom("a", "b", null, true),
);
const SET: fc.Arbitrary<Json> = fc
  .uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
  .map((all) => ({ $set: all }));
const KEYS = fc.constantFrom("x", "y", "z");

/** Values up to three levels deep. */
function values(depth: number): fc.Arbitrary<Json> {
  if (depth === 0) return LEAF;
  const inner = values(depth - 1);
  return fc.oneof(LEAF, SET, fc.array(inner, { maxLength: 4 }), fc.dictionary(KEYS, inner));
}
const VALUE = values(3);

/** Every part of a value by its path, as text; containers too, so that an empty one counts. */
function partsOf(value: Json, path: string, parts: Map<string, string>): Map<string, string> {
  const set = (value as { $set?: Json } | null)?.$set;
  if (value === null || typeof value !== "object") parts.set(path, canonicalText(value));
  else if (Array.isArray(set)) {
    for (const one of set) parts.set(`${path}{${canonicalText(one)}}`, canonicalText(one));
  } else if (Array.isArray(value)) {
    for (const [i, one] of value.entries()) partsOf(one, `${path}[${i}]`, parts);
  } else {
    for (const [key, one] of Object.entries(value)) partsOf(one as Json, `${path}.${key}`, parts);
  }
  return parts;
}

/** Carries out a list of changes on a copy of `before`: replaces first, then removes, then adds. */
function applied(before: Json, changes: readonly PathChange[]): Json {
  const root = { root: structuredClone(before) } as { [key: string]: Json };
  const places = changes.map((change) => ({ change, ...placeOf(root, change.path) }));
  for (const { change, holder, step } of places) {
    if (change.before !== undefined && change.after !== undefined) {
      (holder as { [key: string]: Json })[step as string] = change.after;
    }
  }
  const isIn = (list: readonly Json[], text: string) =>
    list.findIndex((m) => canonicalText(m) === text);
  for (const { change, holder, step } of places.toReversed()) {
    if (change.after !== undefined) continue;
    if (typeof step === "object") holder.$set.splice(isIn(holder.$set, step.member), 1);
    else if (Array.isArray(holder)) holder.splice(step as number, 1);
    else delete holder[step];
  }
  for (const { change, holder, step } of places) {
    if (change.before !== undefined) continue;
    if (typeof step === "object") holder.$set.push(change.after);
    else if (Array.isArray(holder)) holder.splice(step as number, 0, change.after);
    else holder[step] = change.after;
  }
  return root["root"] as Json;
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON is walked through here
function placeOf(root: any, path: PathChange["path"]): { holder: any; step: any } {
  let holder = root;
  let step: unknown = "root";
  for (const next of path) {
    holder = holder[step as string];
    step = next;
  }
  return { holder, step };
}

/** Sets have no order. */
function sorted(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(sorted);
  const set = (value as { $set?: Json }).$set;
  if (Array.isArray(set))
    return { $set: set.map(sorted).sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)) };
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, sorted(one as Json)]));
}

describe("the differences inside a value", () => {
  it("carried out on the one side make the other", () => {
    fc.assert(
      fc.property(VALUE, VALUE, (before, after) => {
        const { changes } = pathDiff(before, after);
        expect(sorted(applied(before, changes))).toEqual(sorted(after));
      }),
      { numRuns: 1_000 },
    );
  });

  it("are none between equal values, and every part is then unchanged", () => {
    fc.assert(
      fc.property(VALUE, (value) => {
        const diff = pathDiff(value, structuredClone(value));
        expect(diff.changes).toEqual([]);
        const parts = partsOf(value, "", new Map());
        expect(diff.unchangedCount).toBeGreaterThanOrEqual(parts.size);
      }),
    );
  });

  it("of one element put in or taken out of a list is that element alone", () => {
    const list = fc.array(fc.integer(), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(list, fc.nat(), fc.integer(), (shorter, place, element) => {
        const at = place % (shorter.length + 1);
        const longer = shorter.toSpliced(at, 0, element);
        expect(pathDiff(shorter, longer)).toMatchObject({
          changeCount: 1,
          unchangedCount: shorter.length,
        });
        expect(pathDiff(longer, shorter).changeCount).toBe(1);
      }),
    );
  });

  it("are named as a person would write the path, and listed up to a limit", () => {
    const before = {
      list: [1, 2, 3],
      members: { $set: ["n1"] },
      "odd key": 1,
      deep: { a: { b: 1 } },
    };
    const after = {
      list: [1, 9, 3],
      members: { $set: ["n2"] },
      "odd key": 2,
      deep: { a: { b: 2 } },
    };
    const paths = pathDiff(before, after).changes.map(({ path }) => pathText(path));
    expect(paths).toEqual(["list[1]", 'members{"n1"}', 'members{"n2"}', '["odd key"]', "deep.a.b"]);
    const many = pathDiff(Array(500).fill(0), Array(500).fill(1));
    expect(many.changes).toHaveLength(MAX_CHANGES);
    expect(many.changeCount).toBe(500);
  });
});

describe("what differs beside the variables", () => {
  it("counts each message in flight once: at both cuts, only before, or only after", () => {
    const scenario = makeScenario();
    fc.assert(
      fc.property(fc.nat(12_000), fc.nat(200), (ms, laterMs) => {
        const [from, to] = [ms, ms + laterMs].map((at) => SCENARIO_START + at * 4_096);
        const [before, after] = [cutAt(scenario, from as number), cutAt(scenario, to as number)];
        const found = flightDiff(before, after);
        const received = scenario.events.filter(
          ({ send, t }) => send !== undefined && t > (from as number) && t <= (to as number),
        );
        const sentBefore = received.filter(({ send }) =>
          scenario.events.some(
            (e) => e.node === send?.node && e.seq === send.seq && e.t <= (from as number),
          ),
        );
        expect(found.arrived).toBe(sentBefore.length);
        expect(found.still + found.arrived).toBe(before.inFlight.length);
        expect(found.still + found.sent).toBe(after.inFlight.length);
      }),
      { numRuns: 60 },
    );
  });

  it("gives percentiles that occurred, by nearest rank", () => {
    const line = (residenceUs: number, service = "cart") =>
      ({ kind: "request", service, residenceUs }) as never;
    const lines = [5, 1, 4, 2, 3].map((us) => line(us));
    expect(
      latencyOf([...lines, line(7, "bank"), { kind: "set", service: "cart" } as never]),
    ).toEqual([
      { service: "bank", count: 1, p50Us: 7, p95Us: 7, maxUs: 7 },
      { service: "cart", count: 5, p50Us: 3, p95Us: 5, maxUs: 5 },
    ]);
  });
});
