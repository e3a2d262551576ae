/** The overload run at CI size; `npm run faults -- overload` is the long form (faults 14, 34, 35; G9, G15). */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const SECONDS = 3;

it("far more than can be stored is refused in words, questions go on, and it is over when it is over", async () => {
  const script = join(import.meta.dirname, "overload.mjs");
  const child = spawn(process.execPath, [script, "--seconds", String(SECONDS), "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (part) => {
    text += String(part);
  });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  const report = JSON.parse(text);
  expect(report.broken, `npm run faults -- overload --seconds ${SECONDS}`).toEqual([]);
  expect(report.refusals).toBeGreaterThan(0);
  expect(report.bomb.statuses).toHaveProperty("413");
  expect(report.overload["/api/cut"].count).toBeGreaterThan(3);
  expect(report.stored).toBe(report.acknowledged);
  expect(code).toBe(0);
}, 120_000);
