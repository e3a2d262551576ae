/**
 * P3 and R6, the sampler: what request recording costs a service that nobody asks anything, by thread, from the
 * kernel's own account (schedstat). A thread that does nothing on the same timer takes turns with it: what a wake-up
 * every 5 ms costs on this machine, whoever makes it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { startAgent } from "retroscope";
import type { Figure } from "./figure.ts";
import { median } from "./support.ts";

export const title = "what the sampler takes of a core in calm (P3, R6)";

const ROUNDS = Number(process.env["RETROSCOPE_BENCH_PAIRS"] ?? 5);
/** Start-up, compiling, and the first baseline of lateness are over by then. */
const WARM_MS = 3_000;
const STRETCH_MS = 6_000;
const WORKLOAD = `no request, all signals that this machine gives, ${ROUNDS} rounds of ${STRETCH_MS} ms each in turns`;
const EMPTY_TIMER = "setInterval(() => undefined, 5)";

type Start = () => { close(): Promise<unknown> };

export async function run(report: (figure: Figure) => void): Promise<void> {
  const file = fileURLToPath(new URL("./batch-sink.js", import.meta.url));
  const sink = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [port] = (await once(sink.stdout, "data")) as [Buffer];
    const collector = `http://127.0.0.1:${String(port).trim()}`;
    const agent: Start = () =>
      startAgent({ service: "calm", collector, requests: true, quiet: true });
    const timer: Start = () => {
      const worker = new Worker(EMPTY_TIMER, { eval: true });
      return { close: () => worker.terminate() };
    };
    const shares: { agent: Share[]; timer: Share[] } = { agent: [], timer: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      shares.agent.push(await shareOf(agent));
      shares.timer.push(await shareOf(timer));
    }
    const of = (name: "agent" | "timer", which: keyof Share): number =>
      median(shares[name].map((share) => share[which]));
    const rest = { unit: "% of a core", better: "lower", workload: WORKLOAD } as const;
    report({
      ...{ metric: "the sampler's thread", value: of("agent", "longest"), ...rest },
      ...{ against: { what: "an empty timer of 5 ms", value: of("timer", "longest") } },
      goal: { atMost: 1 },
    });
    report({ metric: "all threads beside the main one", value: of("agent", "others"), ...rest });
    report({ metric: "the main thread", value: of("agent", "main"), ...rest });
  } finally {
    sink.stdin.end();
  }
}

/** Percent of a core. */
interface Share {
  readonly main: number;
  /** Of the thread that took most, of those that began with what is measured. */
  readonly longest: number;
  /** Of all that are not the main one: the pool's threads answer the sampler's probes. */
  readonly others: number;
}

async function shareOf(start: Start): Promise<Share> {
  const known = new Set(threads());
  const running = start();
  await sleep(WARM_MS);
  const before = cpuByThread();
  const startMs = performance.now();
  await sleep(STRETCH_MS);
  const percent = (ns: number): number => ns / 1e4 / (performance.now() - startMs);
  const grown = [...cpuByThread()].map(([thread, ns]) => {
    return { thread, percent: percent(ns - (before.get(thread) ?? 0)) };
  });
  await running.close();
  const main = String(process.pid);
  const sum = (parts: typeof grown): number => parts.reduce((all, part) => all + part.percent, 0);
  return {
    main: sum(grown.filter(({ thread }) => thread === main)),
    longest: Math.max(
      ...grown.filter(({ thread }) => !known.has(thread)).map((part) => part.percent),
    ),
    others: sum(grown.filter(({ thread }) => thread !== main)),
  };
}

function threads(): string[] {
  return readdirSync("/proc/self/task");
}

/** Nanoseconds on a processor, by thread. Only where there is Linux's /proc. */
function cpuByThread(): Map<string, number> {
  return new Map(
    threads().map((thread) => {
      const text = readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8");
      return [thread, Number(text.split(" ")[0])];
    }),
  );
}
