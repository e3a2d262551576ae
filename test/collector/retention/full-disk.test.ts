/** Retention is what makes room on a full disk: nothing that it needs may be refused for want of room. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { aScene, JumpingTimers, type Scene } from "./support.ts";

const directories: string[] = [];
afterEach(() => {
  for (const one of directories.splice(0)) rmSync(one, { recursive: true, force: true });
});

/** So much room no disk has: only what makes room may be written. */
const FULL = Number.MAX_SAFE_INTEGER;

async function onDisk(use: (scene: Scene, store: LmdbStore) => Promise<void>, full = false) {
  const directory = directories[0] ?? mkdtempSync(join(tmpdir(), "retroscope-room-"));
  if (directories.length === 0) directories.push(directory);
  const minFreeBytes = full ? FULL : 0;
  const store = await LmdbStore.open({ directory, minFreeBytes });
  const timers = new JumpingTimers();
  timers.advance(full ? 200_000 : 1);
  const scene = aScene(full ? { maxBytes: 1 } : {}, store, timers);
  try {
    await use(scene, store);
  } finally {
    await scene.close();
    await store.close();
  }
}

it("Saved cuts are given up, and history goes, with no room left to write anything else", async () => {
  await onDisk(async (scene) => {
    for (let i = 0; i < 30; i += 1) {
      await scene.ship(i);
      scene.timers.advance(1_000);
    }
    const label = { at: atTick(50), savedMs: 1, complete: true, consistent: true, memberCount: 1 };
    for (const name of ["a", "b"]) {
      await scene.keeping.saved.save({ ...label, name }, new Uint8Array(5_000));
    }
  });
  await onDisk(async ({ ingest, keeping, history }, store) => {
    await expect(ingest.submit(aBatch({ seqs: [301, 310] }))).rejects.toMatchObject({
      code: "disk-full",
    });
    for (let rounds = 0; rounds < 6; rounds += 1) await keeping.retention.round();
    expect(keeping.saved.list()).toEqual([]);
    expect(store.saved()).toEqual([]);
    const pruned = store.pruned(1)?.seq ?? 0;
    expect(pruned).toBeGreaterThanOrEqual(100);
    expect([...store.pieces(1, 0)].every(({ first }) => first > pruned)).toBe(true);
    // What is left is exact from its beginning on: the state there was written.
    const cut = history.cutAt(atTick(3_000));
    expect([cut.complete, cut.nodes.get("n1")?.logs.get("stock")?.get("v0")]).toEqual([true, 300]);
  }, true);
});
