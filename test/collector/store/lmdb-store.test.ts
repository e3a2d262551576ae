import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { describeDerivedRecords } from "./derived-records.contract.ts";
import { anEpoch, aStoredBatch, aWrite, describeHistoryStore } from "./history-store.contract.ts";
import { describePruning } from "./pruning.contract.ts";
import { describeSegmentStore } from "./segment-store.contract.ts";

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

describe("LmdbStore", () => {
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
    await first.prune({ epochs: [mark], forget: [ids[1]], gone });
    await first.close();
    const second = await LmdbStore.open({ directory });
    expect(second.pruned(ids[0])).toEqual(mark);
    expect(second.gone()).toEqual(gone);
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
