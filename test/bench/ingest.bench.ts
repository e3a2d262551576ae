/**
 * P6: from the bytes of requests to durable and acknowledged, in one process, on a real disk.
 *
 * 64 agents each have one request outstanding, one batch in it, as agents do. Bodies are made between
 * the timed slices; a slice ends when all of it is acknowledged, so nothing is left to the next.
 * The rival decodes the same bytes and keeps one LMDB record per event, acknowledging a batch when it
 * is flushed. RETROSCOPE_BENCH_SECONDS=60 runs the 60 s of the goal.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import {
  type Batch,
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  eventsOf,
  type Hlc,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";
import { Ingest } from "#dist/collector/ingest/ingest.js";
import { nodeIngestTimers } from "#dist/collector/ingest/node-timers.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";
import type { Figure } from "./figure.ts";
import { MixedEvents } from "./wire-workload.ts";

export const title = "from received bytes to durable and acknowledged (P6)";

const SECONDS = Number(process.env["RETROSCOPE_BENCH_SECONDS"] ?? 5);
const AGENTS = 64;
const SLICE_EVENTS = 1_000_000;
const RIVAL_SLICE_EVENTS = 100_000;
const SEED = 1;
const BATCH_SIZES = [500, 4_096];

/** Takes a batch's bytes; resolves when it is durable. */
type Take = (bytes: Uint8Array) => Promise<unknown>;

interface Measured {
  readonly eventsPerSecond: number;
  readonly slowestSlice: number;
  readonly eventCount: number;
  readonly peakRssBytes: number;
  readonly bytesPerEvent: number;
  /** Opening the store again, with all its events. */
  readonly reopenMs: number;
}

export async function run(report: (figure: Figure) => void): Promise<void> {
  for (const size of BATCH_SIZES) {
    const ours = await withStore(size);
    const rival = await withRival(size);
    const workload =
      `${AGENTS} agents, one request of ${size} mixed events outstanding each, seed ${SEED}; ` +
      `${ours.eventCount.toLocaleString("en-US")} events in ${SECONDS} s of timed slices; ` +
      `the rival ${rival.eventCount.toLocaleString("en-US")}`;
    const against = { what: "one LMDB record per event", value: rival.eventsPerSecond };
    const name = `batches of ${size}`;
    report({
      metric: `ingest, ${name}`,
      value: ours.eventsPerSecond,
      unit: "events/s",
      better: "higher",
      against,
      goal: { atLeast: 2_000_000 },
      workload,
    });
    report({
      metric: `slowest slice of ${SLICE_EVENTS.toLocaleString("en-US")}, ${name}`,
      value: ours.slowestSlice,
      unit: "events/s",
      better: "higher",
      workload,
    });
    report({
      metric: `file, ${name}`,
      value: ours.bytesPerEvent,
      unit: "bytes/event",
      better: "lower",
      against: { what: "one LMDB record per event", value: rival.bytesPerEvent },
      workload,
    });
    report({
      metric: `open again, ${name}`,
      value: ours.reopenMs,
      unit: "ms",
      better: "lower",
      goal: { atMost: 2_000 },
      workload,
    });
    report({
      metric: `peak RSS, ${name}`,
      value: ours.peakRssBytes / 2 ** 20,
      unit: "MiB",
      better: "lower",
      workload,
    });
  }
}

async function withStore(size: number): Promise<Measured> {
  return inDirectory(async (directory) => {
    const store = await LmdbStore.open({ directory });
    const ingest = new Ingest({ store, timers: nodeIngestTimers() });
    const measured = await measure(size, SLICE_EVENTS, SECONDS, directory, (bytes) =>
      ingest.submit(bytes),
    );
    await ingest.close();
    await store.close();
    const start = performance.now();
    const again = await LmdbStore.open({ directory });
    const reopenMs = performance.now() - start;
    await again.close();
    return { ...measured, reopenMs };
  });
}

async function withRival(size: number): Promise<Measured> {
  return inDirectory(async (directory) => {
    const db: RootDatabase = open({ path: directory, noSubdir: false });
    const measured = await measure(
      size,
      RIVAL_SLICE_EVENTS,
      Math.min(SECONDS, 3),
      directory,
      (bytes) => putRows(db, decodeBatch(bytes)),
    );
    await db.close();
    return { ...measured, reopenMs: Number.NaN };
  });
}

async function putRows(db: RootDatabase, batch: Batch): Promise<void> {
  const { node, epoch } = batch.header;
  for (const event of eventsOf(batch)) void db.put([node, epoch, event.seq], event);
  await db.flushed;
}

async function measure(
  size: number,
  sliceEvents: number,
  seconds: number,
  directory: string,
  take: Take,
): Promise<Omit<Measured, "reopenMs">> {
  const agents = Array.from({ length: AGENTS }, (_, i) => new Agent(i, size));
  const perAgent = Math.max(1, Math.round(sliceEvents / size / AGENTS));
  const slices: number[] = [];
  let eventCount = 0;
  let timedMs = 0;
  let peakRssBytes = 0;
  for (let slice = 0; timedMs < seconds * 1_000; slice += 1) {
    const bodies = agents.map((agent) => Array.from({ length: perAgent }, () => agent.next()));
    const start = performance.now();
    await Promise.all(bodies.map((own) => inTurn(own, take)));
    const ms = performance.now() - start;
    peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
    if (slice === 0) continue; // warm-up
    timedMs += ms;
    eventCount += perAgent * AGENTS * size;
    slices.push((perAgent * AGENTS * size * 1_000) / ms);
  }
  const stored = eventCount + perAgent * AGENTS * size;
  return {
    eventsPerSecond: (eventCount * 1_000) / timedMs,
    slowestSlice: Math.min(...slices),
    eventCount,
    peakRssBytes,
    bytesPerEvent: statSync(join(directory, "data.mdb")).size / stored,
  };
}

async function inTurn(bodies: readonly Uint8Array[], take: Take): Promise<void> {
  for (const body of bodies) await take(body);
}

/** Makes the batches of one node, one after the other. */
class Agent {
  readonly #builder = new BatchBuilder();
  readonly #events: MixedEvents;
  readonly #index: number;
  readonly #size: number;
  #firstSeq = 1;

  constructor(index: number, size: number) {
    this.#index = index;
    this.#size = size;
    this.#events = new MixedEvents(SEED + index, (ticksFromUnixMs(Date.now()) - 1e9) as Hlc);
  }

  next(): Uint8Array {
    this.#builder.reset();
    if (this.#firstSeq === 1) {
      const instance = `i${this.#index}`;
      this.#builder.body(this.#events.t, { kind: "join", service: "shop", tags: {}, instance });
    }
    this.#events.addTo(this.#builder, this.#size - this.#builder.count);
    const bytes = encodeBatch(
      this.#builder.build({
        node: `shop@host-${this.#index}`,
        service: "shop",
        epoch: 217_000_000_000,
        firstSeq: this.#firstSeq,
        closed: this.#events.t,
      }),
    );
    this.#firstSeq += this.#size;
    return bytes;
  }
}

async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-bench-"));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
