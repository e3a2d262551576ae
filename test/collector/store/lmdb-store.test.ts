import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { describeHistoryStore } from "./history-store.contract.ts";

const root = mkdtempSync(join(tmpdir(), "retroscope-store-"));
let count = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

describeHistoryStore("LmdbStore", () => {
  count += 1;
  return LmdbStore.open({ directory: join(root, String(count)) });
});
