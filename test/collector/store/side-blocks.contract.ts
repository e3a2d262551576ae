/** What every HistoryStore promises of side blocks. */
import { describe, expect, it } from "vitest";
import type { HistoryStore, StoredSideBlock } from "../../../collector/store/history-store.ts";
import { freshStores } from "./fresh-stores.ts";
import { anEpoch, aWrite } from "./history-store.contract.ts";

const ALL = { fromSecond: 0, untilSecond: Number.MAX_SAFE_INTEGER } as const;

function aBlock(second: number, overrides: Partial<StoredSideBlock> = {}): StoredSideBlock {
  const bytes = Uint8Array.of(second % 251, 7);
  return {
    epochId: 1,
    stream: "load",
    second,
    part: 0,
    arrivalMs: 1_000 + second,
    bytes,
    ...overrides,
  };
}

export function describeSideBlocks(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name} as a keeper of side blocks`, () => {
    const fresh = freshStores(open);
    const write = (store: HistoryStore, ...sideBlocks: StoredSideBlock[]): Promise<void> =>
      store.write(aWrite({ epochs: [anEpoch(1)], sideBlocks }));

    it("gives them back by second, stream and part, whatever order they came in", async () => {
      const store = await fresh();
      const blocks = [
        aBlock(9),
        aBlock(7, { stream: "resource" }),
        aBlock(7, { part: 1 }),
        aBlock(7),
        aBlock(7, { stream: "histogram" }),
        aBlock(300, { epochId: 2 }),
      ];
      await write(store, ...blocks);
      const names = [...store.sideBlocks(1, ALL)].map(
        ({ second, stream, part }) => `${second} ${stream} ${part}`,
      );
      expect(names).toEqual(["7 load 0", "7 load 1", "7 histogram 0", "7 resource 0", "9 load 0"]);
      expect([...store.sideBlocks(2, ALL)]).toEqual([blocks[5]]);
    });

    it("gives those of a stretch of seconds, without its end, and of the streams asked for", async () => {
      const store = await fresh();
      await write(store, aBlock(5), aBlock(6), aBlock(6, { stream: "resource" }), aBlock(7));
      const range = { fromSecond: 6, untilSecond: 7 };
      expect([...store.sideBlocks(1, range)]).toHaveLength(2);
      const load = [...store.sideBlocks(1, { ...range, streams: ["load"] })];
      expect(load).toEqual([aBlock(6)]);
    });

    it("keeps the first of two under one identity: what comes again changes nothing", async () => {
      const store = await fresh();
      await write(store, aBlock(5));
      await write(store, aBlock(5, { bytes: Uint8Array.of(1, 2, 3), arrivalMs: 9_999 }));
      expect([...store.sideBlocks(1, ALL)]).toEqual([aBlock(5)]);
    });

    it("removes the oldest by arrival or by second, some at a time, and no other", async () => {
      const store = await fresh();
      const seconds = [1, 2, 3, 4, 5, 6];
      await write(store, ...seconds.map((second) => aBlock(second)), aBlock(1, { epochId: 2 }));
      const left = (): number[] => [...store.sideBlocks(1, ALL)].map(({ second }) => second);
      expect(
        await store.removeSideBlocks({ epochIds: [1], arrivedBeforeMs: 1_004, limit: 2 }),
      ).toBe(2);
      expect(left()).toEqual([3, 4, 5, 6]);
      expect(
        await store.removeSideBlocks({ epochIds: [1], arrivedBeforeMs: 1_004, limit: 2 }),
      ).toBe(1);
      expect(left()).toEqual([4, 5, 6]);
      expect(await store.removeSideBlocks({ epochIds: [1], beforeSecond: 6, limit: 10 })).toBe(2);
      expect(left()).toEqual([6]);
      expect([...store.sideBlocks(2, ALL)]).toHaveLength(1);
    });

    it("lets them go with the epoch that is forgotten", async () => {
      const store = await fresh();
      await write(store, aBlock(5), aBlock(6));
      await store.prune({ epochs: [], forget: [1], gone: undefined });
      for (;;) {
        const count = await store.sweep({ limit: 1, messagesBefore: anEpoch(1).joined });
        if (count < 1) break;
      }
      expect([...store.sideBlocks(1, ALL)]).toEqual([]);
    });
  });
}
