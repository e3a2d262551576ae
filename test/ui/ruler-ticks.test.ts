import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, parseTime, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { MAX_RULER_LINES, MIN_LABEL_PX, rulerLines } from "../../ui/src/scale/ruler-ticks.ts";
import { MAX_SPAN_TICKS, MIN_SPAN_TICKS, TimeScale } from "../../ui/src/scale/time-scale.ts";

const NOON = parseTime("2026-11-21T12:00:00.000Z", 0 as Hlc);
const scaleOf = (from: number, ms: number, width = 1_000) =>
  new TimeScale({ from: from as Hlc, to: Math.round(from + ms * TICKS_PER_MS) as Hlc }, width);

describe("the ruler", () => {
  it("says only what changes: the time on round seconds, the fraction in between", () => {
    const labels = rulerLines(scaleOf(NOON, 1_000)).flatMap(({ label }) => label || []);
    expect(labels).toEqual([
      "12:00:00",
      ".100",
      ".200",
      ".300",
      ".400",
      ".500",
      ".600",
      ".700",
      ".800",
      ".900",
      "12:00:01",
    ]);
  });

  const cases: readonly (readonly [why: string, ms: number, expected: string])[] = [
    ["microseconds have six digits", 0.5, ".000050"],
    ["milliseconds have three", 100, ".010"],
    ["seconds have the full time", 30_000, "12:00:05"],
    ["minutes leave the seconds out", 3_600_000, "12:10"],
    ["days are dates", 20 * 86_400_000, "2026-11-23"],
  ];
  for (const [why, ms, expected] of cases) {
    it(why, () => {
      const labels = rulerLines(scaleOf(NOON, ms)).map(({ label }) => label);
      expect(labels).toContain(expected);
    });
  }

  it("keeps labels apart and lines few, at any zoom and any time", () => {
    fc.assert(
      fc.property(
        fc.double({ min: Math.log2(MIN_SPAN_TICKS), max: Math.log2(MAX_SPAN_TICKS), noNaN: true }),
        fc.integer({ min: 0, max: 2e14 }),
        fc.integer({ min: 200, max: 3_000 }),
        (logSpan, from, width) => {
          const scale = new TimeScale(
            { from: from as Hlc, to: (from + Math.floor(2 ** logSpan)) as Hlc },
            width,
          );
          const lines = rulerLines(scale);
          expect(lines.length).toBeLessThanOrEqual(MAX_RULER_LINES);
          const xs = lines.filter(({ label }) => label !== "").map(({ x }) => x);
          for (const [i, x] of xs.entries()) {
            expect(x).toBeGreaterThan(-1);
            expect(x).toBeLessThan(width + 1);
            if (i > 0) expect(x - (xs[i - 1] as number)).toBeGreaterThan(MIN_LABEL_PX - 1);
          }
        },
      ),
      // Found: microseconds fell between the ticks that a Unix time in milliseconds can hold.
      { examples: [[6.357552004618084, 0, 921]] },
    );
  });
});
