/** The kill fault at CI size; `npm run faults -- kill --runs 1000` is the long form. */
import { expect, it } from "vitest";
import { playFault } from "./play-fault.ts";

const KILLS = 8;

interface Report {
  readonly acknowledged: number;
  readonly repeated: number;
}

it("SIGKILL under load loses and doubles nothing that was acknowledged", async () => {
  const seed = Date.now() % 1_000_000;
  const words = ["--runs", String(KILLS), "--seed", String(seed)];
  const { code, lines, replay } = await playFault<Report>("kill", words);
  expect(lines, replay).toMatchObject([
    { kills: KILLS, lost: 0, doubled: 0, unexplained: 0, damaged: 0, kept: true },
  ]);
  expect(lines[0]?.acknowledged, replay).toBeGreaterThan(1_000);
  expect(lines[0]?.repeated, replay).toBeGreaterThan(100);
  expect(code, replay).toBe(0);
}, 60_000);
