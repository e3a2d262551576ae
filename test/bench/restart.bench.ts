/**
 * P14: a collector with a long history is killed (SIGKILL) while agents ship, and started again: how long
 * until `/readyz` says 200, and until a cut of all of the history's nodes is answered.
 *
 * The collector is the real one, a process of its own, as `npx retroscope collector` starts it; the time
 * of Node's own start is in the figures. What each start answers is compared with the answer before the
 * first kill. RETROSCOPE_BENCH_EVENTS=1e6 makes it shorter.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  BATCH_MEDIA_TYPE,
  BatchBuilder,
  encodeBatch,
  formatHlc,
  type Hlc,
  INGEST_PATH,
  KindCode,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";
import { seededRandom } from "../support/seeded-random.ts";
import { NODES, nodeName, percentile, sizes, storeHistory } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";

export const title = "restart after SIGKILL under ingest (P14)";

const KILLS = 5;
const SENDERS = 8;
const BATCH_EVENTS = 500;
/** How long agents ship before each kill. */
const LOAD_MS = 3_000;
const RETRY_MS = 100;
const START_DEADLINE_MS = 120_000;
const MAIN = fileURLToPath(new URL("../../collector/main.js", import.meta.url));

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  readonly readyMs: number;
}

export async function run(report: (figure: Figure) => void): Promise<void> {
  for (const eventCount of sizes([10_000_000])) await runSize(eventCount, report);
}

async function runSize(eventCount: number, report: (figure: Figure) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-bench-restart-"));
  const stored = await storeHistory(eventCount, directory);
  const random = seededRandom(eventCount);
  const t = Math.floor(stored.first + random() * (stored.last - stored.first)) as Hlc;
  const { first, last } = stored;
  await stored.history.close();
  await stored.store.close();
  const ready: number[] = [];
  const answered: number[] = [];
  let shipped = 0;
  let running: Running | undefined;
  try {
    running = await start(directory);
    const expected = await cutAt(running.url, t);
    for (let kill = 0; kill < KILLS; kill += 1) {
      shipped += await shipUntilKilled(running, kill);
      const started = performance.now();
      running = await start(directory);
      ready.push(running.readyMs);
      const other = Math.floor(first + random() * (last - first)) as Hlc;
      await cutAt(running.url, other);
      answered.push(performance.now() - started);
      if ((await cutAt(running.url, t)) !== expected) throw new Error(`the cut at ${t} changed`);
    }
  } finally {
    if (running !== undefined) await end(running.process);
    await stored.close();
  }
  if (shipped === 0) throw new Error("nothing was acknowledged before the kills");
  const workload =
    `${eventCount.toLocaleString("en-US")} events of ${NODES} nodes stored; ${KILLS} times: ${SENDERS} ` +
    `agents ship batches of ${BATCH_EVENTS} for ${LOAD_MS / 1_000} s, SIGKILL, start; ` +
    `${shipped.toLocaleString("en-US")} events acknowledged in all; with the start of Node`;
  const figure = { unit: "ms", better: "lower", workload, goal: { atMost: 2_000 } } as const;
  report({ ...figure, metric: "ready, median", value: percentile(ready, 0.5) });
  report({ ...figure, metric: "ready, slowest", value: Math.max(...ready) });
  report({ ...figure, metric: "a first cut answered, slowest", value: Math.max(...answered) });
}

/** Resolves when `/readyz` says 200. */
async function start(directory: string): Promise<Running> {
  const started = performance.now();
  const child = spawn(process.execPath, [MAIN, "collector", "--port", "0", "--data", directory], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await addressOf(child);
  while (performance.now() - started < START_DEADLINE_MS) {
    const { status } = await fetch(`${url}/readyz`);
    if (status === 200) return { process: child, url, readyMs: performance.now() - started };
    await sleep(5);
  }
  await end(child);
  throw new Error("the collector does not become ready");
}

async function addressOf(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    const found = /http:\/\/\S+/.exec(text)?.[0];
    if (found !== undefined) return found;
  }
  throw new Error(`the collector ended: ${text}`);
}

/** The states of the history's nodes, as text; everything else in a cut depends on who ships. */
async function cutAt(url: string, t: Hlc): Promise<string> {
  const nodes = Array.from({ length: NODES }, (_, node) => `&node=${nodeName(node)}`).join("");
  const response = await fetch(`${url}/api/cut?at=${formatHlc(t)}${nodes}`);
  const cut = (await response.json()) as { complete?: boolean; nodes?: unknown };
  if (cut.complete !== true) throw new Error(`the cut at ${t} is not complete`);
  return JSON.stringify(cut.nodes);
}

/** Ships for a while, then kills the collector while requests are under way; how much it acknowledged. */
async function shipUntilKilled(running: Running, round: number): Promise<number> {
  const state = { isOver: false, events: 0 };
  const senders = Array.from({ length: SENDERS }, (_, i) =>
    ship(running.url, `load-${i}`, round, state),
  );
  await sleep(LOAD_MS);
  const ended = once(running.process, "exit");
  running.process.kill("SIGKILL");
  await ended;
  state.isOver = true;
  await Promise.all(senders);
  return state.events;
}

/** One agent: a batch after the other, each a run of changes until now. */
async function ship(
  url: string,
  node: string,
  round: number,
  state: { isOver: boolean; events: number },
): Promise<void> {
  const builder = new BatchBuilder();
  const epoch = Math.floor(ticksFromUnixMs(Date.now()) / 4_096) + round;
  let t = ticksFromUnixMs(Date.now()) as number;
  let firstSeq = 1;
  while (!state.isOver) {
    builder.reset();
    if (firstSeq === 1) {
      const instance = `${node}-${round}`;
      builder.body(t as Hlc, { kind: "join", service: "load", tags: {}, instance });
    }
    while (builder.count < BATCH_EVENTS) {
      t += 1;
      builder.change(t as Hlc, KindCode.set, "counters", `k${t % 1_000}`, t % 97);
    }
    const header = { node, service: "load", epoch, firstSeq, closed: t as Hlc };
    const body = encodeBatch(builder.build(header)) as Uint8Array<ArrayBuffer>;
    firstSeq += BATCH_EVENTS;
    try {
      const headers = { "content-type": BATCH_MEDIA_TYPE };
      const response = await fetch(`${url}${INGEST_PATH}`, { method: "POST", headers, body });
      await response.arrayBuffer();
      if (response.status === 200) {
        state.events += BATCH_EVENTS;
        continue;
      }
      // Too much at once: what was not taken is sent again, later.
      firstSeq -= BATCH_EVENTS;
      await sleep(RETRY_MS);
    } catch {
      return; // killed
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
