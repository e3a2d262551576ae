/** A disk that really fills up, under LMDB itself: a tmpfs of a few MiB. Needs the right to mount one. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Hlc, MIN_HLC } from "../../../agent/kernel/index.ts";
import type { StoreWrite } from "../../../collector/store/history-store.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { anEpoch, aStoredBatch, aWrite } from "./history-store.contract.ts";

function mount(directory: string): boolean {
  const args = ["-t", "tmpfs", "-o", "size=6m", "tmpfs", directory];
  return spawnSync("mount", args, { stdio: "ignore" }).status === 0;
}

const probe = mkdtempSync(join(tmpdir(), "retroscope-full-"));
const canMount = mount(probe);
if (canMount) spawnSync("umount", ["-l", probe]);
rmdirSync(probe);

async function onSmallDisk(use: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), "retroscope-full-"));
  expect(mount(disk)).toBe(true);
  try {
    await use(disk);
  } finally {
    spawnSync("umount", ["-l", disk]);
    rmdirSync(disk);
  }
}

function aLargeWrite(k: number, bytes: number): StoreWrite {
  const batch = aStoredBatch(1, [k * 3 + 1, k * 3 + 3], [k * 3 + 1, k * 3 + 3]);
  return aWrite({
    batches: [{ ...batch, bytes: new Uint8Array(bytes).fill(k % 251) }],
    epochs: [anEpoch(1, { eventCount: k })],
  });
}

const aRepairOf = (epochId: number) => ({ epochId, fromT: 0 as Hlc });

const storedIn = (store: LmdbStore): number[] =>
  [...store.batches(1, { from: MIN_HLC, to: 1e9 as Hlc })].map((one) => (one.firstSeq - 1) / 3);

describe.skipIf(!canMount)("a full disk (needs the right to mount one)", () => {
  it("is refused before its end, and written again once there is room", () =>
    onSmallDisk(async (disk) => {
      const filler = join(disk, "filler");
      writeFileSync(filler, Buffer.alloc(3 * 1024 * 1024));
      const store = await LmdbStore.open({ directory: join(disk, "data"), minFreeBytes: 300_000 });
      const acknowledged: number[] = [];
      let refusal: unknown;
      for (let k = 0; refusal === undefined && k < 500; k += 1) {
        await store.write(aLargeWrite(k, 40_000)).then(
          () => acknowledged.push(k),
          (error) => {
            refusal = error;
          },
        );
      }
      expect(refusal).toMatchObject({ code: "disk-full", retriable: true });
      expect(acknowledged.length).toBeGreaterThan(10);
      expect(storedIn(store)).toEqual(acknowledged);
      rmSync(filler);
      await store.write(aLargeWrite(400, 40_000));
      expect(storedIn(store)).toEqual([...acknowledged, 400]);
      await store.close();
    }));

  it("that fills in mid-commit loses nothing acknowledged, and is written again after reopening", () =>
    onSmallDisk(async (disk) => {
      const filler = join(disk, "filler");
      const store = await LmdbStore.open({ directory: join(disk, "data"), minFreeBytes: 0 });
      await store.write(aLargeWrite(0, 40_000));
      const before = store.epochs();
      const repair = { ...aLargeWrite(1, 1_500_000), staleCheckpoints: [aRepairOf(1)] };
      const torn = store.write(repair).catch((error: unknown) => error);
      for (let turn = 0; turn < 4; turn += 1) await Promise.resolve(); // past the look at the disk
      fillUp(filler);
      expect(await torn).toMatchObject({ code: "disk-full", retriable: true });
      expect(store.epochs()).toEqual(before);
      expect(storedIn(store)).toEqual([0]);
      // It may have been there all the same: what was computed before it must not be kept.
      expect(store.repairCount(1)).toBe(1);
      await expect(store.write(aLargeWrite(2, 100))).rejects.toMatchObject({ code: "disk-full" });
      rmSync(filler);
      await store.write(aLargeWrite(3, 1_500_000));
      expect(storedIn(store)).toEqual([0, 3]);
      expect(store.verify().damagedCount).toBe(0);
      expect(store.failure).toBeUndefined();
      await store.close();
    }));

  it("without any reserve ends writing, and the next start finds what was acknowledged", () =>
    onSmallDisk(async (disk) => {
      const directory = join(disk, "data");
      const store = await LmdbStore.open({ directory, minFreeBytes: -(2 ** 40) });
      const acknowledged: number[] = [];
      for (let k = 0; store.failure === undefined && k < 500; k += 1) {
        await store.write(aLargeWrite(k, 40_000)).then(
          () => acknowledged.push(k),
          () => {},
        );
      }
      expect(store.failure).toMatchObject({ code: "data-unusable" });
      await expect(store.write(aLargeWrite(499, 10))).rejects.toBe(store.failure);
      expect(storedIn(store)).toEqual(acknowledged);
      await store.close();
      const next = await LmdbStore.open({ directory, minFreeBytes: 0 });
      expect(storedIn(next)).toEqual(acknowledged);
      expect(next.verify().damagedCount).toBe(0);
      await next.close();
    }));
});

function fillUp(path: string): void {
  for (let bytes = 4 * 1024 * 1024; bytes >= 4_096; bytes /= 2) {
    try {
      appendFileSync(path, Buffer.alloc(bytes));
    } catch {
      // less, then
    }
  }
}
