/** A short-lived service: records, says on descriptor 3 that its own work is done, and ends as it is told to. */
import { writeSync } from "node:fs";
import { startAgent } from "#dist/agent/index.js";

const { agent: settings, noAgent, how } = JSON.parse(process.env.FAULTS_EXIT);
const agent = noAgent ? undefined : startAgent({ hooks: "none", quiet: true, ...settings });
const log = agent?.log("load");
for (let n = 1; n <= 100; n += 1) log?.set(`k${n % 20}`, n);
// Long enough to have found out how the collector is.
await new Promise((resolve) => setTimeout(resolve, 400));
for (let n = 101; n <= 120; n += 1) log?.set(`k${n % 20}`, n);
if (how === "term") setInterval(() => undefined, 1_000);
writeSync(3, "done\n");
if (how === "exit") process.exit(0);
