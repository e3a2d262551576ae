/** The kill fault at CI size; `npm run faults -- kill --runs 1000` is the long form. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const KILLS = 8;

it("SIGKILL under load loses and doubles nothing that was acknowledged", async () => {
  const seed = Date.now() % 1_000_000;
  const script = join(import.meta.dirname, "kill.mjs");
  const child = spawn(
    process.execPath,
    [script, "--runs", String(KILLS), "--seed", String(seed), "--json"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let text = "";
  child.stdout.on("data", (part) => {
    text += String(part);
  });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  const report = JSON.parse(text);
  expect(report, `npm run faults -- kill --runs ${KILLS} --seed ${seed}`).toMatchObject({
    kills: KILLS,
    lost: 0,
    doubled: 0,
    unexplained: 0,
    damaged: 0,
    kept: true,
  });
  expect(report.acknowledged).toBeGreaterThan(1_000);
  expect(report.repeated).toBeGreaterThan(100);
  expect(code).toBe(0);
}, 60_000);
