/**
 * P7: bytes of one small numeric change at rest, index and checkpoints included; and how quickly sealed
 * columns are read again (what P9 walks over).
 *
 * The history is stored as ingest stores it, in batches of 1,000 changes; then everything behind ingest
 * has its turn: checkpoints, tiles, segments. "Live" are the pages of the file that hold something, "file"
 * is all of it: pages of batches that were sealed are free and used again, but the file keeps its length.
 *
 * Two kinds of change: `random`, that of bench `cut` (any of 1,000 variables to any number below 100,000
 * at any time: 40 bits of chance in each, so 5 bytes are the least that anybody could store), and
 * `counters`, where a variable rises by 1 to 3.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  decodeBatch,
  eventLine,
  eventsOf,
  type Hlc,
  MAX_HLC,
  MIN_HLC,
} from "#dist/agent/kernel/index.js";
import { createHistory } from "#dist/collector/cut/create-history.js";
import { nodeTimers } from "#dist/collector/cut/node-timers.js";
import type { StoredBatch } from "#dist/collector/store/history-store.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";
import { isSegment } from "#dist/collector/store/segment-header.js";
import { readStored } from "#dist/collector/store/segment-reader.js";
import { type ChangeKind, NODES, sizes, storeNode } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";
import { interleave, nsPerOperation } from "./support.ts";

export const title = "bytes per small numeric change at rest, and reading them (P7)";

/** Batches whose events are written as lines for gzip: every so many-th of all. */
const LINES_EVERY = 20;
const GZIP_CHUNK_BATCHES = 16;
const DECODE_ROUNDS = 9;
const DECODED_SEGMENTS = 32;

export async function run(report: (figure: Figure) => void): Promise<void> {
  for (const eventCount of sizes([1_000_000])) {
    for (const kind of ["random", "counters"] as const) await runOne(kind, eventCount, report);
  }
}

async function runOne(
  kind: ChangeKind,
  eventCount: number,
  report: (figure: Figure) => void,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-bench-store-size-"));
  const store = await LmdbStore.open({ directory });
  try {
    const perNode = Math.floor(eventCount / NODES);
    for (let node = 0; node < NODES; node += 1) await storeNode(store, node, perNode, kind);
    const asBatches = store.usage().usedBytes / eventCount;
    const gzip = gzippedLineBytes(store);
    const wire = batchesOf(store, DECODED_SEGMENTS * 8);
    const history = createHistory({ store, timers: nodeTimers });
    history.notifyStored();
    await history.idle();
    for (const { failure } of [history.checkpointer, history.sealer]) {
      if (failure !== undefined) throw failure;
    }
    const { usedBytes } = store.usage();
    const fileBytes = statSync(join(directory, "data.mdb")).size;
    const segments = segmentsOf(store);
    const sealed = segments.reduce((sum, one) => sum + one.lastSeq - one.firstSeq + 1, 0);
    const size = `${eventCount.toLocaleString("en-US")} changes`;
    const workload =
      `${kind}: ${size} of ${NODES} nodes x 1,000 variables in batches of 1,000; ` +
      `${segments.length} segments hold ${((100 * sealed) / eventCount).toFixed(1)} % of them; ` +
      `gzip -1 of every ${LINES_EVERY}th batch as event lines, ${GZIP_CHUNK_BATCHES} batches a time`;
    const figure = { unit: "bytes", better: "lower", workload } as const;
    const against = { what: "gzip -1 of event lines", value: gzip };
    const goal = { atMost: 6 };
    const value = usedBytes / eventCount;
    report({ ...figure, metric: `${kind}: a change at rest, live`, value, against, goal });
    report({
      ...figure,
      metric: `${kind}: a change in the file`,
      value: fileBytes / eventCount,
      against,
    });
    report({ ...figure, metric: `${kind}: a change before it is sealed, live`, value: asBatches });
    await decodeSpeed(store, kind, segments.slice(0, DECODED_SEGMENTS), wire, report);
    await history.close();
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Events a second: blocks read from the store and decoded, against the batches they were sealed from. */
async function decodeSpeed(
  store: LmdbStore,
  kind: ChangeKind,
  segments: readonly StoredBatch[],
  wire: readonly StoredBatch[],
  report: (figure: Figure) => void,
): Promise<void> {
  const memory = new Map<string, readonly { log: string; key: string }[]>();
  const eventsIn = (all: readonly StoredBatch[]): number =>
    all.reduce((sum, one) => sum + one.lastSeq - one.firstSeq + 1, 0);
  const perSecond = (count: number, work: () => void): number => 1e9 / nsPerOperation(count, work);
  const measured = await interleave({
    rounds: DECODE_ROUNDS,
    warmUpRounds: 3,
    candidates: {
      segments: () =>
        perSecond(eventsIn(segments), () => {
          for (const one of segments) readStored(one, store, undefined, memory);
        }),
      batches: () =>
        perSecond(eventsIn(wire), () => {
          for (const one of wire) decodeBatch(one.bytes);
        }),
    },
  });
  report({
    metric: `${kind}: sealed changes read and decoded`,
    value: measured.segments.median / 1e6,
    unit: "M events/s",
    better: "higher",
    against: { what: "wire batches decoded", value: measured.batches.median / 1e6 },
    workload: `${kind}: ${segments.length} segments, one core, records read and checked too; median of ${DECODE_ROUNDS} rounds`,
  });
}

function allOf(store: LmdbStore): StoredBatch[] {
  const all = { from: MIN_HLC, to: MAX_HLC } as { from: Hlc; to: Hlc };
  return store.epochs().flatMap(({ id }) => [...store.batches(id, all)]);
}

function segmentsOf(store: LmdbStore): StoredBatch[] {
  return allOf(store).filter(({ bytes }) => isSegment(bytes));
}

/** Copies: pages of sealed batches are written over. */
function batchesOf(store: LmdbStore, count: number): StoredBatch[] {
  return allOf(store)
    .slice(0, count)
    .map((one) => ({ ...one, bytes: one.bytes.slice() }));
}

/** Bytes of a change: a sample of batches as lines, in chunks of a file's size as one would keep them. */
function gzippedLineBytes(store: LmdbStore): number {
  const sample = allOf(store).filter(
    (_, index) => Math.floor(index / GZIP_CHUNK_BATCHES) % LINES_EVERY === 0,
  );
  let bytes = 0;
  let count = 0;
  for (let start = 0; start < sample.length; start += GZIP_CHUNK_BATCHES) {
    const lines: string[] = [];
    for (const one of sample.slice(start, start + GZIP_CHUNK_BATCHES)) {
      const batch = decodeBatch(one.bytes);
      const { node, epoch, service } = batch.header;
      for (const event of eventsOf(batch)) lines.push(eventLine({ node, epoch, service, event }));
    }
    bytes += gzipSync(`${lines.join("\n")}\n`, { level: 1 }).length;
    count += lines.length;
  }
  return bytes / count;
}
