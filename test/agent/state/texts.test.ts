/** Names that are no texts: what they become, in bounded time. */
import { expect, it } from "vitest";
import { takeName } from "../../../agent/state/texts.ts";

it.each([
  ["a number", 12, "12"],
  ["a short list, as String does", [1, "two", null], "1,two,"],
  ["a list in a list", [[1, 2], 3], "(object),3"],
  ["a bigint", 12n, "12"],
  ["a bigint whose digits would take long", 2n ** 100_000n, "(bigint)"],
  ["bytes", new Uint8Array([1, 2]), "1,2"],
  ["an object with a text of its own", { toString: () => "own" }, "own"],
  ["what cannot be read", { toString: null, valueOf: null }, "(unnamed)"],
])("names %s", (_what, name, expected) => {
  expect(takeName(name)).toBe(expected);
});

it("reads only the start of a list that claims to be endless", () => {
  let reads = 0;
  const endless = new Proxy([], {
    get(target, key) {
      reads += 1;
      return key === "length" ? 2 ** 31 : Reflect.get(target, key);
    },
  });
  takeName(endless);
  takeName(new Array(2 ** 31));
  expect(reads).toBeLessThan(1_000);
});
