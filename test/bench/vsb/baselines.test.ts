import { describe, expect, it } from "vitest";
import { BASELINES } from "./baselines/index.ts";
import { congestionLoad } from "./baselines/n-star.ts";
import { inFlight, merged, outliers, rateOf } from "./baselines/series.ts";
import type { Detection, Recording } from "./recording.ts";
import { matchesOf } from "./score/match.ts";
import { syntheticRecording } from "./synthetic.ts";

const blocks = [
  { tier: "store", startMs: 14_037, endMs: 14_237 },
  { tier: "service", startMs: 18_411, endMs: 18_611 },
  { tier: "gateway", startMs: 22_783, endMs: 22_983 },
] as const;
const recording = syntheticRecording({ blocks });
const said = (name: string, of: Recording = recording): Detection[] =>
  BASELINES.find((baseline) => baseline.name === name)?.detect(of) ?? [];
const foundBy = (name: string, rule: "onset" | "overlap"): number =>
  matchesOf(recording.truths, said(name), rule).length;

describe("the baselines", () => {
  it.each(["1 s p99 alert", "point in time", "three sigma", "longest queue"])(
    "%s overlaps with each stall of 200 ms",
    (name) => expect(foundBy(name, "overlap")).toBe(3),
  );

  it("know what they cannot: no second says when, no rival but one says why", () => {
    expect(foundBy("1 s p99 alert", "onset")).toBeLessThan(3);
    const causes = ["three sigma", "longest queue", "N* at 50 ms"].flatMap((name) =>
      said(name).flatMap(({ suspects }) => suspects.map(({ cause }) => cause)),
    );
    expect(new Set(causes)).toEqual(new Set([null]));
  });

  it("say nothing, or next to nothing, of calm minutes", () => {
    const calm = syntheticRecording({ totalMs: 60_000, seed: 5 });
    for (const name of ["1 s p99 alert", "10 s loop p99", "point in time"]) {
      expect(said(name, calm)).toEqual([]);
    }
  });

  it("name the resource that peaked beside the response, on the tier that queued", () => {
    const [first] = said("point in time");
    // Blocked, store sees nothing of what waits for it: its callers' queues grow, and its processor is busy.
    expect(first?.suspects.map(({ tier }) => tier)).toContain("store");
    expect(first?.suspects.find(({ tier }) => tier === "store")?.cause).toBe("run");
  });

  it("know a loop's delay only where the exporter's p99 rose", () => {
    const loops = [
      { tier: "store", startMs: 10_000, endMs: 20_000, p99Ms: 12, maxMs: 210 },
      { tier: "store", startMs: 20_000, endMs: 30_000, p99Ms: 80, maxMs: 210 },
    ] as const;
    expect(said("10 s loop p99", { ...recording, loops })).toMatchObject([
      { startMs: 20_000, endMs: 30_000, suspects: [{ tier: "store", cause: "run" }] },
    ]);
  });
});

describe("series", () => {
  it("hold the mean number under way: Little's law over the whole", () => {
    const log = recording.tiers.get("gateway");
    if (log === undefined) throw new Error("no log");
    const { values, widthMs } = inFlight(log, recording.run, 10);
    const area = values.reduce((sum, value) => sum + value * widthMs, 0);
    const residences = log.departedMs.reduce((sum, at, i) => sum + at - (log.arrivedMs[i] ?? 0), 0);
    expect(area).toBeCloseTo(residences, 0);
  });

  it("keep what a counter rose by, wherever its samples lie", () => {
    const atMs = Float64Array.from([0, 7, 31, 55, 90, 120]);
    const { values } = rateOf(
      atMs,
      atMs.map((at) => at / 2),
      { startMs: 10, endMs: 110 },
      20,
    );
    expect([...values]).toEqual([10, 10, 10, 10, 10]);
  });

  it("flag what is out of the ordinary, and do not learn from it", () => {
    const values = Float64Array.from({ length: 400 }, (_, i) => (i % 2) + (i >= 200 ? 100 : 0));
    const series = { startMs: 0, widthMs: 100, values };
    const flags = outliers(series, (value, { median }) => value > median + 50);
    expect(flags.indexOf(true)).toBe(200);
    expect(flags.slice(200).every(Boolean)).toBe(true);
    expect(merged(series, flags)).toEqual([{ startMs: 20_000, endMs: 40_000, firstEndMs: 20_100 }]);
  });

  it("find the load beyond which throughput rises no more", () => {
    const load = Float64Array.from({ length: 2_000 }, (_, i) => (i % 200) / 10);
    const done = load.map((n) => Math.min(n, 8) * 3);
    const limit = congestionLoad({ startMs: 0, widthMs: 50, values: load }, done);
    expect(limit).toBeGreaterThan(7);
    expect(limit).toBeLessThan(10);
    expect(congestionLoad({ startMs: 0, widthMs: 50, values: load }, load)).toBe(
      Number.POSITIVE_INFINITY,
    );
  });
});
