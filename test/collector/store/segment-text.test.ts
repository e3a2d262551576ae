import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../../agent/kernel/index.ts";
import { readKeys, writeKeys } from "../../../collector/store/segment-text.ts";

it("Sorted keys come back as they were, in ASCII or not", () => {
  const key = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.string({ unit: "grapheme", maxLength: 4 }),
    fc.constantFrom("account-0001", "account-0002", "accountä", "account😀", "account😁"),
  );
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 60 }), (keys) => {
      const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
      const out = new ByteWriter();
      writeKeys(out, sorted);
      const reader = new ByteReader(out.bytes.slice(0, out.pos));
      expect(readKeys(reader)).toEqual(sorted);
      expect(reader.remaining).toBe(0);
    }),
  );
});
