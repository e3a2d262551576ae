import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalText,
  fromJsonForm,
  type Json,
  toJsonForm,
  type Value,
  ValueSet,
  valuesEqual,
} from "../../../agent/kernel/index.ts";

const key = fc.oneof(fc.constantFrom("$set", "$literal", "$", "a", "__proto__", "10"), fc.string());
const json: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noDefaultInfinity: true, noNaN: true }).map((n) => (n === 0 ? 0 : n)),
    fc.string(),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(key, tie("json"), { maxKeys: 4 }),
  ),
})).json;
const value: fc.Arbitrary<Value> = fc.oneof(
  json,
  fc.array(json).map((list) => ValueSet.of(list)),
);
const throughText = (form: Json): Json => JSON.parse(JSON.stringify(form)) as Json;

describe("the JSON form of a value", () => {
  it("comes back as the same value, through text too, whatever its keys are", () => {
    fc.assert(
      fc.property(value, (original) => {
        const back = fromJsonForm(throughText(toJsonForm(original)));
        expect(valuesEqual(back, original)).toBe(true);
        expect(back instanceof ValueSet).toBe(original instanceof ValueSet);
      }),
      { numRuns: 500 },
    );
  });

  it("is read whatever it is, and written again in one form", () => {
    fc.assert(
      fc.property(json, (form) => {
        const once = toJsonForm(fromJsonForm(form));
        expect(canonicalText(toJsonForm(fromJsonForm(once)))).toBe(canonicalText(once));
      }),
      { numRuns: 500 },
    );
  });

  const cases: ReadonlyArray<readonly [why: string, form: Json, value: Value]> = [
    ["a set, sorted and each member once", { $set: [2, "a", 2] }, ValueSet.of(["a", 2])],
    ["a literal", { $literal: { $set: [1] } }, { $set: [1] }],
    [
      "a literal inside a literal",
      { $literal: { $literal: { $literal: { $a: 1 } } } },
      { $literal: { $a: 1 } },
    ],
    ["a literal inside a set", { $set: [{ $literal: { $a: 1 } }] }, ValueSet.of([{ $a: 1 }])],
    ["a set inside is no set", [{ $set: [1] }], [{ $set: [1] }]],
    ["a malformed set stands as it is", { $set: 5 }, { $set: 5 }],
    ["a set with company stands as it is", { $set: [], a: 1 }, { $set: [], a: 1 }],
    ["a malformed literal stands as it is", { $literal: 5 }, { $literal: 5 }],
    ["a literal of a list stands as it is", { $literal: [{ $literal: {} }] }, { $literal: [{}] }],
    ["a literal of null stands as it is", { $literal: null }, { $literal: null }],
  ];
  it.each(cases)("%s", (_why, form, expected) => {
    expect(valuesEqual(fromJsonForm(form), expected)).toBe(true);
  });

  it("has no prototype to pollute", () => {
    const read = fromJsonForm(JSON.parse('{"a":{"__proto__":{"x":1},"constructor":2}}') as Json);
    const inner = (read as { a: object }).a;
    expect(Object.getPrototypeOf(inner)).toBe(null);
    expect(Object.keys(inner)).toEqual(["__proto__", "constructor"]);
  });
});

describe("equality", () => {
  const cases: ReadonlyArray<readonly [a: Value | undefined, b: Value | undefined, same: boolean]> =
    [
      [{ a: 1, b: [2, { c: 3, d: 4 }] }, { b: [2, { d: 4, c: 3 }], a: 1 }, true],
      [[1, 2], [2, 1], false],
      [ValueSet.of([1, { a: 1, b: 2 }]), ValueSet.of([{ b: 2, a: 1 }, 1, 1]), true],
      [ValueSet.of([]), [], false],
      [ValueSet.empty, ValueSet.of([]), true],
      ["1", 1, false],
      [null, undefined, false],
      [undefined, undefined, true],
      [null, {}, false],
      [0, -0, true],
      [{ a: 1 }, { a: 1, b: null }, false],
    ];
  it.each(cases)("%j and %j: %j", (a, b, same) => {
    expect(valuesEqual(a, b)).toBe(same);
    expect(valuesEqual(b, a)).toBe(same);
  });
});

describe("a set", () => {
  it("orders its members by canonical text, in whatever order they came", () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 8 }), (members) => {
        const texts = ValueSet.of(members).members.map(canonicalText);
        expect(texts).toEqual([...new Set(members.map(canonicalText))].sort());
        expect(ValueSet.of(members.toReversed()).members.map(canonicalText)).toEqual(texts);
      }),
    );
  });

  it("is made of members in order only, where order is promised", () => {
    expect(ValueSet.ofAscending(["b", "a"])).toBe(undefined);
    expect(ValueSet.ofAscending([1, 1])).toBe(undefined);
    expect(ValueSet.ofAscending(ValueSet.of([3, "x", 1]).members)?.members).toEqual(["x", 1, 3]);
  });
});
