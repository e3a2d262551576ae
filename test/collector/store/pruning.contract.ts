/** What every HistoryStore promises of pruning, of what is gone, and of kept cuts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type {
  HistoryStore,
  PrunedEpoch,
  PruneWrite,
  ViolationRecord,
} from "../../../collector/store/history-store.ts";
import "../../support/seed.ts";
import { freshStores } from "./fresh-stores.ts";
import { anEpoch, aStoredBatch, aWrite } from "./history-store.contract.ts";

const at = (t: number): Hlc => t as Hlc;
const ALL = { from: at(0), to: at(1e9) };

function aPrune(parts: Partial<PruneWrite>): PruneWrite {
  return { epochs: [], forget: [], gone: undefined, ...parts };
}

function aMark(epochId: number, seq: number, keep: PrunedEpoch["keep"] = []): PrunedEpoch {
  return { epochId, seq, t: at(seq * 10), isBlank: true, keep };
}

function aViolation(receiveT: number, sendT: number): ViolationRecord {
  const ref = (seq: number) => ({ node: "n1", epoch: 1, seq });
  return { receiveT: at(receiveT), sendT: at(sendT), send: ref(sendT), receive: ref(receiveT) };
}

/** Batches of ten seqs, seq s at t = 10 s; a checkpoint of the named logs at the end of some. */
async function fill(store: HistoryStore, epochId: number, count: number): Promise<void> {
  const batches = Array.from({ length: count }, (_, i) => {
    return aStoredBatch(epochId, [i * 10 + 1, i * 10 + 10], [i * 100 + 10, i * 100 + 100]);
  });
  await store.write(aWrite({ epochs: [anEpoch(epochId)], batches }));
}

async function checkpoint(store: HistoryStore, epochId: number, seq: number, logs: string[]) {
  await store.writeCheckpoint({
    epochId,
    seq,
    t: at(seq * 10),
    directory: Uint8Array.of(1, seq),
    repairCount: store.repairCount(epochId),
    logs: logs.map((log) => ({ log, bytes: Uint8Array.of(2, seq) })),
  });
}

async function sweepAll(store: HistoryStore, messagesBefore = 0, limit = 3): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await store.sweep({ limit, messagesBefore: at(messagesBefore) });
    total += count;
    if (count < limit) return total;
  }
}

const lastSeqs = (store: HistoryStore, epochId: number): number[] =>
  [...store.batches(epochId, ALL)].map(({ lastSeq }) => lastSeq);

/** `open` gives an empty store of its own each time. */
export function describePruning(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name}: pruning`, () => {
    const fresh = freshStores(open);

    it("lists what is stored after a seq piece by piece, with when it came", async () => {
      const store = await fresh();
      await fill(store, 1, 3);
      const pieces = [...store.pieces(1, 15)];
      expect(pieces.map(({ first, last }) => [first, last])).toEqual([
        [11, 20],
        [21, 30],
      ]);
      expect(pieces[0]).toMatchObject({ firstT: 110, lastT: 200, arrivalMs: 1_700_000_000_011 });
      expect(pieces[0]?.byteCount).toBeGreaterThan(0);
      expect([...store.pieces(1, 30)]).toEqual([]);
      expect([...store.pieces(2, 0)]).toEqual([]);
    });

    it("marks first and removes later: until a sweep every record is still there", async () => {
      const store = await fresh();
      await fill(store, 1, 3);
      await checkpoint(store, 1, 20, ["stock"]);
      expect(store.pruned(1)).toBeUndefined();
      await store.prune(aPrune({ epochs: [aMark(1, 20)] }));
      expect(store.pruned(1)).toEqual(aMark(1, 20));
      expect(lastSeqs(store, 1)).toEqual([10, 20, 30]);
      await sweepAll(store);
      expect(lastSeqs(store, 1)).toEqual([30]);
      expect(store.batchWithSeq(1, 15)).toBeUndefined();
      expect(store.batchWithSeq(1, 25)?.lastSeq).toBe(30);
      expect(store.directoryAt(1, at(250))?.seq).toBe(20);
      expect(store.checkpoint(1, "stock", 20)).toEqual(Uint8Array.of(2, 20));
    });

    it("keeps the checkpoints that are named, and removes the others before the mark", async () => {
      const store = await fresh();
      await fill(store, 1, 4);
      await checkpoint(store, 1, 10, ["a", "b"]);
      await checkpoint(store, 1, 20, ["b"]);
      await checkpoint(store, 1, 30, ["b"]);
      await store.prune(aPrune({ epochs: [aMark(1, 30, [{ log: "a", seq: 10 }])] }));
      await sweepAll(store);
      expect(store.checkpoint(1, "a", 10)).toEqual(Uint8Array.of(2, 10));
      expect(store.checkpoint(1, "b", 10)).toBeUndefined();
      expect(store.checkpoint(1, "b", 20)).toBeUndefined();
      expect(store.checkpoint(1, "b", 30)).toEqual(Uint8Array.of(2, 30));
      expect(store.directoryAt(1, at(299))).toBeUndefined();
      // Pruned again, the one that is no longer named goes too.
      await checkpoint(store, 1, 40, ["a", "b"]);
      await store.prune(aPrune({ epochs: [aMark(1, 40)] }));
      await sweepAll(store);
      expect(store.checkpoint(1, "a", 10)).toBeUndefined();
      expect(store.checkpoint(1, "a", 40)).toEqual(Uint8Array.of(2, 40));
    });

    it("takes nothing that was worked out of an epoch that is forgotten since, swept or not", async () => {
      const store = await fresh();
      const id = store.nextEpochId();
      await fill(store, id, 2);
      const tiles = [{ level: 2, index: 1, bytes: Uint8Array.of(3) }];
      const late = async () => {
        await store.writeTiles({ epochId: id, repairCount: store.repairCount(id), tiles });
        await checkpoint(store, id, 20, ["stock"]);
        return [
          store.tile(id, 2, 1),
          store.directoryAt(id, at(1e9)),
          store.checkpoint(id, "stock", 20),
        ];
      };
      expect((await late()).every((one) => one !== undefined)).toBe(true);
      await store.prune(aPrune({ forget: [id] }));
      await sweepAll(store);
      expect(await late()).toEqual([undefined, undefined, undefined]);
      const together = Promise.all([store.prune(aPrune({ forget: [id] })), late()]);
      expect((await together)[1]).toEqual([undefined, undefined, undefined]);
    });

    it("takes no mark whose directory is not there, nor lets that of a mark be thinned out", async () => {
      const store = await fresh();
      await fill(store, 1, 3);
      await checkpoint(store, 1, 20, ["a"]);
      const { isBlank: _, ...mark } = aMark(1, 20, [{ log: "b", seq: 10 }]);
      await checkpoint(store, 1, 10, ["b"]);
      const thin = (directories: number[], states: { log: string; seq: number }[]) =>
        store.thinCheckpoints({
          epochId: 1,
          repairCount: 0,
          directories: directories.map(at),
          states,
        });
      await store.prune(aPrune({ epochs: [{ ...mark, seq: 10, t: at(90) }] }));
      expect(store.pruned(1)).toBeUndefined();
      await store.prune(aPrune({ epochs: [mark] }));
      await thin(
        [200],
        [
          { log: "a", seq: 20 },
          { log: "b", seq: 10 },
        ],
      );
      expect(store.directoryAt(1, at(999))?.seq).toBe(20);
      expect(store.checkpoint(1, "a", 20)).toBeDefined();
      expect(store.checkpoint(1, "b", 10)).toBeDefined();
      await checkpoint(store, 1, 30, ["a"]);
      // Thinned out in the very group that would have made it a mark's.
      const thinned = thin([300], []);
      await store.prune(aPrune({ epochs: [{ ...mark, seq: 30, t: at(300) }] }));
      await thinned;
      expect(store.pruned(1)?.seq).toBe(20);
    });

    it("never goes back behind a mark", async () => {
      const store = await fresh();
      await fill(store, 1, 3);
      await store.prune(aPrune({ epochs: [aMark(1, 20)] }));
      await store.prune(aPrune({ epochs: [aMark(1, 10)] }));
      expect(store.pruned(1)).toEqual(aMark(1, 20));
    });

    it("is done when it was given before the store closes", async () => {
      const store = await fresh();
      await fill(store, 1, 3);
      await checkpoint(store, 1, 20, ["a"]);
      const pruned = store.prune(
        aPrune({ epochs: [{ epochId: 1, seq: 20, t: at(200), keep: [] }] }),
      );
      await store.close();
      await expect(pruned).resolves.toBeUndefined();
    });

    it("takes no checkpoint from before a mark, and leaves the mark's own to no repair", async () => {
      const store = await fresh();
      await fill(store, 1, 3);
      await checkpoint(store, 1, 20, ["a"]);
      await checkpoint(store, 1, 30, ["a"]);
      await store.prune(aPrune({ epochs: [aMark(1, 20)] }));
      await checkpoint(store, 1, 10, ["a"]);
      expect(store.directoryAt(1, at(150))).toBeUndefined();
      await store.write(aWrite({ staleCheckpoints: [{ epochId: 1, fromT: at(150) }] }));
      expect(store.directoryAt(1, at(1_000))?.seq).toBe(20);
      expect(store.checkpoint(1, "a", 20)).toBeDefined();
      expect(store.checkpoint(1, "a", 30)).toBeUndefined();
      expect(store.repairCount(1)).toBe(1);
    });

    it("forgets an epoch at once, and removes by and by all that was its own", async () => {
      const store = await fresh();
      for (const id of [1, 2, 3]) expect(store.nextEpochId()).toBe(id);
      await fill(store, 1, 3);
      await store.write(aWrite({ epochs: [anEpoch(3, { node: "n3" })] }));
      await checkpoint(store, 1, 20, ["a"]);
      const gone = [{ node: "n1", from: at(10), until: at(300) }];
      await store.prune(aPrune({ forget: [1], gone }));
      expect(store.epochs().map(({ id }) => id)).not.toContain(1);
      expect(store.epoch(1)).toBeUndefined();
      expect(store.gone()).toEqual(gone);
      expect(store.gone()).toBe(store.gone());
      expect(store.pruned(1)?.seq).toBe(Number.MAX_SAFE_INTEGER);
      await sweepAll(store);
      expect(store.pruned(1)).toBeUndefined();
      expect(lastSeqs(store, 1)).toEqual([]);
      expect(store.directoryAt(1, at(1e9))).toBeUndefined();
      expect(store.checkpoint(1, "a", 20)).toBeUndefined();
      // The same run may be heard of again: under another id.
      const id = store.nextEpochId();
      expect(id).toBeGreaterThan(3);
      await store.write(aWrite({ epochs: [anEpoch(id, { epoch: 1_001 })] }));
      expect(store.epoch(id)?.epoch).toBe(1_001);
    });

    it("removes violations and slow messages that were over before all history", async () => {
      const store = await fresh();
      await store.write(
        aWrite({
          violations: [aViolation(10, 20), aViolation(10, 500), aViolation(90, 99)],
          slowMessages: [aViolation(30, 15), aViolation(900, 15), aViolation(160, 150)],
        }),
      );
      expect(store.messagesGone()).toBeUndefined();
      expect(await sweepAll(store, 100, 1)).toBe(3);
      // What went: violations (10, 20) and (90, 99), the slow message (15, 30).
      expect(store.messagesGone()).toEqual({ from: 10, until: 99 });
      expect(await sweepAll(store, 100, 1)).toBe(0);
      expect(store.messagesGone()).toEqual({ from: 10, until: 99 });
      const found = store.violationsBetween(at(0), at(1e6));
      expect(found.map(({ sendT }) => sendT)).toEqual([500]);
      expect(store.slowMessagesAt(at(20)).map(({ receiveT }) => receiveT)).toEqual([900]);
      expect(store.slowMessagesAt(at(155))).toHaveLength(2);
    });

    it("takes less room when something was swept", async () => {
      const store = await fresh();
      await fill(store, 1, 200);
      const before = store.usage();
      expect(before.usedBytes).toBeGreaterThan(0);
      expect(before.fileBytes).toBeGreaterThanOrEqual(before.usedBytes);
      await store.prune(aPrune({ epochs: [aMark(1, 1_990)] }));
      await sweepAll(store, 0, 100);
      expect(store.usage().usedBytes).toBeLessThan(before.usedBytes / 2);
    });

    it("keeps cuts with their labels until they are removed", async () => {
      const store = await fresh();
      const bytes = Uint8Array.from({ length: 9_000 }, (_, i) => i % 251);
      await store.writeSaved({
        put: [
          { number: 12, label: { name: "b" }, bytes },
          { number: 3, label: { name: "a" }, bytes: Uint8Array.of(7) },
        ],
        remove: [5],
      });
      expect(store.saved()).toEqual([
        { number: 3, label: { name: "a" }, byteCount: 1 },
        { number: 12, label: { name: "b" }, byteCount: 9_000 },
      ]);
      expect(store.savedBytes(12)).toEqual(bytes);
      expect(store.savedBytes(4)).toBeUndefined();
      await store.writeSaved({ put: [], remove: [12] });
      expect(store.saved().map(({ number }) => number)).toEqual([3]);
      expect(store.savedBytes(12)).toBeUndefined();
    });

    it("shows what a model shows after any writes, prunes and sweeps", async () => {
      const step = fc.oneof(
        fc.record({ kind: fc.constant("write" as const), epochId: fc.integer({ min: 1, max: 3 }) }),
        fc.record({
          kind: fc.constant("prune" as const),
          epochId: fc.integer({ min: 1, max: 3 }),
          batches: fc.integer({ min: 1, max: 6 }),
        }),
        fc.record({
          kind: fc.constant("forget" as const),
          epochId: fc.integer({ min: 1, max: 3 }),
        }),
        fc.record({ kind: fc.constant("sweep" as const), limit: fc.integer({ min: 1, max: 9 }) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          const store = await open();
          const written = new Map<number, number>();
          const pruned = new Map<number, number>();
          const ids = new Map<number, number>();
          for (const one of steps) {
            if (one.kind === "sweep") {
              await store.sweep({ limit: one.limit, messagesBefore: at(0) });
              continue;
            }
            const name = one.epochId;
            const id = ids.get(name) ?? store.nextEpochId();
            ids.set(name, id);
            const count = written.get(name) ?? 0;
            if (one.kind === "write") {
              const first = count * 10 + 1;
              await store.write(
                aWrite({
                  epochs: [anEpoch(id, { node: `n${name}`, epoch: 7 })],
                  batches: [aStoredBatch(id, [first, first + 9], [first * 10, first * 10 + 90])],
                }),
              );
              written.set(name, count + 1);
            } else if (one.kind === "prune") {
              const to = Math.min(count, one.batches);
              if (to === 0) continue;
              await store.prune(aPrune({ epochs: [aMark(id, to * 10)] }));
              pruned.set(name, Math.max(pruned.get(name) ?? 0, to));
            } else if (count > 0) {
              await store.prune(aPrune({ forget: [id] }));
              for (const map of [written, pruned, ids]) map.delete(name);
            }
          }
          const shown = (): unknown =>
            [...ids].map(([name, id]) => {
              const seqs = lastSeqs(store, id).filter((seq) => seq > (store.pruned(id)?.seq ?? 0));
              return [name, seqs, store.pruned(id)?.seq ?? 0];
            });
          const expected = [...ids].map(([name]) => {
            const from = pruned.get(name) ?? 0;
            const count = (written.get(name) ?? 0) - from;
            const seqs = Array.from({ length: count }, (_, i) => (from + i + 1) * 10);
            return [name, seqs, from * 10];
          });
          expect(shown()).toEqual(expected);
          await sweepAll(store);
          expect(shown()).toEqual(expected);
          // Nothing else is left.
          for (let id = 1; id <= 40; id += 1) {
            if (![...ids.values()].includes(id)) expect(lastSeqs(store, id)).toEqual([]);
          }
          for (const [name, id] of ids) {
            expect(lastSeqs(store, id)[0] ?? 1e9).toBeGreaterThan((pruned.get(name) ?? 0) * 10);
          }
          await store.close();
        }),
        { numRuns: 25 },
      );
    }, 60_000);
  });
}
