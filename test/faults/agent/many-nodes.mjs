/** One program that becomes several: forked, clustered, with worker threads. Each has an agent and prints who it is. */
import { fork } from "node:child_process";
import cluster from "node:cluster";
import { isMainThread, Worker } from "node:worker_threads";
import { startAgent } from "#dist/agent/index.js";

const CHANGES = 20;
const mode = process.argv[2] ?? process.env.FAULTS_MANY;
const isFirst = process.argv[3] !== "child" && cluster.isPrimary && isMainThread;
const agent = startAgent({ hooks: "none", quiet: true });
for (let n = 1; n <= CHANGES; n += 1) agent.log("load").set(`k${n}`, n);

const ended = [];
const keep = (child) => ended.push(new Promise((resolve) => child.once("exit", resolve)));
if (isFirst && mode === "fork")
  for (let i = 0; i < 2; i += 1)
    keep(fork(process.argv[1], ["fork", "child"], { stdio: "inherit" }));
if (isFirst && mode === "cluster")
  for (let i = 0; i < 3; i += 1) keep(cluster.fork({ FAULTS_MANY: mode }));
if (isFirst && mode === "worker")
  for (let i = 0; i < 3; i += 1) keep(new Worker(process.argv[1], { argv: [mode, "child"] }));
await Promise.all(ended);

await agent.flush();
process.stdout.write(`node ${agent.node} ${agent.epoch} ${JSON.stringify(agent.stats().counts)}\n`);
await agent.close();
if (cluster.isWorker) process.disconnect();
