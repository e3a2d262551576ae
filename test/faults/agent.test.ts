/** A few rows of the agent's faults at their smallest; `npm run faults -- agent` has all of them. */
import { expect, it } from "vitest";
import { playFault } from "./play-fault.ts";

const ROWS = ["J", "3", "9", "11", "43", "G12"];

interface Line {
  readonly bench: string;
  readonly metric: string;
  readonly value: number | null;
  readonly failures?: readonly { readonly what: string; readonly detail: string }[];
  readonly counts?: { readonly created: number; readonly states: number };
}

it("hosts under load survive kills, resets and clocks a day off, and their books close", async () => {
  const seed = Date.now() % 1_000_000;
  const words = ["--only", ROWS.join(","), "--seed", String(seed), "--runs", "4"];
  const { code, lines, replay } = await playFault<Line>("agent", words);
  const verdicts = lines.filter(({ metric }) => metric === "broken promises");
  expect(
    verdicts.flatMap(({ bench, failures = [] }) => failures.map((one) => [bench, one])),
    replay,
  ).toEqual([]);
  expect(verdicts.map(({ bench }) => bench.split(" ").at(-1)).sort()).toEqual([...ROWS].sort());
  expect(verdicts.reduce((sum, { counts }) => sum + (counts?.states ?? 0), 0)).toBeGreaterThan(50);
  expect(code, replay).toBe(0);
}, 120_000);
