/** Rows of the collector's faults at their smallest; `npm run faults -- collector` has all of them. */
import { expect, it } from "vitest";
import { playFault } from "./play-fault.ts";

/** With what each repeats, those first that mostly wait. The rest is for the long run. */
const ROWS: readonly (readonly [row: string, runs: number])[] = [
  ["44", 1],
  ["36", 1],
  ["J", 1],
  ["25", 2],
  ["26", 4],
  ["27", 2],
  ["28", 2],
  ["29", 2],
  ["32", 5],
];

interface Line {
  readonly metric: string;
  readonly value: number | null;
  readonly skipped?: string;
  readonly failures?: readonly { readonly what: string; readonly detail: string }[];
  readonly counts?: { readonly stored: number; readonly states: number };
}

// Two at a time, as `npm run faults` plays them: each has a collector, a store and a port of its own.
it.concurrent.for(ROWS)(
  "row %s keeps what was acknowledged, and says what it cannot serve",
  { timeout: 120_000 },
  async ([row, runs], { skip }) => {
    const seed = Date.now() % 1_000_000;
    const words = ["--only", row, "--seed", String(seed), "--runs", String(runs)];
    const { code, lines, replay } = await playFault<Line>("collector", words);
    const verdict = lines.at(-1) as Line;
    if (verdict.skipped !== undefined) skip(`row ${row}: ${verdict.skipped}`);
    expect(verdict.failures, replay).toEqual([]);
    expect(verdict.counts?.stored, replay).toBeGreaterThan(100);
    expect(verdict.counts?.states, replay).toBeGreaterThan(5);
    expect(code, replay).toBe(0);
  },
);
