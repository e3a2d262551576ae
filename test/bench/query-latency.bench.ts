/**
 * P11: the first row or hit of a query whose first hit lies in the first block of a long history, and how
 * soon a query that nobody wants any more has ended: text in, lines out, with the threads of the collector,
 * over the real store.
 *
 * RETROSCOPE_BENCH_EVENTS=1e8 runs the whole of the goal (some 5 GB in TMPDIR).
 */
import { nodeTimers } from "#dist/collector/cut/node-timers.js";
import { WorkerSlices } from "#dist/collector/rql/engine/worker-slices.js";
import { QueryRunner } from "#dist/collector/rql/run/query-runner.js";
import { WorkerThreads } from "#dist/collector/rql/run/worker-threads.js";
import { sizes } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";
import { median } from "./support.ts";
import { KEY, LOG, storeWalkHistory } from "./walk-workload.ts";

export const title = "first row of a query, and cancel (P11)";

const NODES = 10;
const ROUNDS = 15;
/** A query that is cancelled has been at work for so long. */
const WORK_MS = 50;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const [eventCount = 5_000_000] = sizes([5_000_000]);
  const stored = await storeWalkHistory(NODES, Math.floor(eventCount / NODES));
  const threads = new WorkerThreads();
  const slices = new WorkerSlices(2);
  const { history, from, to } = stored;
  const runner = new QueryRunner({
    ...{ history, threads, slices, timers: nodeTimers, now: () => to },
    report: (error) => String(error),
  });
  const firstRow: number[] = [];
  const cancelled: number[] = [];
  try {
    for (let round = -1; round < ROUNDS; round += 1) {
      history.dropCaches();
      const hit = `SELECT ${KEY} FROM ${LOG} WHEN Max(${KEY}) > 20`;
      const found = await untilLine(runner, { rql: hit, from, to }, /"type":"(?:row|hit)"/);
      const none = `SELECT ${KEY} FROM ${LOG} WHEN Max(${KEY}) < Min(${KEY})`;
      const ended = await untilCancelled(runner, { rql: none, from, to });
      if (round < 0) continue;
      firstRow.push(found);
      cancelled.push(ended);
    }
  } finally {
    await threads.close();
    await slices.close();
    await stored.close();
  }
  const workload =
    `${eventCount.toLocaleString("en-US")} changes on ${NODES} nodes, sealed in LMDB, nothing decoded; from ` +
    `the text to its first line, threads of the collector; ${ROUNDS} rounds`;
  const shared = { unit: "ms", better: "lower", workload } as const;
  const goal = { atMost: 100 };
  report({ metric: "first row or hit", value: median(firstRow), goal, ...shared });
  report({ metric: "the slowest of them", value: Math.max(...firstRow), ...shared });
  report({ metric: "cancel", value: median(cancelled), goal, ...shared });
  report({ metric: "the slowest cancel", value: Math.max(...cancelled), ...shared });
}

type Asked = Parameters<QueryRunner["answer"]>[0];

/** Milliseconds until such a line; then the query is given up. */
async function untilLine(runner: QueryRunner, asked: Asked, line: RegExp): Promise<number> {
  const aborting = new AbortController();
  const started = performance.now();
  let ms = Number.NaN;
  const write = (text: string): Promise<void> => {
    if (Number.isNaN(ms) && line.test(text)) {
      ms = performance.now() - started;
      aborting.abort();
    }
    return Promise.resolve();
  };
  await runner.answer(asked, () => write, aborting.signal);
  if (Number.isNaN(ms)) throw new Error("no such line");
  return ms;
}

/** Milliseconds from the wish to end until the query has. */
async function untilCancelled(runner: QueryRunner, asked: Asked): Promise<number> {
  const aborting = new AbortController();
  let abortedMs = Number.NaN;
  const timer = setTimeout(() => {
    abortedMs = performance.now();
    aborting.abort();
  }, WORK_MS);
  await runner.answer(asked, () => () => Promise.resolve(), aborting.signal);
  clearTimeout(timer);
  if (Number.isNaN(abortedMs)) throw new Error("it was over before it was cancelled");
  return performance.now() - abortedMs;
}
