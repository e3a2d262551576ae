import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { medianOf } from "../../../collector/bottleneck/robust.ts";

describe("a median", () => {
  it("is that of the values in order, many of them equal or already sorted", () => {
    const few = fc.array(fc.integer({ min: -2, max: 3 }), { minLength: 1, maxLength: 200 });
    const any = fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 200 });
    const inOrder = any.map((values) => Array.from(Float64Array.from(values).sort()));
    fc.assert(
      fc.property(fc.oneof(few, any, inOrder), (values) => {
        const sorted = Float64Array.from(values).sort();
        const half = sorted.length >> 1;
        const upper = sorted[half] as number;
        const expected =
          sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
        // -0 and 0 are one value here, and infinities of both signs have no middle.
        expect(medianOf(Float64Array.from(values)) + 0).toEqual(expected + 0);
      }),
    );
  });
});
