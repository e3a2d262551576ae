import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyList } from "../../../collector/cut/key-list.ts";

const key = fc.oneof(fc.string({ maxLength: 4 }), fc.string({ unit: "grapheme", maxLength: 3 }));

it("A list of keys knows where those of a block's list are, in whatever order", () => {
  const keys = fc.uniqueArray(key, { maxLength: 40 });
  fc.assert(
    fc.property(keys, keys, (own, others) => {
      const list = new KeyList(own);
      const variables = others.map((one) => ({ log: "l", key: one }));
      const places = list.placesOf(variables);
      expect([...places]).toEqual(others.map((one) => own.indexOf(one)));
      expect(list.placesOf(variables)).toBe(places);
    }),
  );
});
