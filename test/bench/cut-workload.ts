/**
 * Histories for the benches `cut` and `timeline`: nodes that change counters at a steady rate, put into
 * the real store as real encoded batches, with the checkpoints that the collector would have written.
 *
 * The same events can be had again from the seed, one by one, for a rival or an oracle.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addMs,
  type Batch,
  BatchBuilder,
  encodeBatch,
  type Hlc,
  KindCode,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";
import { createHistory, type LiveHistory } from "#dist/collector/cut/create-history.js";
import { nodeTimers } from "#dist/collector/cut/node-timers.js";
import type { EpochRecord, StoredBatch } from "#dist/collector/store/history-store.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";
import { seededRandom } from "../support/seeded-random.ts";

export const NODES = 10;
export const KEYS = 1_000;
/** What an agent ships at once, at a thousand changes a second and node. */
export const BATCH_EVENTS = 1_000;
export const EVENTS_PER_SECOND = 1_000;
const BATCHES_PER_WRITE = 64;
const EPOCH = 1;
export const START: Hlc = ticksFromUnixMs(Date.UTC(2026, 10, 21));

/** `random`: any number below 100,000; `counters`: what the variable was, and 1 to 3 more. */
export type ChangeKind = "random" | "counters";

/** The changes of one node, always the same for one node. */
export class NodeChanges {
  readonly #counters: Float64Array | undefined;
  readonly #random: () => number;
  #t = START as number;
  key = 0;
  value = 0;

  constructor(node: number, kind: ChangeKind = "random") {
    if (kind === "counters") this.#counters = new Float64Array(KEYS);
    this.#random = seededRandom(1_000 + node);
  }

  get t(): Hlc {
    return this.#t as Hlc;
  }

  next(): void {
    // Mean one event in 1/EVENTS_PER_SECOND s, never two at a time.
    this.#t += 1 + Math.floor(this.#random() * 2 * (4_096_000 / EVENTS_PER_SECOND));
    this.key = Math.floor(this.#random() * KEYS);
    const drawn = this.#random();
    if (this.#counters === undefined) {
      this.value = Math.floor(drawn * 100_000);
    } else {
      this.value = (this.#counters[this.key] as number) + 1 + Math.floor(drawn * 3);
      this.#counters[this.key] = this.value;
    }
  }
}

export function nodeName(node: number): string {
  return `store-${node}`;
}

export function keyName(key: number): string {
  return `account-${key.toString().padStart(4, "0")}`;
}

export interface StoredHistory {
  readonly store: LmdbStore;
  readonly history: LiveHistory;
  /** By then every node has changed something ... */
  readonly first: Hlc;
  /** ... and up to here nothing is missing. */
  readonly last: Hlc;
  readonly checkpointMs: number;
  close(): Promise<void>;
}

/**
 * A store of `eventCount` events in a directory of its own, ready to be asked. TMPDIR says where: a
 * hundred million take some 5 GB. They go to the disk as they are made.
 */
export async function storeHistory(
  eventCount: number,
  directory: string = mkdtempSync(join(tmpdir(), "retroscope-bench-cut-")),
): Promise<StoredHistory> {
  const store = await LmdbStore.open({ directory });
  const perNode = Math.floor(eventCount / NODES);
  let last = Number.POSITIVE_INFINITY;
  for (let node = 0; node < NODES; node += 1) {
    last = Math.min(last, await storeNode(store, node, perNode));
  }
  const history = createHistory({ store, timers: nodeTimers });
  const started = performance.now();
  history.notifyStored();
  await history.idle();
  if (history.checkpointer.failure !== undefined) throw history.checkpointer.failure;
  return {
    store,
    history,
    first: addMs(START, 10),
    last: last as Hlc,
    checkpointMs: performance.now() - started,
    async close() {
      await history.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Puts the changes of one node into a store; the time of the last. */
export async function storeNode(
  store: LmdbStore,
  node: number,
  eventCount: number,
  kind: ChangeKind = "random",
): Promise<Hlc> {
  const id = store.nextEpochId();
  const changes = new NodeChanges(node, kind);
  const builder = new BatchBuilder();
  let batches: StoredBatch[] = [];
  let stored = 0;
  let firstT = Number.NaN as Hlc;
  while (stored < eventCount) {
    const count = Math.min(BATCH_EVENTS, eventCount - stored);
    for (let i = 0; i < count; i += 1) {
      changes.next();
      if (Number.isNaN(firstT)) firstT = changes.t;
      builder.change(changes.t, KindCode.set, "accounts", keyName(changes.key), changes.value);
    }
    const batch = builder.build({
      node: nodeName(node),
      service: "store",
      epoch: EPOCH,
      firstSeq: stored + 1,
      closed: changes.t,
    });
    builder.reset();
    batches.push(storedBatch(id, batch));
    stored += count;
    if (batches.length === BATCHES_PER_WRITE || stored === eventCount) {
      const record = recordOf(id, node, firstT, changes.t, stored);
      await store.write({
        batches,
        epochs: [record],
        violations: [],
        slowMessages: [],
        staleCheckpoints: [],
      });
      batches = [];
    }
  }
  return changes.t;
}

function storedBatch(epochId: number, batch: Batch): StoredBatch {
  const { firstSeq, lastSeq, firstT, lastT } = batch.header;
  return { epochId, firstSeq, lastSeq, firstT, lastT, arrivalMs: 0, bytes: encodeBatch(batch) };
}

export function recordOf(
  id: number,
  node: number,
  firstT: Hlc,
  lastT: Hlc,
  count: number,
): EpochRecord {
  return {
    id,
    node: nodeName(node),
    epoch: EPOCH,
    service: "store",
    tags: {},
    instance: "bench",
    imported: false,
    joined: firstT,
    stored: [{ first: 1, last: count, firstT, lastT, closed: lastT }],
    lost: [],
    contiguousSeq: count,
    watermark: lastT,
    closed: lastT,
    lastT,
    end: null,
    firstArrivalMs: 0,
    lastArrivalMs: 0,
    eventCount: count,
    logs: { accounts: { firstT, lastT, changeCount: count } },
    status: null,
  };
}

/** The sizes to run: RETROSCOPE_BENCH_EVENTS=1e6,1e7,1e8 overrides. */
export function sizes(fallback: readonly number[]): readonly number[] {
  const asked = process.env["RETROSCOPE_BENCH_EVENTS"];
  return asked === undefined ? fallback : asked.split(",").map(Number);
}

/** The value below which a share of the sorted values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
