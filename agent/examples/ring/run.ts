/**
 * `npm run case:ring -- [--steps 6] [--calm 2s] [--seed N]`
 *
 * Exit codes: 0 all is as it must be; 1 it is not; 2 usage; 3 it could not run; 128 + signal: ended by one.
 */
import { parseArgs } from "node:util";
import { readCount, readDurationMs, readSeed } from "../arguments.ts";
import { runExample } from "../run-example.ts";
import { runCase } from "./run-case.ts";

const USAGE = `Usage: npm run case:ring -- [options]

Eight processes keep a Chord-like ring while others join, leave and are killed. When was it not one ring?

  --steps 6    Steps of churn
  --calm 2s    How long it is left alone, before and after
  --seed N     Of steps and clocks; printed
`;

await runExample(USAGE, (signal) => {
  const { values } = parseArgs({
    options: {
      steps: { type: "string", default: "6" },
      calm: { type: "string", default: "2s" },
      seed: { type: "string" },
    },
  });
  return runCase({
    steps: readCount("--steps", values.steps, 1, 1_000),
    calmMs: readDurationMs("--calm", values.calm, 500),
    seed: readSeed(values.seed),
    signal,
    print: (line) => process.stdout.write(`${line}\n`),
  });
});
