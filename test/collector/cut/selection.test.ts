/** The names that a refusal gives: those nearest to what was asked for, however many there are. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { editDistance } from "../../../agent/kernel/index.ts";
import { nearestNames } from "../../../collector/cut/selection.ts";
import "../../support/seed.ts";

it("Names come in order of their distance while they are few", () => {
  const names = fc.uniqueArray(fc.string({ maxLength: 20 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), names, (asked, known) => {
      const found = nearestNames(asked, known);
      expect([...found].sort()).toEqual([...known].sort());
      const distances = found.map((one) => editDistance(asked, one));
      expect(distances).toEqual([...distances].sort((a, b) => a - b));
    }),
    { numRuns: 200 },
  );
});

it("Of very many none is left out, and one that was mistyped is found", () => {
  const known = Array.from({ length: 3_000 }, (_, i) => {
    return `${["cart", "shop", "stock"][i % 3]}-${i.toString(36)}@host-${(i * 7_919) % 1_000}`;
  });
  fc.assert(
    fc.property(fc.nat(2_999), fc.nat(30), fc.constantFrom("q", "_", ""), (index, place, typed) => {
      const meant = known[index] as string;
      const at = place % meant.length;
      const asked = meant.slice(0, at) + typed + meant.slice(at + 1);
      const found = nearestNames(asked, known);
      expect(found).toHaveLength(known.length);
      expect(new Set(found).size).toBe(known.length);
      expect(editDistance(asked, found[0] as string)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 50 },
  );
});
