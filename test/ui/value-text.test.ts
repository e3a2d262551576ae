import { describe, expect, it } from "vitest";
import type { Json } from "../../agent/kernel/index.ts";
import type { BeforeAfterJson } from "../../collector/api/shapes.ts";
import { changeSign, MAX_VALUE_CHARS, sideText, valueText } from "../../ui/src/model/value-text.ts";

describe("a value in one line", () => {
  const cases: readonly (readonly [why: string, value: Json | undefined, shown: string])[] = [
    ["a number as it is", 12, "12"],
    ["a text in quotes, so that 12 and “12” differ", "12", '"12"'],
    ["null is a value", null, "null"],
    ["absence is not", undefined, "absent"],
    ["a set in braces", { $set: ["a", 2] }, '{"a", 2}'],
    ["an object with spaces, so that it can wrap", { v: 1, w: [2] }, '{ "v": 1, "w": [ 2 ] }'],
    ["an empty object", {}, "{}"],
    ["newlines stay inside their text", "a\n  b", '"a\\n  b"'],
    ["a field that only looks like a set", { $set: 3 }, '{ "$set": 3 }'],
    [
      "a small object, without its braces",
      { value: 4844, version: 234 },
      "value 4844 · version 234",
    ],
    ["texts in it keep their quotes", { a: "b · c 1" }, 'a "b · c 1"'],
    ["an object in an object", { a: { b: 1 } }, '{ "a": { "b": 1 } }'],
    ["an object whose names could be misread", { "a 1 · b": 2 }, '{ "a 1 · b": 2 }'],
  ];
  for (const [why, value, shown] of cases) {
    it(why, () => expect(valueText(value)).toBe(shown));
  }

  it("cuts what is too long, and says how long it is", () => {
    const shown = valueText("x".repeat(10_000));
    expect(shown.length).toBeLessThan(MAX_VALUE_CHARS + 40);
    expect(shown).toContain("10,002 characters");
  });
});

describe("a side of a change", () => {
  it.each([
    [{ before: 44, afterUnknown: "not-captured" }, "?", "44", "not known: not captured"],
    [{ beforeUnknown: "lost", after: 0 }, "?", "not known: its events were lost", "0"],
    [{ before: 44 }, "−", "44", "absent"],
    [{ after: null }, "+", "absent", "null"],
    [{ before: 1, after: 2 }, "~", "1", "2"],
  ] as const)("of %j that nobody knows is not one that is absent", (change, sign, was, is) => {
    const { before, after, beforeUnknown, afterUnknown }: BeforeAfterJson = change;
    expect(changeSign(change)[0]).toBe(sign);
    expect([sideText(before, beforeUnknown), sideText(after, afterUnknown)]).toEqual([was, is]);
  });
});
