/** The ring as a user runs it: real processes, killed and joined, and its invariant over every cut. */
import { afterEach, expect, it } from "vitest";
import { runExample, stopExamples } from "../support/run-example.ts";

afterEach(stopExamples, 30_000);

it("is one ring at every cut in calm, and is seen broken at every step of churn", async () => {
  const { code, output } = await runExample(
    "ring",
    "--steps",
    "3",
    "--calm",
    "600ms",
    "--seed",
    "5",
  );
  expect(code, output).toBe(0);
  expect(output).toContain("PASS");
  const rows = output
    .split("\n")
    .map((line) => /^ {2}(\S.*?) {2,}(\d+) +(\d+) +(\d+) +(yes|no)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, what = "", cuts, stretches]) => ({
      what,
      cuts: Number(cuts),
      found: Number(stretches),
    }));
  const calms = rows.filter(({ what }) => what.startsWith("calm"));
  expect(calms.map(({ found }) => found)).toEqual([0, 0]);
  for (const { cuts } of calms) expect(cuts).toBeGreaterThan(5);
  const steps = rows.filter(({ what }) => /^(kill|leave|join) ring-/.test(what));
  expect(steps.length).toBeGreaterThanOrEqual(3);
  for (const { found } of steps) expect(found).toBeGreaterThan(0);
}, 180_000);

it("refuses what it does not understand, before anything is started", async () => {
  const { code, output } = await runExample("ring", "--calm", "soon");
  expect(code).toBe(2);
  expect(output).toContain("--calm: a time such as 30s");
});
