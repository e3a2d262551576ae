import { describe, expect, it } from "vitest";
import { arrivalsOf, ROUTES } from "./arrivals.ts";
import { FAULTS } from "./faults.ts";
import { type PlanChoice, plansOf, SIZES } from "./plan.ts";

const ci: PlanChoice = { seed: 7, size: "ci", only: [], seconds: undefined };

describe("a plan", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(plansOf(ci)).toEqual(plansOf(ci));
    expect(plansOf({ ...ci, seed: 8 })).not.toEqual(plansOf(ci));
  });

  it("has each fault of the size at each duration as often as it says", () => {
    const [plan] = plansOf(ci);
    const counts = new Map<string, number>();
    for (const { fault, durationMs } of plan?.injections ?? []) {
      const key = `${fault} ${durationMs}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const { faults, durationsMs, repeats } = SIZES.ci;
    const expected = faults.flatMap((fault) =>
      durationsMs.map((ms) => [`${fault} ${ms}`, repeats]),
    );
    expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(expected));
  });

  it("leaves calm between injections, and strikes only where a fault can", () => {
    for (const plan of plansOf({ ...ci, size: "long" })) {
      let before = 0;
      const wrong = plan.injections.filter(({ atMs, durationMs, fault, tier }) => {
        const calmMs = atMs - before;
        before = atMs + durationMs;
        return calmMs < 1_000 || FAULTS.get(fault)?.tiers.includes(tier) !== true;
      });
      expect(wrong).toEqual([]);
    }
  });

  it("takes under ten minutes at the CI size, with five of them clean", () => {
    const [plan] = plansOf(ci);
    const clean = plan?.sections.filter(({ kind }) => kind === "clean") ?? [];
    expect(clean.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)).toBe(300_000);
    expect(plan?.totalMs).toBeLessThan(560_000);
  });

  it("stays inside the seconds it is given, over all of its loads", () => {
    const plans = plansOf({ ...ci, size: "long", seconds: 600 });
    expect(plans.reduce((sum, { totalMs }) => sum + totalMs, 0)).toBeLessThanOrEqual(600_000);
    for (const { injections } of plans) expect(injections.length).toBeGreaterThan(10);
  });

  it("is cut into rounds where it is long, and loses no injection by that", () => {
    const plans = plansOf({ ...ci, size: "long", only: ["loop-block", "gc"] });
    const each = 2 * SIZES.long.durationsMs.length * SIZES.long.repeats;
    const loads = SIZES.long.loads.length;
    expect(plans.reduce((sum, { injections }) => sum + injections.length, 0)).toBe(each * loads);
    expect(plans.length).toBeGreaterThan(loads);
    expect(new Set(plans.map(({ arrivalSeed }) => arrivalSeed)).size).toBe(plans.length);
    for (const { totalMs } of plans) expect(totalMs).toBeLessThan(45 * 60_000);
  });

  it("refuses a fault that there is not, and names those that there are", () => {
    expect(() => plansOf({ ...ci, only: ["gremlins"] })).toThrow(/gremlins.*loop-block/);
  });
});

describe("arrivals", () => {
  it("come at the rate asked for, more often in a burst, and by all routes", () => {
    const steps = [
      { fromMs: 0, ratePerSecond: 300 },
      { fromMs: 40_000, ratePerSecond: 1_500 },
      { fromMs: 60_000, ratePerSecond: 300 },
    ];
    const { atMs, route } = arrivalsOf(3, steps, 100_000);
    const inside = (from: number, to: number): number =>
      atMs.filter((at) => at >= from && at < to).length;
    // Five standard deviations of a Poisson count.
    expect(Math.abs(inside(0, 40_000) - 12_000)).toBeLessThan(5 * Math.sqrt(12_000));
    expect(Math.abs(inside(40_000, 60_000) - 30_000)).toBeLessThan(5 * Math.sqrt(30_000));
    expect(Math.abs(inside(60_000, 100_000) - 12_000)).toBeLessThan(5 * Math.sqrt(12_000));
    expect(new Set(route).size).toBe(ROUTES.length);
  });

  it("are a Poisson process: gaps vary as much as they are long", () => {
    const { atMs } = arrivalsOf(4, [{ fromMs: 0, ratePerSecond: 1_000 }], 50_000);
    const gaps = Array.from(atMs.subarray(1), (at, i) => at - (atMs[i] as number));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const square = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
    expect(Math.sqrt(square) / mean).toBeCloseTo(1, 1);
  });
});
