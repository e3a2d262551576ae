import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { describeDerivedRecords } from "./derived-records.contract.ts";
import { anEpoch, aStoredBatch, aWrite, describeHistoryStore } from "./history-store.contract.ts";
import { describePruning } from "./pruning.contract.ts";
import { describeSealedPruning } from "./sealed-pruning.contract.ts";
import { describeSegmentStore } from "./segment-store.contract.ts";
import { describeSideBlocks } from "./side-blocks.contract.ts";

const root = mkdtempSync(join(tmpdir(), "retroscope-store-"));
let count = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

const openNew = () => {
  count += 1;
  return LmdbStore.open({ directory: join(root, String(count)) });
};
describeHistoryStore("LmdbStore", openNew);
describeDerivedRecords("LmdbStore", openNew);
describePruning("LmdbStore", openNew);
describeSegmentStore("LmdbStore", openNew);
describeSealedPruning("LmdbStore", openNew);
describeSideBlocks("LmdbStore", openNew);

describe("LmdbStore", () => {
  it("does not keep what was joined without a batch that was on its way to the disk then", async () => {
    const MOST_TICKS = 12;
    let unseenCount = 0;
    // The claim is made before the batch is taken into a transaction, while it is written, or behind it.
    for (let ticks = 0; ticks <= MOST_TICKS; ticks += 1) {
      const store = await openNew();
      const batch = aStoredBatch(1, [1, 2], [250, 260]);
      const write = store.write(aWrite({ epochs: [anEpoch(1)], batches: [batch] }));
      for (let i = 0; i < ticks; i += 1) await Promise.resolve();
      if (ticks === MOST_TICKS) await write;
      const claim = store.claimMessages(200 as Hlc, 330 as Hlc);
      const all = { from: 0 as Hlc, to: 1_000 as Hlc };
      const isSeen = [...store.batches(1, all)].length > 0;
      if (!isSeen) unseenCount += 1;
      await write;
      const bytes = Uint8Array.of(1);
      await store.writeMessages(claim, [{ level: 0, index: 1, bytes }]);
      if (!isSeen) expect([ticks, store.messageStretches()]).toEqual([ticks, []]);
      if (ticks === MOST_TICKS) expect(store.messageStretches()).toHaveLength(1);
      await store.close();
    }
    expect(unseenCount).toBeGreaterThan(3);
  });

  it("has the tiles and joined messages of the run before", async () => {
    const directory = join(root, "derived");
    const first = await LmdbStore.open({ directory });
    const bytes = Uint8Array.of(7);
    await first.writeTiles({ epochId: 1, repairCount: 0, tiles: [{ level: 2, index: 3, bytes }] });
    const claim = first.claimMessages(5 as Hlc, 9 as Hlc);
    await first.writeMessages(claim, [{ level: 0, index: 1, bytes }]);
    await first.close();
    const second = await LmdbStore.open({ directory });
    expect(second.tile(1, 2, 3)).toEqual(bytes);
    expect(second.messageStretches()).toEqual([{ from: 5, until: 9 }]);
    expect(second.messageCell(5 as Hlc, 0, 1)).toEqual(bytes);
    await second.close();
  });

  it("has the captures of the run before", async () => {
    const directory = join(root, "captures");
    const first = await LmdbStore.open({ directory });
    const put = [{ number: 3, body: { id: "c3" } }];
    await first.writeCaptures({ put, remove: [] });
    await first.close();
    const second = await LmdbStore.open({ directory });
    expect(second.captures()).toEqual(put);
    expect(second.verify().damagedCount).toBe(0);
    await second.close();
  });

  it("goes on sweeping what the run before had marked, and gives no id twice", async () => {
    const directory = join(root, "marks");
    const first = await LmdbStore.open({ directory });
    const ids = [first.nextEpochId(), first.nextEpochId()] as const;
    for (const id of ids) {
      await first.write(
        aWrite({
          epochs: [anEpoch(id)],
          batches: [aStoredBatch(id, [1, 10], [10, 100]), aStoredBatch(id, [11, 20], [110, 200])],
        }),
      );
    }
    const gone = [{ node: "n1", from: 10 as Hlc, until: 300 as Hlc }];
    const mark = { epochId: ids[0], seq: 10, t: 100 as Hlc, isBlank: true as const, keep: [] };
    const ref = { node: "n1", epoch: 1, seq: 1 };
    const violation = { receiveT: 5 as Hlc, sendT: 9 as Hlc, send: ref, receive: ref };
    await first.write(aWrite({ violations: [violation] }));
    await first.sweep({ limit: 9, messagesBefore: 10 as Hlc });
    await first.prune({ epochs: [mark], forget: [ids[1]], gone });
    await first.close();
    const second = await LmdbStore.open({ directory });
    expect(second.pruned(ids[0])).toEqual(mark);
    expect(second.gone()).toEqual(gone);
    expect(second.messagesGone()).toEqual({ from: 5, until: 9 });
    expect(second.epochs().map(({ id }) => id)).toEqual([ids[0]]);
    expect(second.nextEpochId()).toBeGreaterThan(ids[1]);
    while ((await second.sweep({ limit: 2, messagesBefore: 0 as Hlc })) === 2);
    const range = { from: 0 as Hlc, to: 1_000 as Hlc };
    expect([...second.batches(ids[0], range)].map(({ firstSeq }) => firstSeq)).toEqual([11]);
    expect([...second.batches(ids[1], range)]).toEqual([]);
    expect(second.verify().damagedCount).toBe(0);
    await second.close();
  });
});
