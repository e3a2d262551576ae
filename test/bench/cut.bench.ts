/**
 * P8: the snapshot at a random past T, of 10 nodes with 1,000 variables each, at several sizes of
 * history; and DuckDB's `arg_max` over the same events, in the same process, in turns.
 *
 * Each T is drawn from the whole history, so nearly every batch and checkpoint is read and decoded for
 * the first time: the caches of decoded things are dropped before a round. The file is in the
 * operating system's page cache, for both. A cut is timed with reading each of its values. Every
 * round one answer is compared with DuckDB's.
 *
 * RETROSCOPE_BENCH_EVENTS=1e6,1e7,1e8 runs the whole of the goal.
 */
import { DOUBLE, DuckDBDataChunk, DuckDBInstance, INTEGER } from "@duckdb/node-api";
import { addMs, type Hlc } from "#dist/agent/kernel/index.js";
import type { Cut } from "#dist/collector/cut/history.js";
import { seededRandom } from "../support/seeded-random.ts";
import {
  type BusyHistory,
  MESSAGES_PER_SECOND,
  SECONDS,
  storeBusyHistory,
} from "./cut-messages.ts";
import {
  KEYS,
  keyName,
  NODES,
  NodeChanges,
  nodeName,
  percentile,
  type StoredHistory,
  sizes,
  storeHistory,
} from "./cut-workload.ts";
import type { Figure } from "./figure.ts";

export const title = "snapshot at a random past T (P8)";

const ROUNDS = 5;
const CUTS_PER_ROUND = 60;
const CHUNK_ROWS = 2_048;
const BUSY_PLACES = 5;
const DRAGGED_CUTS = 60;
/** 20 ms: a hand that drags over ten seconds in as many. */
const DRAG_TICKS = 20 * 4_096;
const QUERY = `SELECT node, key, arg_max(value, t) AS value FROM events
               WHERE t <= $1 GROUP BY node, key`;

/** The state as one number per variable, to compare answers and to make sure that all was read. */
type Sums = Float64Array;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const medians: number[] = [];
  for (const eventCount of sizes([1_000_000, 10_000_000])) {
    medians.push(await runSize(eventCount, report));
  }
  await runBusy(report);
  if (medians.length < 2) return;
  report({
    metric: "p50 at the largest size / at the smallest",
    value: (medians.at(-1) as number) / (medians[0] as number),
    unit: "times",
    better: "lower",
    goal: { atMost: 1.5 },
    workload: "as above",
  });
}

async function runSize(eventCount: number, report: (figure: Figure) => void): Promise<number> {
  const stored = await storeHistory(eventCount);
  const duck = await Duck.load(eventCount);
  const random = seededRandom(eventCount);
  const cuts: number[] = [];
  const rival: number[] = [];
  try {
    timeCuts(stored, random, 200, []);
    await duck.sumsAt(stored.last);
    for (let round = 0; round < ROUNDS; round += 1) {
      stored.history.dropCaches();
      timeCuts(stored, random, CUTS_PER_ROUND, cuts);
      const t = randomTime(stored, random);
      const started = performance.now();
      const theirs = await duck.sumsAt(t);
      rival.push(performance.now() - started);
      compare(sumsOf(stored.history.cutAt(t)), theirs, t);
    }
  } finally {
    duck.close();
    await stored.close();
  }
  const size = `${eventCount.toLocaleString("en-US")} events`;
  const workload =
    `${size}, ${NODES} nodes x ${KEYS} variables in LMDB, batches of 1,000; ` +
    `${ROUNDS} rounds of ${CUTS_PER_ROUND} cuts at random T, decoded caches dropped before each; ` +
    `checkpoints written in ${(stored.checkpointMs / 1_000).toFixed(1)} s`;
  const against = { what: "DuckDB arg_max", value: percentile(rival, 0.5) };
  const p50 = percentile(cuts, 0.5);
  report({
    metric: `cut p50, ${size}`,
    value: p50,
    unit: "ms",
    better: "lower",
    against,
    goal: { atMost: 3 },
    workload,
  });
  report({
    metric: `cut p99, ${size}`,
    value: percentile(cuts, 0.99),
    unit: "ms",
    better: "lower",
    goal: { atMost: 15 },
    workload,
  });
  return p50;
}

/** Cuts with messages in flight: the first near a time, and those of somebody who drags the cut on. */
async function runBusy(report: (figure: Figure) => void): Promise<void> {
  const busy = await storeBusyHistory();
  const cold: number[] = [];
  const coldEnd: number[] = [];
  const warm: number[] = [];
  try {
    const random = seededRandom(5);
    for (let place = 0; place < BUSY_PLACES; place += 1) {
      busy.history.dropCaches();
      const start = randomTime(busy, random);
      timeBusyCut(busy, start, cold);
      for (let i = 0; i < DRAGGED_CUTS; i += 1) {
        const t = Math.min(start + i * DRAG_TICKS, busy.last) as Hlc;
        timeBusyCut(busy, t, warm);
      }
      busy.history.dropCaches();
      timeBusyCut(busy, addMs(busy.end, -1_000 - 200 * place), coldEnd);
    }
  } finally {
    await busy.close();
  }
  const workload =
    `${NODES} nodes x ${KEYS} variables in LMDB, each ${MESSAGES_PER_SECOND} messages and as many ` +
    `changes a second for ${SECONDS} s; ${BUSY_PLACES} places with nothing decoded, from each ` +
    `${DRAGGED_CUTS} cuts 20 ms apart`;
  const unit = "ms";
  const better = "lower";
  report({
    metric: "cut with messages p50, dragged",
    value: percentile(warm, 0.5),
    unit,
    better,
    goal: { atMost: 5 },
    workload,
  });
  report({
    metric: "cut with messages p95, dragged",
    value: percentile(warm, 0.95),
    unit,
    better,
    goal: { atMost: 15 },
    workload,
  });
  report({
    metric: "cut with messages, the first at a place",
    value: percentile(cold, 0.5),
    unit,
    better,
    goal: { atMost: 15 },
    workload,
  });
  report({
    metric: "the same in the last minute, not joined yet",
    value: percentile(coldEnd, 0.5),
    unit,
    better,
    workload,
  });
}

function timeBusyCut({ history }: BusyHistory, t: Hlc, into: number[]): void {
  const started = performance.now();
  const cut = history.cutAt(t);
  const read = sumValues(cut);
  into.push(performance.now() - started);
  // Two milliseconds and more on the way, one message in two milliseconds and node.
  if (!cut.complete || !(read >= 0) || cut.inFlight.length < NODES) {
    throw new Error(`the cut at ${t} has ${cut.inFlight.length} messages in flight`);
  }
}

function timeCuts(
  { history, first, last }: StoredHistory,
  random: () => number,
  count: number,
  into: number[],
): void {
  for (let i = 0; i < count; i += 1) {
    const t = randomTime({ first, last }, random);
    const started = performance.now();
    const cut = history.cutAt(t);
    const read = sumValues(cut);
    into.push(performance.now() - started);
    if (!cut.complete || !(read >= 0)) throw new Error(`the cut at ${t} is not complete`);
  }
}

function randomTime(
  { first, last }: { readonly first: Hlc; readonly last: Hlc },
  random: () => number,
): Hlc {
  return Math.floor(first + random() * (last - first)) as Hlc;
}

function sumValues(cut: Cut): number {
  let sum = 0;
  for (const { logs } of cut.nodes.values()) {
    for (const variables of logs.values()) {
      variables.forEach((value) => {
        sum += value as number;
      });
    }
  }
  return sum;
}

function sumsOf(cut: Cut): Sums {
  const sums = new Float64Array(NODES * KEYS).fill(-1);
  for (let node = 0; node < NODES; node += 1) {
    const variables = cut.nodes.get(nodeName(node))?.logs.get("accounts");
    for (let key = 0; key < KEYS; key += 1) {
      sums[node * KEYS + key] = (variables?.get(keyName(key)) as number | undefined) ?? -1;
    }
  }
  return sums;
}

function compare(ours: Sums, theirs: Sums, t: Hlc): void {
  const different = ours.findIndex((value, index) => value !== theirs[index]);
  if (different >= 0) throw new Error(`at ${t}: variable ${different} differs from DuckDB's`);
}

/** The same events in a DuckDB table, in memory, in order of time. */
class Duck {
  readonly #instance: DuckDBInstance;
  readonly #connection: Awaited<ReturnType<DuckDBInstance["connect"]>>;

  private constructor(
    instance: DuckDBInstance,
    connection: Awaited<ReturnType<DuckDBInstance["connect"]>>,
  ) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async load(eventCount: number): Promise<Duck> {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run(
      "CREATE TABLE events (node INTEGER, key INTEGER, t DOUBLE, value INTEGER)",
    );
    const appender = await connection.createAppender("events");
    const nodes = Array.from({ length: NODES }, (_, node) => new NodeChanges(node));
    const rounds = Math.floor(eventCount / NODES);
    for (let done = 0; done < rounds; ) {
      const count = Math.min(Math.floor(CHUNK_ROWS / NODES), rounds - done);
      const columns: [number[], number[], number[], number[]] = [[], [], [], []];
      for (let i = 0; i < count; i += 1) {
        for (const [node, changes] of nodes.entries()) {
          changes.next();
          columns[0].push(node);
          columns[1].push(changes.key);
          columns[2].push(changes.t);
          columns[3].push(changes.value);
        }
      }
      const chunk = DuckDBDataChunk.create([INTEGER, INTEGER, DOUBLE, INTEGER], count * NODES);
      chunk.setColumns(columns);
      appender.appendDataChunk(chunk);
      done += count;
    }
    appender.closeSync();
    return new Duck(instance, connection);
  }

  async sumsAt(t: Hlc): Promise<Sums> {
    const result = await this.#connection.run(QUERY, [t], [DOUBLE]);
    const rows = await result.getColumns();
    const [node = [], key = [], value = []] = rows;
    const sums = new Float64Array(NODES * KEYS).fill(-1);
    for (let i = 0; i < node.length; i += 1) {
      sums[(node[i] as number) * KEYS + (key[i] as number)] = value[i] as number;
    }
    return sums;
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}
