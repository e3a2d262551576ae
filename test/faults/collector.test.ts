/** Rows of the collector's faults at their smallest; `npm run faults -- collector` has all of them. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

/** With what each repeats. The rest is for the long run, and for `.ci/run`. */
const ROWS: readonly (readonly [row: string, runs: number])[] = [
  ["J", 1],
  ["25", 2],
  ["26", 4],
  ["27", 2],
  ["28", 2],
  ["29", 2],
  ["32", 5],
  ["36", 1],
];

interface Line {
  readonly metric: string;
  readonly value: number | null;
  readonly skipped?: string;
  readonly failures?: readonly { readonly what: string; readonly detail: string }[];
  readonly counts?: { readonly stored: number; readonly states: number };
}

const script = join(import.meta.dirname, "collector.mjs");

function play(row: string, words: readonly string[]): Promise<{ code: unknown; text: string }> {
  const child = spawn(process.execPath, [script, "--only", row, ...words, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (part) => {
    text += String(part);
  });
  return new Promise((resolve) => child.once("exit", (code) => resolve({ code, text })));
}

it.for(ROWS)(
  "row %s keeps what was acknowledged, and says what it cannot serve",
  { timeout: 120_000 },
  async ([row, runs], { skip }) => {
    const seed = Date.now() % 1_000_000;
    const { code, text } = await play(row, ["--seed", String(seed), "--runs", String(runs)]);
    const lines = text.trim().split("\n");
    const verdict = lines.map((line) => JSON.parse(line) as Line).at(-1) as Line;
    if (verdict.skipped !== undefined) skip(`row ${row}: ${verdict.skipped}`);
    const replay = `npm run faults -- collector --only ${row} --seed ${seed} --runs ${runs}`;
    expect(verdict.failures, replay).toEqual([]);
    expect(verdict.counts?.stored, replay).toBeGreaterThan(100);
    expect(verdict.counts?.states, replay).toBeGreaterThan(5);
    expect(code, replay).toBe(0);
  },
);
