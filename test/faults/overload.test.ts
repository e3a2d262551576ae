/** The overload run at CI size; `npm run faults -- overload` is the long form (faults 14, 34, 35; G9, G15). */
import { expect, it } from "vitest";
import { playFault } from "./play-fault.ts";

const SECONDS = 3;

interface Report {
  readonly broken: readonly string[];
  readonly refusals: number;
  readonly bomb: { readonly statuses: Readonly<Record<string, number>> };
  readonly overload: Readonly<Record<string, { readonly count: number }>>;
  readonly acknowledged: number;
  readonly stored: number;
}

it("far more than can be stored is refused in words, questions go on, and it is over when it is over", async () => {
  const words = ["--seconds", String(SECONDS)];
  const { code, lines, replay } = await playFault<Report>("overload", words);
  const report = lines[0] as Report;
  expect(report.broken, replay).toEqual([]);
  expect(report.refusals).toBeGreaterThan(0);
  expect(report.bomb.statuses).toHaveProperty("413");
  expect(report.overload["/api/cut"]?.count).toBeGreaterThan(3);
  expect(report.stored).toBe(report.acknowledged);
  expect(code).toBe(0);
}, 120_000);
