import fc from "fast-check";
import { expect, it } from "vitest";
import {
  clipped,
  type Interval,
  lengthOf,
  unionOf,
  without,
} from "../../../agent/tracing/intervals.ts";

const SPAN = 60;
const intervals: fc.Arbitrary<Interval[]> = fc.array(
  fc.tuple(fc.nat({ max: SPAN }), fc.nat({ max: SPAN })),
  { maxLength: 8 },
);

/** The points of time that intervals cover: the oracle. */
function pointsOf(all: readonly Interval[]): Set<number> {
  const points = new Set<number>();
  for (const [start, end] of all) for (let at = start; at < end; at += 1) points.add(at);
  return points;
}

it("a union covers what its intervals cover, once and in order", () => {
  fc.assert(
    fc.property(intervals, (all) => {
      const union = unionOf(all);
      expect(pointsOf(union)).toEqual(pointsOf(all));
      expect(lengthOf(union)).toBe(pointsOf(all).size);
      for (let i = 1; i < union.length; i += 1) {
        expect((union[i] as Interval)[0]).toBeGreaterThan((union[i - 1] as Interval)[1]);
      }
    }),
  );
});

it("what is left without others is what they do not cover", () => {
  fc.assert(
    fc.property(intervals, intervals, (one, other) => {
      const rest = without(unionOf(one), unionOf(other));
      const taken = pointsOf(other);
      const expected = [...pointsOf(one)].filter((at) => !taken.has(at));
      expect([...pointsOf(rest)]).toEqual(expected.sort((a, b) => a - b));
      expect(lengthOf(rest)).toBe(expected.length);
    }),
  );
});

it("what is clipped lies inside, and nothing that lay inside is gone", () => {
  fc.assert(
    fc.property(intervals, fc.nat({ max: SPAN }), fc.nat({ max: SPAN }), (all, start, end) => {
      const expected = [...pointsOf(all)].filter((at) => at >= start && at < end);
      expect(pointsOf(clipped(all, start, end))).toEqual(new Set(expected));
    }),
  );
});
