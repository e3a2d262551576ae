import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { describeDerivedRecords } from "./derived-records.contract.ts";
import { describeHistoryStore } from "./history-store.contract.ts";

const root = mkdtempSync(join(tmpdir(), "retroscope-store-"));
let count = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

const openNew = () => {
  count += 1;
  return LmdbStore.open({ directory: join(root, String(count)) });
};
describeHistoryStore("LmdbStore", openNew);
describeDerivedRecords("LmdbStore", openNew);

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
});
