/** Aggregates that follow changes, against the same worked out anew from what nodes hold. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Aggregate } from "../../../../collector/rql/engine/aggregate.ts";
import { CountedPredicate } from "../../../../collector/rql/engine/counted-predicate.ts";
import { CountedValues } from "../../../../collector/rql/engine/counted-values.ts";
import { RunningSum } from "../../../../collector/rql/engine/running-sum.ts";
import { Tournament } from "../../../../collector/rql/engine/tournament.ts";

type Held = number | string | undefined;

const held: fc.Arbitrary<Held> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -2, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(0.1, 0.2, 0.7, -0, 65_535, 65_536, 2 ** 45, -(2 ** 52)) },
  { weight: 1, arbitrary: fc.constantFrom('"x"', "true") },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const nodeCounts = fc.constantFrom(1, 2, 15, 16, 17, 40, 300);

/** Changes one node after the other, as cells do; `look` is asked after each. */
function follow(
  of: (nodes: number) => Aggregate,
  look: (aggregate: Aggregate, all: readonly Held[]) => void,
): void {
  fc.assert(
    fc.property(nodeCounts, fc.array(fc.tuple(fc.nat(299), held)), (nodes, changes) => {
      const all: Held[] = Array.from({ length: nodes }, () => undefined);
      const aggregate = of(nodes);
      for (const [which, after] of changes) {
        const node = which % nodes;
        const before = all[node];
        if (typeof before === "number" && typeof after === "number") {
          aggregate.update(node, before, after);
        } else {
          if (before !== undefined) aggregate.leave(node, before);
          if (after !== undefined) aggregate.enter(node, after);
        }
        all[node] = after;
        look(aggregate, all);
      }
    }),
    { numRuns: 60 },
  );
}

const numbersOf = (all: readonly Held[]): number[] => all.filter((one) => typeof one === "number");

describe("an aggregate that follows changes", () => {
  it("knows the greatest and the least number, whoever held it before", () => {
    for (const [which, extreme] of [
      ["greatest", Math.max] as const,
      ["least", Math.min] as const,
    ]) {
      follow(
        (nodes) => new Tournament(nodes, which),
        (tree, all) => expect((tree as Tournament).best + 0).toBe(extreme(...numbersOf(all)) + 0),
      );
    }
  });

  it("knows a sum while no order of adding could matter, and else that it does not", () => {
    follow(
      (nodes) => new RunningSum(nodes),
      (sum, all) => {
        const numbers = numbersOf(all);
        const isExact = numbers.every(
          (one) => Number.isInteger(one) && Math.abs(one) <= Math.floor(2 ** 53 / all.length),
        );
        const { total } = sum as RunningSum;
        expect(total + 0).toBe(
          isExact ? numbers.reduce((sofar, one) => sofar + one, 0) : Number.NaN,
        );
      },
    );
  });

  it("counts values of any kind, 0 and -0 being one", () => {
    follow(
      () => new CountedValues(),
      (counted, all) => {
        const distinct = new Set(all.filter((one) => one !== undefined));
        const values = counted as CountedValues;
        expect(values.distinct).toBe(distinct.size);
        for (const one of [0, 3, 0.1, 65_536, '"x"'])
          expect(values.has(one)).toBe(distinct.has(one));
      },
    );
  });

  it("counts the numbers for which a test holds", () => {
    const test = (value: number): number => (value > 4 ? 1 : value < 0 ? 2 : 0);
    follow(
      () => new CountedPredicate(test),
      (counted, all) => {
        const { trueCount, falseCount, unknownCount } = counted as CountedPredicate;
        const told = [0, 1, 2].map(
          (truth) => numbersOf(all).filter((n) => test(n) === truth).length,
        );
        expect([falseCount, trueCount, unknownCount]).toEqual(told);
      },
    );
  });
});
