/** What the LMDB store keeps of epochs: how much is written, how many there may be, what cannot be. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { LogRecord } from "../../../collector/store/history-store.ts";
import { epochKey, FORMAT_KEY } from "../../../collector/store/keys.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { encodeEpoch, sealRecord } from "../../../collector/store/records.ts";
import { anEpoch, aWrite } from "./history-store.contract.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "retroscope-records-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const aLog = (t: number, changeCount: number): LogRecord => ({
  firstT: 1 as Hlc,
  lastT: t as Hlc,
  changeCount,
});

describe("the records of an epoch", () => {
  it("keeps each log in a record of its own, and finds all again", async () => {
    const store = await LmdbStore.open({ directory });
    const logs: Record<string, LogRecord> = {
      ["__proto__x"]: aLog(2, 2),
      ["x".repeat(1_500)]: aLog(3, 3),
    };
    for (let i = 0; i < 4_000; i += 1) logs[`log ${i}`] = aLog(i, i);
    const record = anEpoch(store.nextEpochId(), { logs });
    await store.write(aWrite({ epochs: [record] }));
    const changed = { ...record, logs: { ...logs, "log 7": aLog(99, 8), more: aLog(5, 1) } };
    await store.write(aWrite({ epochs: [changed] }));
    expect(encodeEpoch(changed).length).toBeLessThan(1_000);
    await store.close();
    const again = await LmdbStore.open({ directory });
    expect({ ...again.epoch(record.id)?.logs }).toEqual(changed.logs);
    expect(again.verify()).toEqual({ recordCount: 4_005, damagedCount: 0 });
    await again.close();
  });

  it("reads a store of format 1, whose epochs hold their logs", async () => {
    const db = open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
    });
    const record = anEpoch(3);
    const key = epochKey(3);
    db.putSync(FORMAT_KEY, sealRecord(FORMAT_KEY, Buffer.from([1])));
    db.putSync(key, sealRecord(key, Buffer.from(JSON.stringify(record))));
    await db.close();
    for (const eventCount of [3, 4]) {
      const store = await LmdbStore.open({ directory });
      expect(store.epoch(3)).toEqual({ ...record, eventCount });
      const stock = { firstT: 10 as Hlc, lastT: 30 as Hlc, changeCount: 2 };
      await store.write(aWrite({ epochs: [{ ...record, eventCount: 4, logs: { stock } }] }));
      await store.close();
    }
  });

  it("opens with more epochs than a call may have arguments", async () => {
    const first = await LmdbStore.open({ directory });
    const epochs = Array.from({ length: 130_000 }, () => {
      const id = first.nextEpochId();
      return anEpoch(id, { node: `n${id}`, logs: {}, stored: [] });
    });
    await first.write(aWrite({ epochs }));
    await first.close();
    const second = await LmdbStore.open({ directory });
    expect(second.epochs()).toHaveLength(130_000);
    expect(second.nextEpochId()).toBe(130_001);
    await second.close();
  }, 30_000);

  it("refuses what cannot be written, and that alone", async () => {
    const failures: unknown[] = [];
    const store = await LmdbStore.open({ directory, onFailure: (error) => failures.push(error) });
    const results = await Promise.allSettled([
      store.write(aWrite({ epochs: [anEpoch(1)] })),
      store.write(aWrite({ epochs: [anEpoch(2), anEpoch(4, { status: 1n })] })),
      store.write(aWrite({ epochs: [anEpoch(3)] })),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(store.failure).toBeUndefined();
    expect(failures).toEqual([]);
    expect(store.epochs().map(({ id }) => id)).toEqual([1, 3]);
    await store.close();
    const again = await LmdbStore.open({ directory });
    expect(again.epochs().map(({ id }) => id)).toEqual([1, 3]);
    await again.close();
  });
});
