/** The simulator at CI size; `npm run faults -- simulate --runs 10000` is the long form. */
import { describe, expect, it } from "vitest";
import { PLANTS } from "../sim/plants.mjs";
import { playFault } from "./play-fault.ts";

const RUNS = 40;
const SEED = 1;
/** A planted bug is caught within so many runs, or not at all. */
const PLANT_RUNS = 200;

interface Report {
  readonly fault?: string;
  readonly plant?: string;
  readonly runs: number;
  readonly events: number;
  readonly cuts: number;
  readonly complete: number;
  readonly broken: number;
  readonly caught?: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly unknown[];
}

async function simulate(...given: readonly string[]): Promise<readonly Report[]> {
  const { lines } = await playFault<Report>("simulate", given);
  return lines.filter((line) => line.fault === "simulate");
}

/** Faults that must really have occurred: one that never does tests nothing. */
const MUST_OCCUR = [
  "capture: outside-window",
  "capture: partial",
  "capture: shipped",
  "clock: stepped back",
  "clock: stepped forward",
  "collector: answered bad-batch",
  "collector: crashed",
  "collector: stopped",
  "diffs judged",
  "disk: full",
  "disk: segments of several batches",
  "disk: slow flush",
  "disk: unflushed writes kept",
  "disk: unflushed writes lost",
  "cuts inside captures",
  "events declared lost",
  "events inside captures",
  "incomplete: expired",
  "incomplete: hole",
  "incomplete: lagging",
  "incomplete: lost",
  "incomplete: not-captured",
  "incomplete: suspect",
  "message: forged stamp",
  "message: lost",
  "message: repeated",
  "message: slow",
  "message: stamp refused",
  "network: partition",
  "node: flood",
  "node: killed",
  "node: left",
  "node: opened a further epoch",
  "node: trigger",
  "node: twin started",
  "reply: behind a partition",
  "on demand: state known",
  "pages judged",
  "request: corrupted",
  "request: late",
  "request: lost",
  "request: neverAnswered",
  "request: refused",
  "request: repeated",
  "request: replyLost",
  "request: reset",
  "request: tooLarge",
  "saved cuts",
  "saved cuts let go",
  "saved cuts outside retention",
];

describe.concurrent("simulated systems", () => {
  it("keep every promise under every fault", async () => {
    const [report] = await simulate("--runs", String(RUNS), "--seed", String(SEED));
    expect(report?.failures).toEqual([]);
    expect(report).toMatchObject({ runs: RUNS, broken: 0 });
    expect(report?.cuts).toBeGreaterThan(1_000);
    expect(report?.complete).toBeGreaterThan(200);
    for (const name of MUST_OCCUR) expect(report?.counts, name).toHaveProperty([name]);
  }, 300_000);

  it("catch every bug planted, one at a time", async () => {
    const reports = await simulate("--plant", "all", "--runs", String(PLANT_RUNS));
    expect(reports.map(({ plant }) => plant)).toEqual(PLANTS.map(({ name }) => name));
    expect(reports.filter(({ caught }) => caught !== true).map(({ plant }) => plant)).toEqual([]);
    expect(reports.length).toBeGreaterThanOrEqual(10);
  }, 300_000);

  it("live the same life again from the same seed", async () => {
    const [[first], [again]] = await Promise.all([
      simulate("--runs", "4", "--seed", "1", "--jobs", "1"),
      simulate("--runs", "4", "--seed", "1", "--jobs", "3"),
    ]);
    expect(again?.counts).toEqual(first?.counts);
  }, 60_000);
});
