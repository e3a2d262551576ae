import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { compactStore } from "../../../collector/store/compact.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { cli } from "../cli/support.ts";
import { anEpoch, aStoredBatch, aWrite } from "./history-store.contract.ts";

const root = mkdtempSync(join(tmpdir(), "retroscope-compact-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function aPrunedStore(directory: string): Promise<void> {
  const store = await LmdbStore.open({ directory });
  const id = store.nextEpochId();
  for (let i = 0; i < 100; i += 1) {
    const batch = aStoredBatch(id, [i * 10 + 1, i * 10 + 10], [i * 100, i * 100 + 99]);
    const bytes = new Uint8Array(9_000).fill(i);
    await store.write(aWrite({ epochs: [anEpoch(id)], batches: [{ ...batch, bytes }] }));
  }
  const mark = { epochId: id, seq: 980, t: 9_799 as Hlc, isBlank: true as const, keep: [] };
  await store.prune({ epochs: [mark], forget: [], gone: undefined });
  while ((await store.sweep({ limit: 100, messagesBefore: 0 as Hlc })) === 100);
  await store.close();
}

describe("compacting a store", () => {
  it("leaves what is in it, and a file of that size", async () => {
    const directory = join(root, "a");
    await aPrunedStore(directory);
    const before = statSync(join(directory, "data.mdb")).size;
    const ended = await cli("http://127.0.0.1:1", `compact --data ${directory} --json`);
    expect([ended.code, ended.err]).toEqual([0, ""]);
    const { beforeBytes, afterBytes } = JSON.parse(ended.out) as Record<string, number>;
    expect(beforeBytes).toBe(before);
    expect(afterBytes).toBeLessThan(before / 4);
    expect(statSync(join(directory, "data.mdb")).size).toBe(afterBytes);
    expect(readdirSync(directory)).not.toContain("compact-tmp");
    const store = await LmdbStore.open({ directory });
    const left = [...store.batches(1, { from: 0 as Hlc, to: 1e9 as Hlc })];
    expect(left.map(({ firstSeq }) => firstSeq)).toEqual([981, 991]);
    expect(store.pruned(1)?.seq).toBe(980);
    expect(store.verify().damagedCount).toBe(0);
    await store.close();
  });

  it("refuses where a collector is running, and where there is no store", async () => {
    const directory = join(root, "b");
    const store = await LmdbStore.open({ directory });
    await expect(compactStore(directory)).rejects.toMatchObject({ code: "data-in-use" });
    await store.close();
    const missing = compactStore(join(root, "none"));
    await expect(missing).rejects.toMatchObject({ code: "not-found" });
  });
});
