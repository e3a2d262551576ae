import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyList } from "../../../collector/cut/key-list.ts";

const key = fc.oneof(fc.string({ maxLength: 4 }), fc.string({ unit: "grapheme", maxLength: 3 }));

it("A list of keys knows where those of a block's list are, as one by one", () => {
  const keys = fc.uniqueArray(key, { maxLength: 40 });
  fc.assert(
    fc.property(keys, keys, (own, others) => {
      const list = new KeyList(own);
      const sorted = others.toSorted((a, b) => (a < b ? -1 : 1));
      const variables = sorted.map((one) => ({ log: "l", key: one }));
      const places = list.placesOf(variables);
      expect([...places]).toEqual(sorted.map((one) => own.indexOf(one)));
      expect(list.placesOf(variables)).toBe(places);
    }),
  );
});

it("A list that is out of order finds too few places, never wrong ones", () => {
  const list = new KeyList(["a", "b", "c"]);
  const places = list.placesOf(["c", "a", "b"].map((one) => ({ log: "l", key: one })));
  expect([...places]).toEqual([2, -1, -1]);
});
