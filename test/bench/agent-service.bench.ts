/**
 * P3: what the agent costs a real service: three express tiers, each a process, recording state, messages
 * and requests, shipping all of it. The same tiers without it, and with OpenTelemetry's SDK, its http
 * instrumentation and a batch exporter (OTLP, protobuf), take turns in the same run.
 *
 * A closed loop keeps all cores busy, so each microsecond that an instrumentation takes is missing from
 * the throughput; so is the work of the sink that takes the batches and the spans, which would be another
 * machine's. Bare tiers run twice: what the two differ by is the noise.
 *
 * Differences are taken pair by pair, in one round, and their median is reported. The p99 counts as
 * unchanged where the 95 % interval of that median (order statistics) holds zero.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Figure } from "./figure.ts";
import { type Load, Shop, type Variant } from "./shop.ts";
import { median } from "./support.ts";

export const title = "what the agent costs a service of three tiers (P3)";

const PAIRS = Number(process.env["RETROSCOPE_BENCH_PAIRS"] ?? 30);
/** Each alone, before the turns begin: until V8 has compiled what is hot, it measures V8's compiler. */
const WARM_UP_MS = 9_000;
/** On a busy machine that time holds few requests: at 130 a second V8 had compiled next to nothing. */
const WARM_UP_REQUESTS = 10_000;
const STRETCH_MS = 1_500;
const CONCURRENCY = 16;
const NAMES = ["bare", "bare again", "retroscope", "opentelemetry"] as const;
type Name = (typeof NAMES)[number];
const WORKLOAD =
  `3 express tiers, ${CONCURRENCY} connections in a closed loop, warm for ${WARM_UP_MS} ms and ${WARM_UP_REQUESTS} requests, ${PAIRS} rounds of ${STRETCH_MS} ms each in turns; ` +
  "a request: 3 state changes, 10 message events, 3 requests; all shipped to a sink in another process";

export async function run(report: (figure: Figure) => void): Promise<void> {
  const sinkFile = fileURLToPath(new URL("./batch-sink.js", import.meta.url));
  const sink = spawn(process.execPath, [sinkFile], { stdio: ["pipe", "pipe", "inherit"] });
  const shops = new Map<Name, Shop>();
  try {
    const [port] = (await once(sink.stdout, "data")) as [Buffer];
    const url = `http://127.0.0.1:${String(port).trim()}`;
    for (const name of NAMES) {
      const variant = name === "bare again" ? "bare" : name;
      const shop = await Shop.open(variant satisfies Variant, url, CONCURRENCY);
      shops.set(name, shop);
      await shop.load(WARM_UP_MS, WARM_UP_REQUESTS);
    }
    reportAll(await takeTurns(shops), report);
  } finally {
    for (const shop of shops.values()) shop.close();
    sink.kill();
  }
}

async function takeTurns(shops: ReadonlyMap<Name, Shop>): Promise<Record<Name, Load[]>> {
  const loads: Record<Name, Load[]> = {
    ...{ bare: [], "bare again": [], retroscope: [], opentelemetry: [] },
  };
  for (let round = 0; round < PAIRS; round += 1) {
    for (let i = 0; i < NAMES.length; i += 1) {
      const name = NAMES[(i + round) % NAMES.length] as Name;
      loads[name].push(await (shops.get(name) as Shop).load(STRETCH_MS));
    }
  }
  return loads;
}

function reportAll(loads: Record<Name, Load[]>, report: (figure: Figure) => void): void {
  /** Of each round: by how many percent `name` is worse than the bare tiers. */
  const losses = (name: Name): number[] =>
    loads[name].map((load, i) => 100 * (1 - load.requestsPerSecond / bare(i).requestsPerSecond));
  const p99Changes = (name: Name): number[] =>
    loads[name].map((load, i) => 100 * (load.p99Ms / bare(i).p99Ms - 1));
  const bare = (i: number): Load => loads.bare[i] as Load;
  const cpu = (name: Name): number => median(loads[name].map((load) => load.cpuUs));
  /** Of the rounds that others disturbed least. */
  const quietCpu = (name: Name): number => quintile(loads[name].map((load) => load.cpuUs));

  const otelLoss = { what: "OpenTelemetry", value: median(losses("opentelemetry")) };
  report({
    ...{ metric: "throughput loss", value: median(losses("retroscope")), unit: "%" },
    ...{ better: "lower", against: otelLoss, goal: { atMost: 3 }, workload: WORKLOAD },
  });
  const otelP99 = { what: "OpenTelemetry", value: median(p99Changes("opentelemetry")) };
  const [low, high] = medianInterval(p99Changes("retroscope"));
  report({
    ...{ metric: "p99 change", value: median(p99Changes("retroscope")), unit: "%" },
    ...{ better: "lower", against: otelP99, workload: WORKLOAD },
  });
  report({
    ...{ metric: "p99 change, 95 % interval from", value: low, unit: "%" },
    ...{ better: "lower", goal: { atMost: 0 }, workload: WORKLOAD },
  });
  report({
    ...{ metric: "p99 change, 95 % interval to", value: high, unit: "%" },
    ...{ better: "lower", workload: WORKLOAD },
  });
  report({
    ...{ metric: "CPU a request, added to the tiers", value: cpu("retroscope") - cpu("bare") },
    ...{ unit: "us", better: "lower", workload: WORKLOAD },
    against: { what: "OpenTelemetry", value: cpu("opentelemetry") - cpu("bare") },
  });
  report({
    ...{ metric: "CPU a request, added, least disturbed fifth" },
    ...{ value: quietCpu("retroscope") - quietCpu("bare") },
    ...{ unit: "us", better: "lower", workload: WORKLOAD },
    against: { what: "OpenTelemetry", value: quietCpu("opentelemetry") - quietCpu("bare") },
  });
  report({
    ...{ metric: "CPU a request, bare tiers", value: cpu("bare"), unit: "us" },
    ...{ better: "lower", workload: WORKLOAD },
  });
  const [noiseLow, noiseHigh] = medianInterval(p99Changes("bare again"));
  for (const [metric, value] of [
    ["noise: throughput loss of bare tiers", median(losses("bare again"))],
    ["noise: p99 change of bare tiers, from", noiseLow],
    ["noise: p99 change of bare tiers, to", noiseHigh],
  ] as const) {
    report({ metric, value, unit: "%", better: "lower", workload: WORKLOAD });
  }
}

function quintile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 5)] ?? Number.NaN;
}

/** The 95 % interval of a median: the values at these ranks, whatever the distribution. */
function medianInterval(values: readonly number[]): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const reach = (1.96 * Math.sqrt(sorted.length)) / 2;
  const low = Math.max(0, Math.floor(sorted.length / 2 - reach));
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + reach));
  return [sorted[low] ?? Number.NaN, sorted[high] ?? Number.NaN];
}
