/** What every HistoryStore promises of segments and of thinned checkpoints. Each adapter's test calls this once. */
import { describe, expect, it } from "vitest";
import { eventsOf, type Hlc, MAX_HLC, MIN_HLC } from "../../../agent/kernel/index.ts";
import type {
  HistoryStore,
  StoredBatch,
  UncheckedBlock,
} from "../../../collector/store/history-store.ts";
import { isSegment } from "../../../collector/store/segment-header.ts";
import { readStored } from "../../../collector/store/segment-reader.ts";
import { checkedBlock } from "../../../collector/store/unchecked-block.ts";
import { aBatch, exactJson, type Row } from "../../support/batches.ts";
import { sealed, stored } from "../../support/segments.ts";
import { freshStores } from "./fresh-stores.ts";
import { anEpoch, aWrite } from "./history-store.contract.ts";

const EVERYTHING = { from: MIN_HLC, to: MAX_HLC };

/** Batches of five changes of two logs each, seqs and times from `first` on. */
function batchFrom(first: number): StoredBatch {
  const rows: Row[] = Array.from({ length: 5 }, (_, i) => {
    const at = { t: (first + i) as Hlc, log: i % 2 === 0 ? "a" : "b", key: `k${i}` };
    return { kind: "set", ...at, value: first + i };
  });
  return stored(aBatch(rows, { firstSeq: first }), 1, 1_000 + first);
}

function eventTexts(store: HistoryStore, range = EVERYTHING): string[] {
  return [...store.batches(1, range)].flatMap((one) =>
    [...eventsOf(readStored(one, store).rows)].map(exactJson),
  );
}

export function describeSegmentStore(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name} with segments`, () => {
    const fresh = freshStores(open);
    const holding = async (...batches: StoredBatch[]): Promise<HistoryStore> => {
      const store = await fresh();
      await store.write(aWrite({ epochs: [anEpoch(1)], batches }));
      return store;
    };

    it("puts one in the place of its batches, with the same events, found by time and by seq", async () => {
      const batches = [1, 6, 11].map(batchFrom);
      const store = await holding(...batches, batchFrom(16));
      const before = eventTexts(store);
      expect(await store.seal(sealed(batches))).toBe(true);
      expect(eventTexts(store)).toEqual(before);
      const ranges = [...store.batches(1, EVERYTHING)].map((one) => [one.firstSeq, one.lastSeq]);
      expect(ranges).toEqual([
        [1, 15],
        [16, 20],
      ]);
      for (let seq = 1; seq <= 15; seq += 1) {
        expect(store.batchWithSeq(1, seq)).toMatchObject({ firstSeq: 1, lastSeq: 15 });
      }
      expect(store.batchWithSeq(1, 16)).toMatchObject({ firstSeq: 16 });
      const inside = { from: 8 as Hlc, to: 9 as Hlc };
      expect([...store.batches(1, inside)].map((one) => one.firstSeq)).toEqual([1]);
    });

    it("puts one in the place of a single batch", async () => {
      const store = await holding(batchFrom(1));
      const before = eventTexts(store);
      expect(await store.seal(sealed([batchFrom(1)]))).toBe(true);
      const [one] = [...store.batches(1, EVERYTHING)];
      expect(one !== undefined && isSegment(one.bytes)).toBe(true);
      expect(eventTexts(store)).toEqual(before);
    });

    it("keeps when the last of it came, which retention goes by, and tells its size", async () => {
      const batches = [1, 6].map(batchFrom);
      const store = await holding(...batches);
      const write = sealed(batches);
      await store.seal(write);
      const [piece] = [...store.pieces(1, 0)];
      expect(piece).toMatchObject({ first: 1, last: 10, arrivalMs: 1_006 });
      const blockBytes = write.blocks.reduce((sum, { length }) => sum + length, 0);
      expect(piece?.byteCount).toBeGreaterThanOrEqual(blockBytes + write.segment.bytes.length);
    });

    it("does not bring back what was removed: a segment of batches that are gone is not put", async () => {
      const store = await holding(batchFrom(1));
      const write = sealed([1, 6].map(batchFrom));
      expect(await store.seal(write)).toBe(false);
      expect([...store.batches(1, EVERYTHING)].map((one) => one.lastSeq)).toEqual([5]);
      expect(store.block(write.segment, 0)).toBeUndefined();
      expect(store.damaged(1)).toEqual([]);
    });

    it("does not put one whose beginning is pruned, nor one twice", async () => {
      const batches = [1, 6].map(batchFrom);
      const store = await holding(...batches);
      expect(await store.seal(sealed(batches))).toBe(true);
      expect(await store.seal(sealed(batches))).toBe(false);
      const other = await holding(...batches);
      const marks = [{ epochId: 1, seq: 5, t: 5 as Hlc, isBlank: true as const, keep: [] }];
      const pruning = other.prune({ epochs: marks, forget: [], gone: undefined });
      const sealing = other.seal(sealed(batches));
      await pruning;
      expect(await sealing).toBe(false);
    });

    it("puts one in the place of another of the same range, and of none that it was not made from", async () => {
      const batches = [1, 6].map(batchFrom);
      const store = await holding(...batches);
      const both = sealed(batches);
      const one = sealed(batches.slice(0, 1));
      expect(await store.seal(one)).toBe(true);
      // Made from the batch, which may have lost something since.
      expect(await store.seal(both)).toBe(false);
      expect(await store.seal(one)).toBe(false);
      expect([...store.batches(1, EVERYTHING)].map(({ lastSeq }) => lastSeq)).toEqual([5, 10]);
      const blocks = one.blocks.map(() => new Uint8Array(0));
      expect(await store.seal({ ...one, blocks, isRewritten: true })).toBe(true);
      expect([...store.batches(1, EVERYTHING)].map(({ lastSeq }) => lastSeq)).toEqual([5, 10]);
      expect(store.block(one.segment, 0)).toEqual(new Uint8Array(0));
      const other = sealed(batches.slice(1));
      expect(await store.seal({ ...other, isRewritten: true })).toBe(false);
    });

    it("keeps what arrives while one is on its way", async () => {
      const batches = [1, 6].map(batchFrom);
      const store = await holding(...batches);
      const [isSealed] = await Promise.all([
        store.seal(sealed(batches)),
        store.write(aWrite({ batches: [batchFrom(21)] })),
        store.write(aWrite({ batches: [batchFrom(11)] })),
      ]);
      expect(isSealed).toBe(true);
      const seqs = [...store.batches(1, EVERYTHING)].map((one) => one.firstSeq);
      expect(seqs).toEqual([1, 11, 21]);
    });

    it("sweeps a pruned segment with all its blocks", async () => {
      const batches = [1, 6].map(batchFrom);
      const store = await holding(...batches, batchFrom(11));
      const write = sealed(batches);
      await store.seal(write);
      const marks = [{ epochId: 1, seq: 10, t: 10 as Hlc, isBlank: true as const, keep: [] }];
      await store.prune({ epochs: marks, forget: [], gone: undefined });
      while ((await store.sweep({ limit: 2, messagesBefore: MIN_HLC })) === 2);
      expect([...store.batches(1, EVERYTHING)].map((one) => one.firstSeq)).toEqual([11]);
      for (const index of write.blocks.keys()) {
        expect(store.block(write.segment, index)).toBeUndefined();
      }
      expect(store.damaged(1)).toEqual([]);
    });

    it("gives blocks unchecked to who checks them elsewhere, and knows a damaged one, or another's, then", async () => {
      const batches = [1, 6].map(batchFrom);
      const store = await holding(...batches);
      const write = sealed(batches);
      await store.seal(write);
      const taken = write.blocks.map((_, index) => store.uncheckedBlock(write.segment, index));
      const [one, other] = taken as [UncheckedBlock, UncheckedBlock];
      for (const [index, bytes] of write.blocks.entries()) {
        const block = taken[index] as UncheckedBlock;
        expect(checkedBlock(block)).toEqual(bytes);
        expect(checkedBlock(block)).toEqual(store.block(write.segment, index));
      }
      for (const at of one.record.keys()) {
        const record = Uint8Array.from(one.record);
        record[at] = (record[at] as number) ^ 1;
        expect(() => checkedBlock({ key: one.key, record })).toThrow("a block cannot be read");
      }
      const another = { key: other.key, record: one.record };
      expect(() => checkedBlock(another)).toThrow("a block cannot be read");
      expect(store.uncheckedBlock(write.segment, write.blocks.length)).toBeUndefined();
    });

    it("thins checkpoints, unless a repair came in between", async () => {
      const store = await holding(batchFrom(1));
      for (const seq of [1, 2, 3]) {
        await store.writeCheckpoint({
          epochId: 1,
          seq,
          t: seq as Hlc,
          directory: Uint8Array.of(seq),
          repairCount: 0,
          logs: ["a", "b"].map((log) => ({ log, bytes: Uint8Array.of(9, seq) })),
        });
      }
      const thinning = {
        epochId: 1,
        repairCount: 0,
        directories: [1 as Hlc, 2 as Hlc],
        states: [
          { log: "a", seq: 1 },
          { log: "a", seq: 2 },
          { log: "b", seq: 1 },
        ],
      };
      const stale = [{ epochId: 1, fromT: 9 as Hlc }];
      await store.thinCheckpoints({ ...thinning, repairCount: 1 });
      expect(store.directoryAt(1, 2 as Hlc)?.seq).toBe(2);
      await store.thinCheckpoints(thinning);
      expect(store.directoryAt(1, 2 as Hlc)).toBeUndefined();
      expect(store.directoryAt(1, 3 as Hlc)?.seq).toBe(3);
      expect(store.checkpoint(1, "a", 2)).toBeUndefined();
      expect(store.checkpoint(1, "b", 2)).toEqual(Uint8Array.of(9, 2));
      await store.write(aWrite({ staleCheckpoints: stale }));
      await store.thinCheckpoints({ ...thinning, directories: [3 as Hlc] });
      expect(store.directoryAt(1, 3 as Hlc)?.seq).toBe(3);
    });
  });
}
