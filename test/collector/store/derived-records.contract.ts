/** What every HistoryStore promises of what was worked out of events: timeline tiles, joined messages. */
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { tileSpan } from "../../../collector/store/tile-levels.ts";
import { freshStores } from "./fresh-stores.ts";
import { anEpoch, aStoredBatch, aWrite } from "./history-store.contract.ts";

const at = (t: number): Hlc => t as Hlc;
const CELLS = [
  { level: 0, index: -3, bytes: Uint8Array.of(1) },
  { level: 3, index: 7, bytes: Uint8Array.of(2, 3) },
];

export function describeDerivedRecords(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name} as a keeper of what was worked out`, () => {
    const fresh = freshStores(open);
    const tile = (level: number, index: number) => ({ level, index, bytes: Uint8Array.of(level) });

    it("gives a tile back by epoch, level and index, and no other", async () => {
      const store = await fresh();
      await store.writeTiles({ epochId: 1, repairCount: 0, tiles: [tile(4, -2), tile(6, 9)] });
      expect(store.tile(1, 4, -2)).toEqual(Uint8Array.of(4));
      expect(store.tile(1, 6, 9)).toEqual(Uint8Array.of(6));
      expect(store.tile(1, 4, 9)).toBeUndefined();
      expect(store.tile(2, 4, -2)).toBeUndefined();
    });

    it("drops the tiles of every level that a repair touches, and those only", async () => {
      const store = await fresh();
      const fromT = 3 * tileSpan(4);
      for (const epochId of [1, 2]) {
        const tiles = [0, 1, 2, 3, 4].map((index) => tile(4, index));
        await store.writeTiles({ epochId, repairCount: 0, tiles: [...tiles, tile(10, 0)] });
      }
      await store.write(aWrite({ staleCheckpoints: [{ epochId: 1, fromT: at(fromT) }] }));
      const left = (epochId: number) =>
        [0, 1, 2, 3, 4].filter((index) => store.tile(epochId, 4, index) !== undefined);
      expect(left(1)).toEqual([0, 1, 2]);
      expect(store.tile(1, 10, 0)).toBeUndefined();
      expect(left(2)).toEqual([0, 1, 2, 3, 4]);
      expect(store.tile(2, 10, 0)).toBeDefined();
    });

    it("drops tiles that were counted before a repair, whichever of the two is written first", async () => {
      const store = await fresh();
      const before = { epochId: 1, repairCount: store.repairCount(1), tiles: [tile(4, 5)] };
      const repair = aWrite({ staleCheckpoints: [{ epochId: 1, fromT: at(0) }] });
      await Promise.all([store.writeTiles(before), store.write(repair), store.writeTiles(before)]);
      expect(store.tile(1, 4, 5)).toBeUndefined();
      await store.writeTiles({ ...before, repairCount: store.repairCount(1) });
      expect(store.tile(1, 4, 5)).toBeDefined();
    });

    it("keeps the joined messages of a stretch with its cells, in order of time", async () => {
      const store = await fresh();
      await store.writeMessages(store.claimMessages(at(200), at(330)), CELLS);
      await store.writeMessages(store.claimMessages(at(-100), at(30)), []);
      expect(store.messageStretches()).toEqual([
        { from: -100, until: 30 },
        { from: 200, until: 330 },
      ]);
      expect(store.messageCell(at(200), 0, -3)).toEqual(Uint8Array.of(1));
      expect(store.messageCell(at(200), 3, 7)).toEqual(Uint8Array.of(2, 3));
      expect(store.messageCell(at(200), 0, 7)).toBeUndefined();
      expect(store.messageCell(at(-100), 0, -3)).toBeUndefined();
    });

    it("replaces what was joined of a stretch before, with all its cells", async () => {
      const store = await fresh();
      await store.writeMessages(store.claimMessages(at(200), at(330)), CELLS);
      const second = [{ level: 1, index: 1, bytes: Uint8Array.of(9) }];
      await store.writeMessages(store.claimMessages(at(200), at(400)), second);
      expect(store.messageStretches()).toEqual([{ from: 200, until: 400 }]);
      expect(store.messageCell(at(200), 0, -3)).toBeUndefined();
      expect(store.messageCell(at(200), 1, 1)).toEqual(Uint8Array.of(9));
    });

    const batchAt = (id: number, firstT: number, lastT: number) =>
      aWrite({ epochs: [anEpoch(id)], batches: [aStoredBatch(id, [1, 2], [firstT, lastT])] });

    it.each([
      ["before it", 100, 199, true],
      ["up to its beginning", 100, 200, false],
      ["inside", 250, 260, false],
      ["around it", 100, 900, false],
      ["at its end", 330, 900, false],
      ["after it", 331, 900, true],
    ])(
      "keeps a stretch only until a batch comes to it: one %s",
      async (_, firstT, lastT, isKept) => {
        const store = await fresh();
        await store.writeMessages(store.claimMessages(at(200), at(330)), CELLS);
        await store.writeMessages(store.claimMessages(at(1_000), at(1_130)), CELLS);
        await store.write(batchAt(1, firstT, lastT));
        expect(store.messageStretches().map(({ from }) => from)).toEqual(
          isKept ? [200, 1_000] : [1_000],
        );
        // What is joined anew holds no cell of before.
        await store.writeMessages(store.claimMessages(at(200), at(330)), []);
        expect(store.messageCell(at(200), 3, 7)).toBeUndefined();
      },
    );

    it.each(["claim, batch, joined", "batch, claim, joined", "claim, joined, batch"])(
      "keeps nothing that was joined without a batch stored meanwhile: %s",
      async (order) => {
        const store = await fresh();
        let claim = store.claimMessages(at(200), at(330));
        if (order.startsWith("batch")) store.giveUpMessages(claim);
        const writes = order.split(", ").map((step) => {
          if (step === "batch") return store.write(batchAt(1, 300, 300));
          if (step === "joined") return store.writeMessages(claim, CELLS);
          // A batch that was given to the store is not yet seen by those who read.
          if (order.startsWith("batch")) claim = store.claimMessages(at(200), at(330));
          return undefined;
        });
        await Promise.all(writes);
        expect(store.messageStretches()).toEqual([]);
      },
    );

    it("writes a claim once, and one that was given up never", async () => {
      const store = await fresh();
      const claim = store.claimMessages(at(200), at(330));
      store.giveUpMessages(claim);
      await store.writeMessages(claim, CELLS);
      expect(store.messageStretches()).toEqual([]);
      const next = store.claimMessages(at(200), at(330));
      await store.writeMessages(next, []);
      await store.writeMessages(next, CELLS);
      expect(store.messageCell(at(200), 0, -3)).toBeUndefined();
    });
  });
}
