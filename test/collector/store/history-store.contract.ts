/** What every HistoryStore promises. The test file of each adapter calls `describeHistoryStore` once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type {
  CheckpointWrite,
  EpochRecord,
  HistoryStore,
  StoredBatch,
  StoreWrite,
} from "../../../collector/store/history-store.ts";
import { freshStores } from "./fresh-stores.ts";

const at = (t: number): Hlc => t as Hlc;

/** An epoch record with nothing in it but what the case is about. */
export function anEpoch(id: number, overrides: Partial<EpochRecord> = {}): EpochRecord {
  return {
    id,
    node: "n1",
    epoch: 1000 + id,
    service: "kv",
    tags: { zone: "a" },
    instance: "i1",
    imported: false,
    joined: at(10),
    stored: [{ first: 1, last: 3, firstT: at(10), lastT: at(30), closed: at(30) }],
    lost: [],
    contiguousSeq: 3,
    watermark: at(30),
    closed: at(30),
    lastT: at(30),
    end: null,
    firstArrivalMs: 1,
    lastArrivalMs: 2,
    eventCount: 3,
    logs: { stock: { firstT: at(10), lastT: at(30), changeCount: 2 } },
    status: null,
    ...overrides,
  };
}

/** A stored batch whose bytes tell it apart. */
export function aStoredBatch(
  epochId: number,
  [firstSeq, lastSeq]: readonly [number, number],
  [firstT, lastT]: readonly [number, number],
): StoredBatch {
  const bytes = new Uint8Array(40).fill(firstSeq % 251);
  return {
    epochId,
    firstSeq,
    lastSeq,
    firstT: at(firstT),
    lastT: at(lastT),
    arrivalMs: 1_700_000_000_000 + firstSeq,
    bytes,
  };
}

/** A write of only what is named. */
export function aWrite(parts: Partial<StoreWrite>): StoreWrite {
  return {
    batches: [],
    epochs: [],
    violations: [],
    slowMessages: [],
    staleCheckpoints: [],
    ...parts,
  };
}

function aCheckpoint(
  epochId: number,
  seq: number,
  t: number,
  logs: readonly string[],
  repairCount = 0,
): CheckpointWrite {
  return {
    epochId,
    seq,
    t: at(t),
    directory: Uint8Array.of(1, seq),
    repairCount,
    logs: logs.map((log) => ({ log, bytes: Uint8Array.of(2, seq, log.length % 256) })),
  };
}

const firstSeqs = (batches: Iterable<StoredBatch>) => [...batches].map((one) => one.firstSeq);

/** `open` gives an empty store of its own each time. */
export function describeHistoryStore(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name} as a HistoryStore`, () => {
    const fresh = freshStores(open);

    it("shows an epoch record once its write has resolved, as it was written", async () => {
      const store = await fresh();
      const id = store.nextEpochId();
      const record = anEpoch(id, { end: { kind: "left", t: at(31) }, status: { pid: 7 } });
      const done = store.write(aWrite({ epochs: [record] }));
      expect(store.epochs()).toEqual([]);
      await done;
      expect(store.epochs()).toEqual([record]);
      expect(store.epoch(id)).toEqual(record);
      expect(store.epoch(id + 1)).toBeUndefined();
    });

    it("gives every epoch an id of its own and lists them in that order", async () => {
      const store = await fresh();
      const ids = [store.nextEpochId(), store.nextEpochId(), store.nextEpochId()];
      expect(new Set(ids).size).toBe(3);
      for (const id of [...ids].reverse()) {
        await store.write(aWrite({ epochs: [anEpoch(id, { node: `n${id}` })] }));
      }
      expect(store.epochs().map((one) => one.id)).toEqual([...ids].sort((a, b) => a - b));
    });

    it("keeps the order of writes that were started without waiting", async () => {
      const store = await fresh();
      const id = store.nextEpochId();
      const writes = Array.from({ length: 20 }, (_, i) =>
        store.write(aWrite({ epochs: [anEpoch(id, { eventCount: i })] })),
      );
      await Promise.all(writes);
      expect(store.epoch(id)?.eventCount).toBe(19);
    });

    it("gives a batch back byte for byte, whatever becomes of the caller's buffer afterwards", async () => {
      const store = await fresh();
      const batch = aStoredBatch(1, [1, 3], [10, 30]);
      const before = batch.bytes.slice();
      await store.write(aWrite({ batches: [batch] }));
      batch.bytes.fill(99);
      const [read] = [...store.batches(1, { from: at(0), to: at(99) })];
      expect(read).toEqual({ ...batch, bytes: before });
      expect(store.batchWithSeq(1, 2)?.bytes).toEqual(before);
    });

    const overlaps: ReadonlyArray<
      readonly [why: string, from: number, to: number, expected: readonly number[]]
    > = [
      ["everything", -100, 100, [1, 4, 8]],
      ["a range inside one batch", 12, 13, [1]],
      ["the last t of a batch", 30, 30, [1]],
      ["the first t of a batch", 40, 40, [4]],
      ["a range between two batches", 31, 39, []],
      ["a range across two", 30, 40, [1, 4]],
      ["before all", -100, -6, []],
      ["after all", 91, 100, []],
      ["negative stamps, as imports have them", -5, -5, [1]],
    ];
    it.each(overlaps)("finds the batches that overlap: %s", async (_why, from, to, expected) => {
      const store = await fresh();
      await store.write(
        aWrite({
          batches: [
            aStoredBatch(1, [8, 9], [80, 90]),
            aStoredBatch(1, [1, 3], [-5, 30]),
            aStoredBatch(1, [4, 5], [40, 50]),
            aStoredBatch(2, [1, 9], [-50, 95]),
          ],
        }),
      );
      const range = { from: at(from), to: at(to) };
      expect(firstSeqs(store.batches(1, range))).toEqual(expected);
      expect(firstSeqs(store.batches(1, { ...range, reverse: true }))).toEqual(
        [...expected].reverse(),
      );
    });

    it("finds batches as a scan of all would, whatever their order of arrival", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(20), fc.nat(9)), {
            minLength: 1,
            maxLength: 30,
          }),
          fc.integer({ min: -400, max: 700 }),
          fc.nat(300),
          fc.nat(1_000),
          async (steps, from, span, shuffle) => {
            let seq = 1;
            let t = -300;
            const all = steps.map(([count, gap, spread]) => {
              t += gap + 1;
              const batch = aStoredBatch(3, [seq, seq + count - 1], [t, t + spread]);
              seq += count + (gap % 3);
              t += spread;
              return batch;
            });
            const store = await open();
            const order = all.map((one, i) => [one, (i * 7919 + shuffle) % 31] as const);
            order.sort((a, b) => a[1] - b[1]);
            for (const [one] of order) await store.write(aWrite({ batches: [one] }));
            const expected = all.filter((b) => b.lastT >= from && b.firstT <= from + span);
            const range = { from: at(from), to: at(from + span) };
            expect(firstSeqs(store.batches(3, range))).toEqual(firstSeqs(expected));
            for (let s = 0; s <= seq; s += 1) {
              const holder = all.find((b) => b.firstSeq <= s && s <= b.lastSeq);
              expect(store.batchWithSeq(3, s)?.firstSeq).toBe(holder?.firstSeq);
            }
            expect(store.batchWithSeq(2, 1)).toBeUndefined();
            await store.close();
          },
        ),
        { numRuns: 15 },
      );
    });

    it("finds every violation and slow message that a moment lies in, and no other", async () => {
      const stretch = fc.tuple(
        fc.integer({ min: -2_000_000, max: 2_000_000 }),
        fc.oneof(fc.nat(3), fc.nat(5_000), fc.nat(3_000_000)),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(stretch, { maxLength: 60 }),
          fc.array(fc.integer({ min: -2_000_000, max: 5_000_000 }), { maxLength: 8 }),
          async (stretches, moments) => {
            const send = { node: "a", epoch: 1 };
            const receive = { node: "b", epoch: 2 };
            const violations = stretches.map(([first, span], i) => ({
              receiveT: at(first),
              sendT: at(first + span),
              send: { ...send, seq: i + 1 },
              receive: { ...receive, seq: i + 1 },
            }));
            const slowMessages = violations.map((v) => ({
              ...v,
              sendT: v.receiveT,
              receiveT: v.sendT,
            }));
            const store = await open();
            await store.write(aWrite({ violations, slowMessages }));
            const seqs = (found: readonly { readonly send: { readonly seq: number } }[]) =>
              found.map((one) => one.send.seq).sort((a, b) => a - b);
            const edges = violations.flatMap((v) => [v.receiveT, v.sendT - 1, v.sendT]);
            for (const moment of [...moments, ...edges.slice(0, 12)]) {
              const t = at(moment);
              const inside = violations.filter((v) => v.receiveT <= t && t < v.sendT);
              expect(seqs(store.violationsAt(t))).toEqual(seqs(inside));
              expect(seqs(store.slowMessagesAt(t))).toEqual(seqs(inside));
              const to = at(t + 1_000);
              const touching = violations.filter((v) => v.receiveT <= to && v.sendT >= t);
              expect(seqs(store.violationsBetween(t, to))).toEqual(seqs(touching));
            }
            await store.close();
          },
        ),
        { numRuns: 15 },
      );
    });

    it("tells violations apart that have the same times", async () => {
      const store = await fresh();
      const violation = {
        receiveT: at(5),
        sendT: at(9),
        send: { node: "a", epoch: 1, seq: 1 },
        receive: { node: "b", epoch: 1, seq: 1 },
      };
      const twin = { ...violation, receive: { node: "b", epoch: 1, seq: 2 } };
      await store.write(aWrite({ violations: [violation, twin] }));
      expect(store.violationsAt(at(6))).toHaveLength(2);
    });

    it("finds the latest directory at or before a time, and the checkpoints written with it", async () => {
      const store = await fresh();
      const longName = "l".repeat(3_000);
      await store.writeCheckpoint(aCheckpoint(1, 10, 100, ["stock", "", longName]));
      await store.writeCheckpoint(aCheckpoint(1, 20, 200, ["stock"]));
      await store.writeCheckpoint(aCheckpoint(2, 5, 150, ["stock"]));
      expect(store.directoryAt(1, at(99))).toBeUndefined();
      expect(store.directoryAt(1, at(100))).toEqual({
        epochId: 1,
        seq: 10,
        t: 100,
        bytes: Uint8Array.of(1, 10),
      });
      expect(store.directoryAt(1, at(199))?.seq).toBe(10);
      expect(store.directoryAt(1, at(5_000))?.seq).toBe(20);
      expect(store.checkpoint(1, "stock", 10)).toEqual(Uint8Array.of(2, 10, 5));
      expect(store.checkpoint(1, "", 10)).toEqual(Uint8Array.of(2, 10, 0));
      expect(store.checkpoint(1, longName, 10)).toEqual(Uint8Array.of(2, 10, 3_000 % 256));
      expect(store.checkpoint(1, "stock", 15)).toBeUndefined();
      expect(store.checkpoint(1, "carts", 10)).toBeUndefined();
      expect(store.checkpoint(2, "stock", 10)).toBeUndefined();
    });

    it("drops the checkpoints that a repair makes wrong, and those only", async () => {
      const store = await fresh();
      for (const [seq, t] of [
        [10, 100],
        [20, 200],
        [30, 300],
      ] as const) {
        await store.writeCheckpoint(aCheckpoint(1, seq, t, ["stock"]));
        await store.writeCheckpoint(aCheckpoint(2, seq, t, ["stock"]));
      }
      await store.write(aWrite({ staleCheckpoints: [{ epochId: 1, fromT: at(200) }] }));
      expect(store.directoryAt(1, at(999))?.seq).toBe(10);
      expect(store.checkpoint(1, "stock", 10)).toBeDefined();
      expect(store.checkpoint(1, "stock", 20)).toBeUndefined();
      expect(store.checkpoint(1, "stock", 30)).toBeUndefined();
      expect(store.directoryAt(2, at(999))?.seq).toBe(30);
    });

    it("drops a checkpoint that was computed before a repair and written after it", async () => {
      const store = await fresh();
      const readBefore = store.repairCount(1);
      const repair = store.write(aWrite({ staleCheckpoints: [{ epochId: 1, fromT: at(50) }] }));
      const late = store.writeCheckpoint(aCheckpoint(1, 10, 100, ["stock"], readBefore));
      await Promise.all([repair, late]);
      expect(store.directoryAt(1, at(999))).toBeUndefined();
      expect(store.checkpoint(1, "stock", 10)).toBeUndefined();

      await store.writeCheckpoint(aCheckpoint(1, 10, 100, ["stock"], store.repairCount(1)));
      expect(store.directoryAt(1, at(999))?.seq).toBe(10);
    });

    it("drops a checkpoint given in the same turn as the repair that makes it wrong", async () => {
      const store = await fresh();
      const early = store.writeCheckpoint(aCheckpoint(1, 10, 100, ["stock"]));
      const repair = store.write(aWrite({ staleCheckpoints: [{ epochId: 1, fromT: at(50) }] }));
      await Promise.all([early, repair]);
      expect(store.directoryAt(1, at(999))).toBeUndefined();
      expect(store.checkpoint(1, "stock", 10)).toBeUndefined();
    });

    it("gives the earliest stretches when only so many are asked for", async () => {
      const store = await fresh();
      const lengths = [1, 900, 3, 70, 8, 250];
      const message = (start: number, end: number, seq: number) => ({
        start: at(start),
        end: at(end),
        send: { node: "a", epoch: 1, seq },
        receive: { node: "b", epoch: 1, seq },
      });
      const all = lengths.map((length, i) => message(100 - i, 101 + length, i + 1));
      await store.write(
        aWrite({
          violations: all.map(({ start, end, ...rest }) => ({
            receiveT: start,
            sendT: end,
            count: 2,
            ...rest,
          })),
          slowMessages: all.map(({ start, end, ...rest }) => ({
            sendT: start,
            receiveT: end,
            ...rest,
          })),
        }),
      );
      const seqsOf = (found: readonly { readonly receive: { readonly seq: number } }[]) =>
        found.map(({ receive }) => receive.seq);
      expect(seqsOf(store.violationsAt(at(100), 3))).toEqual([6, 5, 4]);
      expect(store.violationsAt(at(100), 1)[0]?.count).toBe(2);
      // Page by page, each from where the one before ended, they are the same.
      const whole = store.violationsAt(at(100));
      for (const { receiveT } of whole) {
        const later = whole.filter((one) => one.receiveT >= receiveT);
        expect(store.violationsAt(at(100), undefined, receiveT)).toEqual(later);
        expect(store.violationsAt(at(100), 2, receiveT)).toEqual(later.slice(0, 2));
      }
      expect(seqsOf(store.violationsBetween(at(101), at(2_000), 4))).toEqual([6, 5, 4, 3]);
      expect(seqsOf(store.slowMessagesAt(at(100), 2))).toEqual([6, 5]);
      expect(store.slowMessagesAt(at(100))).toHaveLength(6);
    });

    it("refuses a second record of one epoch, and that write alone", async () => {
      const store = await fresh();
      const [first, second] = [anEpoch(1, { epoch: 7 }), anEpoch(2, { epoch: 7 })];
      await store.write(aWrite({ epochs: [first] }));
      const results = await Promise.allSettled([
        store.write(aWrite({ epochs: [anEpoch(3, { node: "n3" })] })),
        store.write(aWrite({ epochs: [second], batches: [aStoredBatch(2, [1, 3], [10, 30])] })),
        store.write(aWrite({ epochs: [{ ...first, eventCount: 9 }] })),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(store.failure).toBeUndefined();
      expect(store.epochs().map(({ id, eventCount }) => [id, eventCount])).toEqual([
        [1, 9],
        [3, 3],
      ]);
      expect([...store.batches(2, { from: at(0), to: at(99) })]).toEqual([]);
    });

    it("gives the same list of epochs until one changes", async () => {
      const store = await fresh();
      await store.write(aWrite({ epochs: [anEpoch(1)] }));
      const before = store.epochs();
      await store.write(aWrite({ batches: [aStoredBatch(1, [1, 3], [10, 30])] }));
      expect(store.epochs()).toBe(before);
      await store.write(aWrite({ epochs: [anEpoch(1, { eventCount: 4 })] }));
      expect(store.epochs()).not.toBe(before);
      expect(before[0]?.eventCount).toBe(3);
    });

    it("keeps captures under their numbers, in their order, until they are removed", async () => {
      const store = await fresh();
      expect(store.captures()).toEqual([]);
      const put = [300, 2, 10].map((number) => ({ number, body: { id: `c${number}` } }));
      await store.writeCaptures({ put, remove: [7] });
      expect(store.captures().map(({ number }) => number)).toEqual([2, 10, 300]);
      const changed = { number: 10, body: { id: "c10", nodes: ["n1"], from: -5 } };
      await store.writeCaptures({ put: [changed], remove: [2] });
      expect(store.captures()).toEqual([changed, { number: 300, body: { id: "c300" } }]);
      // Neither of the others is in the way of the other.
      await store.write(aWrite({ epochs: [anEpoch(1)] }));
      expect(store.captures()).toHaveLength(2);
      expect(store.epochs()).toHaveLength(1);
    });

    it("keeps monitors under their numbers, apart from captures", async () => {
      const store = await fresh();
      expect(store.monitors()).toEqual([]);
      const put = [300, 2].map((number) => ({ number, body: { rql: `SELECT v${number}` } }));
      await store.writeMonitors({ put, remove: [7] });
      await store.writeCaptures({ put: [{ number: 2, body: { id: "c2" } }], remove: [300] });
      const changed = { number: 2, body: { rql: "SELECT v2", alerts: [1] } };
      await store.writeMonitors({ put: [changed], remove: [] });
      expect(store.monitors()).toEqual([changed, put[0]]);
      await store.writeMonitors({ put: [], remove: [300] });
      expect(store.monitors()).toEqual([changed]);
      expect(store.captures()).toHaveLength(1);
    });

    it("keeps what is written of captures in the order in which it was given", async () => {
      const store = await fresh();
      const put = (round: number) => ({ put: [{ number: 1, body: { round } }], remove: [] });
      await Promise.all([store.writeCaptures(put(1)), store.writeCaptures(put(2))]);
      await Promise.all([
        store.writeCaptures({ put: [], remove: [1] }),
        store.writeCaptures(put(3)),
      ]);
      expect(store.captures()).toEqual([{ number: 1, body: { round: 3 } }]);
    });

    it("finishes what it was given before it closes, closes twice, and answers nothing after", async () => {
      const store = await fresh();
      const written = store.write(aWrite({ epochs: [anEpoch(1)] }));
      await store.close();
      await expect(written).resolves.toBeUndefined();
      await store.close();
      await expect(store.write(aWrite({}))).rejects.toMatchObject({ code: "closed" });
      expect(() => store.epochs()).toThrow(expect.objectContaining({ code: "closed" }));
      expect(() => store.violationsAt(at(1))).toThrow(expect.objectContaining({ code: "closed" }));
    });
  });
}
