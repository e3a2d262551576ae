import fc from "fast-check";
import { expect, it } from "vitest";
import { IndexRanges } from "../../../agent/state/index-ranges.ts";

it("holds what a set of numbers would hold, in as few ranges as there can be", () => {
  const index = fc.integer({ min: 0, max: 40 });
  const steps = fc.array(fc.tuple(fc.constantFrom("add", "remove"), index, index));
  fc.assert(
    fc.property(steps, fc.tuple(index, index), (history, [from, to]) => {
      const ranges = new IndexRanges();
      const naive = new Set<number>();
      for (const [step, start, end] of history) {
        ranges[step as "add" | "remove"](start, end);
        for (let i = start; i < end; i += 1) {
          if (step === "add") naive.add(i);
          else naive.delete(i);
        }
      }
      const within = [...naive].filter((i) => i >= from && i < to);
      expect(ranges.countIn(from, to)).toBe(within.length);
      expect(ranges.countIn(0, 100)).toBe(naive.size);
      expect(ranges.rangeCount).toBe([...naive].filter((i) => !naive.has(i - 1)).length);
      let start = from;
      while (start < to && naive.has(start)) start += 1;
      let end = start;
      while (end < to && !naive.has(end)) end += 1;
      expect(ranges.firstMissing(from, to)).toEqual(start < to ? { start, end } : undefined);
    }),
    { numRuns: 500 },
  );
});
