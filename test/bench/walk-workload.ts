/**
 * Histories for the benches `walk`, `walk-wide` and `query-latency`: nodes of which each holds a version
 * number in one variable and raises it again and again, in the real store, sealed as the collector seals.
 *
 * Versions rise by about one a time and lag behind each other by a few; now and then a node jumps ahead, so
 * that a condition on the distance turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatchBuilder, encodeBatch, type Hlc, KindCode } from "#dist/agent/kernel/index.js";
import { createHistory, type LiveHistory } from "#dist/collector/cut/create-history.js";
import { nodeTimers } from "#dist/collector/cut/node-timers.js";
import { checkText } from "#dist/collector/rql/check/check.js";
import { searchPlain } from "#dist/collector/rql/engine/plain-search.js";
import type { SliceResult } from "#dist/collector/rql/engine/slice-result.js";
import type { SliceThreads } from "#dist/collector/rql/engine/slice-threads.js";
import { Interpretation } from "#dist/collector/rql/interpret/interpretation.js";
import { RUN_LIMITS } from "#dist/collector/rql/limits.js";
import { FoldedStates } from "#dist/collector/rql/run/fold.js";
import type { EpochRecord, StoredBatch } from "#dist/collector/store/history-store.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";
import { seededRandom } from "../support/seeded-random.ts";
import { START } from "./cut-workload.ts";

export const LOG = "setd";
export const KEY = "vr1";
const BATCH_EVENTS = 1_000;
const BATCHES_PER_WRITE = 64;
const EPOCH = 1;
/** Ticks between two changes of one node, on average. */
const STEP_TICKS = 4_096;
/** As the collector's (run-limits.ts). */
const FIRST_EVENTS = 16_384;
/** Once in so many changes a node jumps ahead. */
const JUMP_EVERY = 20_000;
const JUMP = 50;

export interface WalkHistory {
  readonly history: LiveHistory;
  readonly nodes: readonly string[];
  readonly from: Hlc;
  readonly to: Hlc;
  readonly eventCount: number;
  readonly sealMs: number;
  close(): Promise<void>;
}

export function walkNode(node: number): string {
  return `replica-${node.toString().padStart(4, "0")}`;
}

/** A store of `nodes` nodes with `perNode` changes each. TMPDIR says where. */
export async function storeWalkHistory(nodes: number, perNode: number): Promise<WalkHistory> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-bench-walk-"));
  const store = await LmdbStore.open({ directory });
  let first = 0;
  let last = Number.POSITIVE_INFINITY;
  for (let node = 0; node < nodes; node += 1) {
    const { firstT, lastT } = await storeNode(store, node, perNode);
    first = Math.max(first, firstT);
    last = Math.min(last, lastT);
  }
  const history = createHistory({ store, timers: nodeTimers });
  const started = performance.now();
  history.notifyStored();
  await history.idle();
  if (history.sealer.failure !== undefined) throw history.sealer.failure;
  // Fewer than a segment's worth of events of a node stay as they came.
  if (history.sealer.segmentCount < nodes) throw new Error("not every node was sealed");
  return {
    history,
    nodes: Array.from({ length: nodes }, (_, node) => walkNode(node)),
    from: first as Hlc,
    to: last as Hlc,
    eventCount: nodes * perNode,
    sealMs: performance.now() - started,
    async close() {
      await history.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function storeNode(
  store: LmdbStore,
  node: number,
  count: number,
): Promise<{ readonly firstT: Hlc; readonly lastT: Hlc }> {
  const id = store.nextEpochId();
  const random = seededRandom(7_000 + node);
  const builder = new BatchBuilder();
  let batches: StoredBatch[] = [];
  let t: number = START;
  let firstT = 0;
  let value = 0;
  for (let done = 0; done < count; ) {
    const ofBatch = Math.min(BATCH_EVENTS, count - done);
    for (let i = 0; i < ofBatch; i += 1) {
      t += 1 + Math.floor(random() * 2 * STEP_TICKS);
      if (firstT === 0) firstT = t;
      // What the clock says a replica should have, give or take a few; far ahead for one change now and then.
      const due = Math.floor((t - START) / STEP_TICKS) + Math.floor(random() * 8);
      const jump = random() * JUMP_EVERY < 1 ? JUMP : 0;
      // Each is a change: never what it was.
      value = due + jump === value ? value + 1 : due + jump;
      builder.change(t as Hlc, KindCode.set, LOG, KEY, value);
    }
    const batch = builder.build({
      ...{ node: walkNode(node), service: "setd", epoch: EPOCH },
      ...{ firstSeq: done + 1, closed: t as Hlc },
    });
    builder.reset();
    const { firstSeq, lastSeq, firstT: begin, lastT } = batch.header;
    batches.push({
      ...{ epochId: id, firstSeq, lastSeq, firstT: begin, lastT, arrivalMs: 0 },
      bytes: encodeBatch(batch),
    });
    done += ofBatch;
    if (batches.length < BATCHES_PER_WRITE && done < count) continue;
    const record = recordOf(id, node, firstT as Hlc, t as Hlc, done);
    await store.write({
      ...{ batches, epochs: [record] },
      ...{ violations: [], slowMessages: [], staleCheckpoints: [] },
    });
    batches = [];
  }
  return { firstT: firstT as Hlc, lastT: t as Hlc };
}

function recordOf(id: number, node: number, firstT: Hlc, lastT: Hlc, count: number): EpochRecord {
  return {
    ...{ id, node: walkNode(node), epoch: EPOCH, service: "setd", tags: {}, instance: "bench" },
    ...{ imported: false, joined: firstT, lost: [], contiguousSeq: count },
    stored: [{ first: 1, last: count, firstT, lastT, closed: lastT }],
    ...{ watermark: lastT, closed: lastT, lastT, end: null },
    ...{ firstArrivalMs: 0, lastArrivalMs: 0, eventCount: count },
    logs: { [LOG]: { firstT, lastT, changeCount: count } },
    status: null,
  };
}

/** What a search came to. */
export interface Searched {
  readonly cuts: number;
  /** Turns of the condition. */
  readonly turns: number;
  readonly ms: number;
  readonly firstTurnMs: number;
}

export const schemaOf = (nodes: readonly string[]): Parameters<typeof checkText>[1]["schema"] => ({
  logs: new Map([[LOG, [KEY]]]),
  nodes,
  services: ["setd"],
});

/** Searches all of a history in slices. */
export async function searchAll(
  stored: WalkHistory,
  condition: string,
  threads: SliceThreads,
): Promise<Searched> {
  const { history, nodes, from, to } = stored;
  const columns = history.columns({ from, to, columns: [{ log: LOG, key: KEY }], leastEvents: 1 });
  const slices = threads.open({
    ...{ text: `SELECT ${KEY} FROM ${LOG} WHEN ${condition} COUNT`, schema: schemaOf(nodes) },
    ...{ now: to, index: 0, nodes, limits: RUN_LIMITS },
  });
  let cuts = 0;
  let turns = 0;
  let firstTurnMs = Number.NaN;
  const started = performance.now();
  const pass = (result: SliceResult): Promise<boolean> => {
    if (turns === 0 && result.turns.length > 0) firstTurnMs = performance.now() - started;
    cuts += result.cuts;
    turns += result.turns.length;
    return Promise.resolve(false);
  };
  try {
    const [stretch, another] = await columns.stretches();
    if (stretch === undefined || another !== undefined) throw new Error("one plain stretch");
    const reached = await searchPlain({
      columns,
      slices,
      stretch,
      firstEvents: FIRST_EVENTS,
      pass,
    });
    if (reached !== to) throw new Error(`only up to ${reached} of ${to}`);
  } finally {
    slices.close();
  }
  return { cuts, turns, ms: performance.now() - started, firstTurnMs };
}

/** The same by the interpreter, up to `end`. */
export async function interpretUntil(
  { history, nodes, from }: WalkHistory,
  condition: string,
  end: Hlc,
): Promise<Searched> {
  const text = `SELECT ${KEY} FROM ${LOG} WHEN ${condition} COUNT`;
  const [query] = checkText(text, { schema: schemaOf(nodes), now: end });
  if (query === undefined) throw new Error("no query");
  const columns = [{ log: LOG, key: KEY }];
  const feed = history.feed({ from, to: end, columns });
  const { services } = feed;
  const states = new FoldedStates({ from, to: end, nodes, services, columns, lastChanges: [] });
  const run = new Interpretation(query, states, {});
  const started = performance.now();
  for (const line of run.begin()) if (line.type === "error") throw new Error(line.message);
  for (;;) {
    const chunk = await feed.next();
    if (chunk === undefined) break;
    for (const step of chunk.steps) for (const line of run.take(states.take(step))) void line;
  }
  for (const line of run.finish()) void line;
  return { cuts: run.cuts, turns: 0, ms: performance.now() - started, firstTurnMs: Number.NaN };
}
