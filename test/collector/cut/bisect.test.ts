/** First hits by halving, against walks of the same predicate over every cut; and what it says where it cannot know. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { BisectOptions, WalkView } from "../../../collector/cut/history.ts";
import { atMs, join, set, type ToldHistory, tellHistory } from "../../support/told-history.ts";

const RANGE = { from: atMs(0), to: atMs(1_000), logs: ["l"] };

/** `a` counts up, at these times; `b` only lives. */
async function counting(timesMs: readonly number[]): Promise<ToldHistory> {
  const told = tellHistory({ limits: { roundChanges: 10, segmentEvents: 32 } });
  await told.tell("a", 1, [join(atMs(-1)), set(atMs(-1), "l", "n", 0)]);
  await told.tell("b", 1, [join(atMs(-1)), set(atMs(2_000), "l", "n", 0)]);
  for (const [i, ms] of timesMs.entries())
    await told.tell("a", 3 + i, [set(atMs(ms), "l", "n", i + 1)]);
  await told.tell("a", 3 + timesMs.length, [set(atMs(2_000), "l", "n", timesMs.length)]);
  await told.history.idle();
  return told;
}

const countOf = (view: WalkView): number => Number(view.get("a", "l", "n"));

describe("halving a range", () => {
  it("finds the cut that a walk over every cut finds first, in about as many cuts as halvings", async () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(times, fc.integer({ min: 1, max: 70 }), async (some, wanted) => {
        const { history } = await counting(some.toSorted((a, b) => a - b));
        const holds = (view: WalkView): boolean => countOf(view) >= wanted;
        const options: BisectOptions<number> = { ...RANGE, select: countOf };
        const found = await history.bisect(options, holds);
        let walked: { readonly from: Hlc; readonly values: number } | undefined;
        for await (const row of history.walk({ ...RANGE, select: countOf, limit: 1 }, holds)) {
          walked = row;
        }
        expect([found.outcome, found.at, found.values]).toEqual([
          walked === undefined ? "never" : "found",
          walked?.from,
          walked?.values,
        ]);
        expect(found.exact).toBe(walked !== undefined);
        expect(found.sinceStart).toBe(walked?.from === RANGE.from);
        expect(found.cutCount).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(1_000 * 4_096 + 2)));
        expect(found.complete).toBe(true);
      }),
      { numRuns: 6 },
    );
  });

  it("leaves open just the stretch of which nothing can be said", async () => {
    const { history } = await counting([500]);
    const edges = fc
      .array(fc.integer({ min: -50, max: 1_050 }), { minLength: 3, maxLength: 3 })
      .map((some) => some.toSorted((a, b) => a - b) as [number, number, number]);
    const to = (RANGE.from + 1_000) as Hlc;
    await fc.assert(
      fc.asyncProperty(edges, async ([unknownFrom, turn, unknownTo]) => {
        // In ticks: false, then nothing to say in [unknownFrom, unknownTo), then true.
        const truth = (tick: number): boolean | undefined =>
          tick >= unknownFrom && tick < unknownTo ? undefined : tick >= turn;
        const ticks = Array.from({ length: 1_001 }, (_, tick) => tick);
        const first = ticks.find((tick) => truth(tick) === true);
        const last = ticks.findLast((tick) => truth(tick) === false);
        const found = await history.bisect({ ...RANGE, to }, ({ time }) =>
          truth(time - RANGE.from),
        );
        const stamp = (tick: number | undefined): number | undefined =>
          tick === undefined ? undefined : RANGE.from + tick;
        expect(found).toMatchObject({
          at: stamp(first),
          after: stamp(last),
          exact: first !== undefined && first === (last ?? -1) + 1,
          outcome: first !== undefined ? "found" : truth(1_000) === false ? "never" : "undecided",
        });
        expect(found.cutCount).toBeLessThan(80);
      }),
      { numRuns: 12 },
    );
  });

  it("says which cuts it relied on are incomplete", async () => {
    const told = await counting([100, 200, 300]);
    const holds = (view: WalkView): boolean => countOf(view) >= 3;
    expect(await told.history.bisect(RANGE, holds)).toMatchObject({
      complete: true,
      at: atMs(300),
    });
    // What is known ends at 2 s: the cut at 3 s may lack something, and it was asked.
    const late = await told.history.bisect({ ...RANGE, to: atMs(3_000) }, holds);
    expect(late).toMatchObject({ outcome: "found", at: atMs(300), exact: true, complete: false });
    expect(late.incomplete.map(({ node }) => node)).toEqual(["a", "b"]);
  });

  it("refuses a predicate that it has seen turn back, and ends when asked to", async () => {
    const { history } = await counting([100, 200, 300]);
    await expect(history.bisect(RANGE, (view) => countOf(view) < 2)).rejects.toMatchObject({
      code: "not-monotone",
      hint: expect.stringContaining("history.walk"),
    });
    const thrown = history.bisect(RANGE, () => {
      throw new TypeError("no ring");
    });
    await expect(thrown).rejects.toMatchObject({ code: "predicate-failed" });
    const abort = new AbortController();
    const asked = history.bisect({ ...RANGE, signal: abort.signal }, (view) => {
      abort.abort();
      return countOf(view) > 1;
    });
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    const turned = history.bisect({ from: RANGE.to, to: RANGE.from }, () => true);
    await expect(turned).rejects.toThrow("before it begins");
  });
});
