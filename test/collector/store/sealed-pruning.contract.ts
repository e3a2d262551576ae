/** What every HistoryStore promises of pruning where batches are sealed, or are being sealed. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { eventsOf, type Hlc, MAX_HLC, MIN_HLC } from "../../../agent/kernel/index.ts";
import type {
  HistoryStore,
  PrunedEpoch,
  SegmentWrite,
  StoredBatch,
} from "../../../collector/store/history-store.ts";
import { isSegment } from "../../../collector/store/segment-header.ts";
import { readStored } from "../../../collector/store/segment-reader.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { sealed, stored } from "../../support/segments.ts";
import "../../support/seed.ts";
import { anEpoch, aWrite } from "./history-store.contract.ts";

const EVERYTHING = { from: MIN_HLC, to: MAX_HLC };
const BATCH_EVENTS = 5;

/** The n-th batch (from 1) of an epoch: five changes of two logs, seq s at t = s. */
function batchOf(epochId: number, n: number): StoredBatch {
  const firstSeq = (n - 1) * BATCH_EVENTS + 1;
  const rows: Row[] = Array.from({ length: BATCH_EVENTS }, (_, i) => {
    const at = { t: (firstSeq + i) as Hlc, log: i % 2 === 0 ? "a" : "b", key: `k${i}` };
    return { kind: "set", ...at, value: firstSeq + i };
  });
  return stored(aBatch(rows, { firstSeq }), epochId, 1_000 + n);
}

function batchesOf(epochId: number, first: number, last: number): StoredBatch[] {
  return Array.from({ length: last - first + 1 }, (_, i) => batchOf(epochId, first + i));
}

function markAt(epochId: number, seq: number): PrunedEpoch {
  return { epochId, seq, t: seq as Hlc, isBlank: true, keep: [] };
}

const aPrune = (mark: PrunedEpoch) => ({ epochs: [mark], forget: [], gone: undefined });

async function sweepAll(store: HistoryStore, limit = 3): Promise<void> {
  while ((await store.sweep({ limit, messagesBefore: MIN_HLC })) === limit);
}

/** Every seq that can be read, in order. */
function seqsIn(store: HistoryStore, epochId: number): number[] {
  return [...store.batches(epochId, EVERYTHING)].flatMap((one) =>
    [...eventsOf(readStored(one, store).rows)].map(({ seq }) => seq),
  );
}

function seqs(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

export function describeSealedPruning(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name}: pruning what is sealed`, () => {
    const opened: HistoryStore[] = [];
    const holding = async (batchCount: number): Promise<HistoryStore> => {
      const store = await open();
      opened.push(store);
      const batches = batchesOf(1, 1, batchCount);
      await store.write(aWrite({ epochs: [anEpoch(1)], batches }));
      return store;
    };
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });

    it("leaves a segment whole in which a mark lies, and takes it with the mark at its end", async () => {
      const store = await holding(4);
      const write = sealed(batchesOf(1, 1, 2));
      await store.seal(write);
      await store.prune(aPrune(markAt(1, 5)));
      await sweepAll(store);
      expect(seqsIn(store, 1)).toEqual(seqs(1, 20));
      expect([...store.pieces(1, 5)].map(({ first, last }) => [first, last])).toEqual([
        [1, 10],
        [11, 15],
        [16, 20],
      ]);
      await store.prune(aPrune(markAt(1, 10)));
      await sweepAll(store);
      expect(seqsIn(store, 1)).toEqual(seqs(11, 20));
      expect([...store.pieces(1, 10)].map(({ first }) => first)).toEqual([11, 16]);
      for (const index of write.blocks.keys()) {
        expect(store.block(write.segment, index)).toBeUndefined();
      }
      expect(store.damaged(1)).toEqual([]);
    });

    it("goes on in steps of a few records, and what is behind the mark is whole after each", async () => {
      const store = await holding(6);
      for (const first of [1, 3, 5]) await store.seal(sealed(batchesOf(1, first, first + 1)));
      await store.prune(aPrune(markAt(1, 20)));
      let steps = 0;
      for (;;) {
        const count = await store.sweep({ limit: 1, messagesBefore: MIN_HLC });
        // Whoever believes the mark reads what is behind it, whatever is half gone before it.
        expect(readableBehind(store, 20)).toEqual(seqs(21, 30));
        if (count === 0) break;
        steps += 1;
      }
      // Two segments: how many records each has is its store's affair.
      expect(steps).toBeGreaterThanOrEqual(2);
      expect(seqsIn(store, 1)).toEqual(seqs(21, 30));
      expect(store.damaged(1)).toEqual([]);
    });

    it("forgets an epoch with its segments and all their blocks", async () => {
      const store = await holding(4);
      const writes = [sealed(batchesOf(1, 1, 2)), sealed(batchesOf(1, 3, 4))];
      for (const write of writes) expect(await store.seal(write)).toBe(true);
      await store.prune({ epochs: [], forget: [1], gone: undefined });
      // What was made of it before comes too late.
      expect(await store.seal(writes[0] as SegmentWrite)).toBe(false);
      await sweepAll(store, 2);
      expect([...store.batches(1, EVERYTHING)]).toEqual([]);
      for (const { segment, blocks } of writes) {
        for (const index of blocks.keys()) expect(store.block(segment, index)).toBeUndefined();
      }
    });

    it("shows what a model shows after any writes, seals, prunes and sweeps, however they overlap", async () => {
      const step = fc.record({
        kind: fc.constantFrom(
          "write",
          "write",
          "write",
          "seal",
          "seal",
          "prune",
          "sweep",
          "forget",
        ),
        node: fc.integer({ min: 1, max: 2 }),
        from: fc.nat({ max: 6 }),
        count: fc.integer({ min: 1, max: 4 }),
        waits: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const store = await open();
          const runs = new Map<number, Run>();
          let pending: Promise<unknown>[] = [];
          for (const one of steps) {
            pending.push(act(store, runs, one));
            if (one.waits) {
              await Promise.all(pending);
              pending = [];
            }
          }
          await Promise.all(pending);
          await sweepAll(store);
          for (const run of runs.values()) {
            expect(store.pruned(run.id)?.seq ?? 0).toBe(run.prunedSeq);
            const left = run.pieces.filter(({ last }) => last * BATCH_EVENTS > run.prunedSeq);
            const shown = [...store.batches(run.id, EVERYTHING)];
            expect(shown.map(({ lastSeq, bytes }) => [lastSeq, isSegment(bytes)])).toEqual(
              left.map(({ last, isSealed }) => [last * BATCH_EVENTS, isSealed]),
            );
            const first = ((left[0]?.first ?? 1) - 1) * BATCH_EVENTS + 1;
            const last = (left.at(-1)?.last ?? 0) * BATCH_EVENTS;
            expect(seqsIn(store, run.id)).toEqual(last === 0 ? [] : seqs(first, last));
            expect(store.damaged(run.id)).toEqual([]);
          }
          const known = new Set([...runs.values()].map(({ id }) => id));
          for (let id = 1; id <= 60; id += 1) {
            if (!known.has(id)) expect([...store.batches(id, EVERYTHING)]).toEqual([]);
          }
          await store.close();
        }),
        { numRuns: 25 },
      );
    }, 60_000);
  });
}

/** As a reader reads who knows the mark: nothing of pieces that lie before it. */
function readableBehind(store: HistoryStore, seq: number): number[] {
  return [...store.batches(1, { from: (seq + 1) as Hlc, to: MAX_HLC })].flatMap((one) =>
    [...eventsOf(readStored(one, store).rows)].map((event) => event.seq),
  );
}

/** What the model knows of one run: its pieces in numbers of batches. */
interface Run {
  readonly id: number;
  readonly epoch: number;
  batchCount: number;
  pieces: { first: number; last: number; isSealed: boolean }[];
  prunedSeq: number;
}

interface Step {
  readonly kind: string;
  readonly node: number;
  readonly from: number;
  readonly count: number;
}

/** Does a step to the store, and at once to the model: order of calls is order on disk. */
function act(store: HistoryStore, runs: Map<number, Run>, one: Step): Promise<unknown> {
  const { kind, node, from, count } = one;
  if (kind === "sweep") return store.sweep({ limit: count, messagesBefore: MIN_HLC });
  const known = runs.get(node);
  if (kind === "write") {
    const id = known?.id ?? store.nextEpochId();
    const run = known ?? { id, epoch: id, batchCount: 0, pieces: [], prunedSeq: 0 };
    runs.set(node, run);
    run.batchCount += 1;
    run.pieces.push({ first: run.batchCount, last: run.batchCount, isSealed: false });
    return store.write(
      aWrite({
        epochs: [anEpoch(id, { node: `n${node}`, epoch: run.epoch })],
        batches: [batchOf(id, run.batchCount)],
      }),
    );
  }
  if (known === undefined) return Promise.resolve();
  if (kind === "forget") {
    runs.delete(node);
    return store.prune({ epochs: [], forget: [known.id], gone: undefined });
  }
  if (kind === "prune") {
    const piece = known.pieces[Math.min(from, known.pieces.length - 1)];
    const seq = (piece?.last ?? 0) * BATCH_EVENTS;
    known.prunedSeq = Math.max(known.prunedSeq, seq);
    return store.prune(aPrune(markAt(known.id, seq)));
  }
  const chosen = known.pieces.slice(from, from + count);
  if (chosen.length === 0 || chosen.some(({ isSealed }) => isSealed)) return Promise.resolve();
  const [first, last] = [chosen[0]?.first ?? 0, chosen.at(-1)?.last ?? 0];
  const isServed = (first - 1) * BATCH_EVENTS + 1 > known.prunedSeq;
  if (isServed) known.pieces.splice(from, chosen.length, { first, last, isSealed: true });
  return store.seal(sealed(batchesOf(known.id, first, last))).then((isSealed) => {
    expect(isSealed).toBe(isServed);
  });
}
