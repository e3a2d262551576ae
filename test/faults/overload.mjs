/**
 * Faults 14, 34, 35 (G9, G15): far more than the collector can store, slow peers and bombs among it.
 *
 *     npm run faults -- overload [--seconds S] [--senders N] [--memory MIB] [--json]
 *
 *     quiet        probes alone                              what an answer takes without load
 *     overload     N senders that never wait, whatever       /healthz, /readyz and /api/cut go on;
 *                  they are told; trickling sockets;         refusals are 429 or 503 with Retry-After;
 *                  1000:1 bombs                              memory stays below the ceiling
 *     after        probes, and one honest sender             taken at the first try again, within 5 s
 *
 * The collector is a process of its own, with a ceiling of `--memory` MiB. A ledger keeps what was
 * acknowledged; in the end exactly that is stored. Latencies are figures, not promises, but for a bound
 * of `ANSWER_MS`. That what is stored is also told rightly, cut by cut, is judged by rows 34 and 35 of
 * `npm run faults -- collector`, with fewer and smaller senders and without hostile peers.
 *
 * Exit codes: 0 all promises kept; 1 one was broken; 2 usage.
 */
import { fork, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sleep } from "./agent/waiting.mjs";
import { rssOf } from "./collector/watch.mjs";
import { ask } from "./overload/ask.mjs";
import { bombs, slowPeers } from "./overload/hostile-peers.mjs";
import { Probes } from "./overload/probes.mjs";
import { bodyOf, Sender } from "./overload/sender.mjs";

const USAGE = "Usage: overload [--seconds S] [--senders N] [--memory MIB] [--json]";
const COLLECTOR = new URL("./overload/collector-process.mjs", import.meta.url).pathname;
const SENDERS = new URL("./overload/senders-process.mjs", import.meta.url).pathname;
const QUIET_MS = 1_500;
/** No probe may take longer, overload or not. */
const ANSWER_MS = 5_000;
const RECOVERY_MS = 5_000;
const RECOVERY_STEP_MS = 25;
/** So soon are both served that are asked after the load. */
const WELL_MS = 500;
/** What the process may hold beyond its ceiling (G9). */
const CEILING_SLACK = 1.1;
const WATCH_MS = 50;
const MIB = 1024 * 1024;

function startCollector(directory, memoryMib) {
  const child = spawn(process.execPath, [COLLECTOR, directory, String(memoryMib)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.gone = new Promise((resolve) =>
    child.once("exit", (code, signal) => resolve(signal ?? code)),
  );
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the collector did not start: ${code}`)));
    child.stdout.once("data", (line) => resolve({ child, ...JSON.parse(String(line)) }));
  });
}

async function run({ seconds, senderCount, memoryMib }) {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-overload-"));
  const { child, port } = await startCollector(directory, memoryMib);
  const broken = [];
  const cut = `/api/cut?at=${Date.now() - 50_000}&node=load-0`;
  const paths = ["/healthz", "/readyz", cut];
  let peakOwn = 0;
  const watch = setInterval(() => {
    peakOwn = Math.max(peakOwn, rssOf(child.pid));
  }, WATCH_MS);
  const load = fork(SENDERS, [String(port), String(senderCount)]);
  const told = () => new Promise((resolve) => load.once("message", resolve));
  try {
    await told();
    const quietProbes = new Probes(port, paths);
    await sleep(QUIET_MS);
    const quiet = await quietProbes.end();

    const loadProbes = new Probes(port, paths);
    let isOver = false;
    const slow = slowPeers(port);
    const bombing = bombs(port, () => isOver);
    load.send("begin");
    await sleep(seconds * 1_000);
    const overload = await loadProbes.end();
    isOver = true;
    const end = told();
    load.send("end");
    const [sent, bomb] = await Promise.all([end, bombing]);
    const stillSlow = slow.filter(({ destroyed }) => !destroyed).length;
    for (const socket of slow) socket.destroy();

    const honest = new Sender("honest", bodyOf("honest", 1));
    const recoveredMs = await recovery(honest, port, cut);
    const afterProbes = new Probes(port, paths);
    await sleep(QUIET_MS);
    const after = await afterProbes.end();

    const { text } = await ask(port, "/api/nodes");
    const { stored, refused } = JSON.parse(text).ingest;
    const acknowledged = sent.acknowledged + honest.acknowledged;
    for (const [status, count] of Object.entries(sent.strange)) {
      // The connection of a refusal may be cut while its body is still being sent.
      if (status !== "0") broken.push(`${count} answers of status ${status}`);
    }
    if (stored < acknowledged) broken.push(`${acknowledged} acknowledged, ${stored} stored`);
    if (recoveredMs === null) broken.push(`not well ${RECOVERY_MS} ms after the load`);
    for (const probes of [quietProbes, loadProbes, afterProbes]) {
      for (const [what, count] of probes.bad) broken.push(`${what}: ${count} times`);
    }
    for (const { max } of [...Object.values(overload), ...Object.values(after)]) {
      if (max > ANSWER_MS) broken.push(`a probe took ${max} ms`);
    }
    if (bomb.statuses[200] !== undefined) broken.push("a bomb was taken");
    if (peakOwn > CEILING_SLACK * memoryMib * MIB) broken.push(`it held ${peakOwn} bytes`);
    if (sent.refusals === 0) broken.push("nothing was refused: that was no overload");
    const taken = sent.tries - sent.refusals - (sent.strange[0] ?? 0);
    return {
      seconds,
      senders: senderCount,
      triesPerSecond: Math.round(sent.tries / seconds),
      takenPerSecond: Math.round(taken / seconds),
      offeredToTaken: Math.round((sent.tries / Math.max(1, taken)) * 10) / 10,
      refusals: sent.refusals,
      cutOff: sent.strange[0] ?? 0,
      stillSlow,
      bomb,
      peakOwnMib: Math.round(peakOwn / MIB),
      memoryMib,
      quiet,
      overload,
      after,
      recoveredMs,
      acknowledged,
      stored,
      refused,
      broken,
    };
  } finally {
    clearInterval(watch);
    load.kill("SIGKILL");
    if (child.exitCode !== null || child.signalCode !== null) broken.push("the collector died");
    child.kill("SIGTERM");
    const deadline = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await child.gone;
    clearTimeout(deadline);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** From the end of the load until an honest sender and a cut are served at once; null: not in time. */
async function recovery(honest, port, cut) {
  const from = performance.now();
  while (performance.now() - from < RECOVERY_MS) {
    const start = performance.now();
    const [status, { status: cutStatus }] = await Promise.all([honest.one(port), ask(port, cut)]);
    const isWell = status === 200 && cutStatus === 200 && performance.now() - start < WELL_MS;
    if (isWell) return Math.round(performance.now() - from);
    await sleep(RECOVERY_STEP_MS);
  }
  return null;
}

async function main() {
  let given;
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: "string" },
        senders: { type: "string" },
        memory: { type: "string" },
        json: { type: "boolean" },
      },
    });
    given = {
      seconds: Number(values.seconds ?? 20),
      senderCount: Number(values.senders ?? 128),
      memoryMib: Number(values.memory ?? 768),
      json: values.json === true,
    };
    const isBad = ({ seconds, senderCount, memoryMib }) =>
      [seconds, senderCount, memoryMib].some((one) => !Number.isSafeInteger(one) || one < 1);
    if (isBad(given)) throw new Error("--seconds, --senders and --memory are whole numbers");
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  const report = { fault: "overload", ...(await run(given)) };
  const kept = report.broken.length === 0;
  const line = { ...report, kept };
  process.stdout.write(
    given.json
      ? `${JSON.stringify(line)}\n`
      : `${Object.entries(line)
          .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
          .join("\n")}\n`,
  );
  return kept ? 0 : 1;
}

process.exitCode = await main();
