/**
 * P1: what one recorded state change costs the host.
 *
 * `record` is the call alone, on the real clock. `in all` is process CPU time until the collector's word
 * is there: recording, cutting, encoding, and HTTP to a sink in another process. The rival is a span's
 * start and end with a batch processor, whose exporter takes the spans and does nothing: no encoding and
 * no network, which flatters it.
 *
 * Allocation is the growth of V8's heap over a loop during which no garbage collection ran (rounds in
 * which one did are thrown away), divided by its changes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { PerformanceObserver } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import { getAgent, startAgent } from "retroscope";
import type { Figure } from "./figure.ts";
import { interleave, median, nsPerOperation } from "./support.ts";

export const title = "what one recorded state change costs the host (P1)";

const ROUNDS = 41;
/** Both sides are recorded in bursts; a batch processor's queue holds 2,048 spans. */
const BURST = 2_000;
/** Bursts of one measurement of CPU time, each given to the network before the next. */
const BURSTS = 100;
const VARIABLES = 64;
const WORKLOAD =
  `bursts of ${BURST} sets of 64 variables by handle, integers; real clock, window of 32 MiB, ` +
  `${ROUNDS} rounds in turns; in all: ${BURSTS} bursts, HTTP to a sink in another process`;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const sink = spawn(
    process.execPath,
    [fileURLToPath(new URL("./batch-sink.js", import.meta.url))],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  try {
    const [port] = (await once(sink.stdout, "data")) as [Buffer];
    await measure(`http://127.0.0.1:${String(port).trim()}`, report);
  } finally {
    sink.kill();
  }
}

async function measure(collector: string, report: (figure: Figure) => void): Promise<void> {
  const agent = startAgent({ service: "bench", collector, quiet: true, hooks: "none" });
  const handles = Array.from({ length: VARIABLES }, (_, i) => agent.variable("bench", `v${i}`));
  let value = 0;
  const recordBurst = (): void => {
    for (let i = 0; i < BURST; i += 1) {
      value += 1;
      handles[i % VARIABLES]?.set(value);
    }
  };

  const exporter: SpanExporter = {
    export: (_spans, done) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
  };
  const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer("bench");
  const spanBurst = (): void => {
    for (let i = 0; i < BURST; i += 1) tracer.startSpan("change").end();
  };

  const record = await interleave({
    rounds: ROUNDS,
    warmUpRounds: 20,
    candidates: {
      ours: async () => {
        const ns = nsPerOperation(BURST, recordBurst);
        await agent.flush();
        return ns;
      },
      spans: async () => {
        const ns = nsPerOperation(BURST, spanBurst);
        await provider.forceFlush();
        return ns;
      },
      clock: () =>
        nsPerOperation(BURST, () => {
          for (let i = 0; i < BURST; i += 1) value += performance.now() > 0 ? 1 : 0;
        }),
    },
  });
  report({
    metric: "record one change",
    value: record.ours.median,
    unit: "ns",
    better: "lower",
    against: { what: "span start + end", value: record.spans.median },
    goal: { atMost: 80 },
    workload: WORKLOAD,
  });
  report({
    metric: "record one change, against a span",
    value: record.ours.median,
    unit: "ns",
    better: "lower",
    against: { what: "span start + end", value: record.spans.median },
    goal: { of: "ratio", atLeast: 12 },
    workload: WORKLOAD,
  });
  report({
    metric: "of which one reading of performance.now()",
    value: record.clock.median,
    unit: "ns",
    better: "lower",
    workload: WORKLOAD,
  });

  const all = await interleave({
    rounds: 9,
    candidates: {
      ours: () => cpuPerOperation(recordBurst, () => agent.flush()),
      spans: () => cpuPerOperation(spanBurst, () => provider.forceFlush()),
    },
  });
  for (const goal of [{ atMost: 250 }, { of: "ratio", atLeast: 5 }] as const) {
    report({
      metric: "of" in goal ? "CPU in all, against a span" : "CPU of one change in all",
      value: all.ours.median,
      unit: "ns",
      better: "lower",
      against: { what: "span with batch processor", value: all.spans.median },
      goal,
      workload: WORKLOAD,
    });
  }

  report({
    metric: "allocated per change",
    value: await bytesPerChange(recordBurst),
    unit: "B",
    better: "lower",
    goal: { atMost: 0.5 },
    workload: `${WORKLOAD}; heap growth over ${BURST} changes without a collection, median`,
  });

  const { ownErrors, dropped } = getAgent().stats();
  if (ownErrors > 0 || dropped > 0) throw new Error(`${ownErrors} own errors, ${dropped} dropped`);
  await agent.close();
  await provider.shutdown();
}

/** CPU time of this process, user and system, per operation, until everything is shipped. */
async function cpuPerOperation(burst: () => void, ship: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < BURSTS; i += 1) {
    burst();
    // The loop turns once between bursts, as in a service; what is recorded is shipped at its interval.
    await new Promise((resolve) => setImmediate(resolve));
    if (i % 10 === 9) await ship();
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / (BURST * BURSTS);
}

async function bytesPerChange(burst: () => void): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  const growths: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const collectionsBefore = collections;
    const before = process.memoryUsage().heapUsed;
    burst();
    const growth = process.memoryUsage().heapUsed - before;
    // Entries of the observer come with the next turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    if (collections === collectionsBefore && growth >= 0) growths.push(growth / BURST);
  }
  observer.disconnect();
  return median(growths);
}
