/** Cells: buckets gathered for drawing, without losing or moving a single request. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Buckets, bucketWidth } from "../../../collector/bottleneck/buckets.ts";
import { cellOf, inCells } from "../../../collector/bottleneck/latency-cells.ts";
import "../../support/seed.ts";

const perDoubling = fc.integer({ min: 0, max: 10 }).map((power) => 2 ** power);
/** An agent records nothing below a microsecond. */
const us = (max: number) => fc.integer({ min: 1, max });
const value = fc.oneof(us(100), us(10_000), us(3_600_000_000));

describe("cells of latencies", () => {
  it("hold each bucket whole, so that their counts are exact", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), perDoubling, (values, cells) => {
        const buckets = new Buckets();
        for (const one of values) buckets.add(one);
        for (const [lowest] of buckets.sorted()) {
          const highest = lowest + bucketWidth(lowest) - 1;
          expect(cellOf(highest, cells)).toBe(cellOf(lowest, cells));
        }
        const expected = new Map<number, number>();
        for (const one of values) {
          const cell = cellOf(one, cells);
          expected.set(cell, (expected.get(cell) ?? 0) + 1);
        }
        const rising = [...expected].sort(([a], [b]) => a - b);
        expect(inCells(buckets.sorted(), cells)).toEqual(rising);
      }),
    );
  });

  it("part every doubling into as many as were asked for", () => {
    for (const cells of [1, 2, 8, 64]) {
      const lowest = new Set(Array.from({ length: 4_096 }, (_, i) => cellOf(4_096 + i, cells)));
      expect([...lowest]).toHaveLength(cells);
      expect(Math.min(...lowest)).toBe(4_096);
    }
  });
});
