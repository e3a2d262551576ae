/**
 * `npm run case:zookeeper -- [--duration 30s] [--behind 10] [--rate 100] [--seed N]`
 *
 * Exit codes: 0 all is as it must be; 1 it is not; 2 usage; 3 it could not run; 4 Java or ZooKeeper is not
 * installed; 128 + signal: ended by one.
 */
import { parseArgs } from "node:util";
import { readCount, readDurationMs, readSeed } from "../arguments.ts";
import { runExample } from "../run-example.ts";
import { runCase } from "./run-case.ts";

const USAGE = `Usage: npm run case:zookeeper -- [options]

How stale do three ZooKeeper replicas get, and for how long? Asked of consistent cuts, and of wall clocks.

  --duration 30s   How long updates are written, both runs together
  --behind 10       How many versions behind is too many
  --rate 100       Updates per second
  --seed N         Of the times at which a server is stopped; printed
`;

await runExample(USAGE, (signal) => {
  const { values } = parseArgs({
    options: {
      duration: { type: "string", default: "30s" },
      behind: { type: "string", default: "10" },
      rate: { type: "string", default: "100" },
      seed: { type: "string" },
    },
  });
  return runCase({
    durationMs: readDurationMs("--duration", values.duration, 6_000),
    behind: readCount("--behind", values.behind, 1, 1_000),
    updatesPerSecond: readCount("--rate", values.rate, 10, 2_000),
    seed: readSeed(values.seed),
    signal,
    print: (line) => process.stdout.write(`${line}\n`),
  });
});
