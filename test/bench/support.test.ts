import { describe, expect, it } from "vitest";
import { interleave, median } from "./support.ts";

describe("interleave", () => {
  it("takes turns, starts each round with another candidate, and forgets the warm-up", async () => {
    const order: string[] = [];
    let figure = 0;
    const candidate = (name: string) => () => {
      order.push(name);
      figure += 1;
      return figure;
    };

    const results = await interleave({
      rounds: 2,
      warmUpRounds: 1,
      candidates: { ours: candidate("ours"), rival: candidate("rival") },
    });

    expect(order).toEqual(["ours", "rival", "rival", "ours", "ours", "rival"]);
    expect(results.ours).toEqual({ median: 4.5, min: 4, max: 5, rounds: [4, 5] });
    expect(results.rival.rounds).toEqual([3, 6]);
  });

  it("waits for a candidate that measures asynchronously", async () => {
    const { slow } = await interleave({
      rounds: 1,
      candidates: { slow: () => Promise.resolve(7) },
    });
    expect(slow.median).toBe(7);
  });
});

describe("median", () => {
  const cases: ReadonlyArray<readonly [why: string, values: number[], expected: number]> = [
    ["the middle one, by size and not by text", [100, 9, 20], 20],
    ["the mean of two in the middle", [4, 1, 3, 2], 2.5],
    ["the only one", [5], 5],
    ["nothing measured is no number", [], Number.NaN],
  ];
  it.each(cases)("%s", (_why, values, expected) => {
    expect(median(values)).toBe(expected);
  });
});
