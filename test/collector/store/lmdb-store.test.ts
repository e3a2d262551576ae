import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { describeHistoryStore } from "./history-store.contract.ts";

const root = mkdtempSync(join(tmpdir(), "retroscope-store-"));
let count = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

describeHistoryStore("LmdbStore", () => {
  count += 1;
  return LmdbStore.open({ directory: join(root, String(count)) });
});

describe("LmdbStore", () => {
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
