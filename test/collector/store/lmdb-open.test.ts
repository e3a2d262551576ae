/** Who may open a store, and what a disk without room does. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Hlc, MIN_HLC } from "../../../agent/kernel/index.ts";
import { cutShort } from "../../../collector/store/cut-short.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { verifyStore } from "../../../collector/verify/verify-store.ts";
import { readLmdb } from "../../faults/collector/lmdb-file.mjs";
import { anEpoch, aStoredBatch, aWrite } from "./history-store.contract.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "retroscope-open-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("opening", () => {
  it("makes the directory for its owner alone, and the files too", async () => {
    const made = join(directory, "a", "b");
    const store = await LmdbStore.open({ directory: made });
    expect(statSync(made).mode & 0o777).toBe(0o700);
    expect(statSync(join(made, "data.mdb")).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it("finds everything again, and gives no epoch id twice", async () => {
    const first = await LmdbStore.open({ directory });
    const id = first.nextEpochId();
    const record = anEpoch(id, { logs: {}, tags: { ["__proto__"]: "x" } });
    await first.write(aWrite({ epochs: [record], batches: [aStoredBatch(id, [1, 3], [-5, 30])] }));
    await first.close();
    const second = await LmdbStore.open({ directory });
    expect(second.epochs()).toHaveLength(1);
    expect(Object.getPrototypeOf(second.epoch(id)?.logs)).toBeNull();
    expect([...second.batches(id, { from: MIN_HLC, to: 99 as Hlc })]).toHaveLength(1);
    expect(second.nextEpochId()).toBeGreaterThan(id);
    await second.close();
  });

  it("refuses a directory in use, naming the process, and takes it once that has closed", async () => {
    const first = await LmdbStore.open({ directory });
    await expect(LmdbStore.open({ directory })).rejects.toMatchObject({
      code: "data-in-use",
      message: expect.stringContaining(`process ${process.pid}`),
      details: { pid: process.pid },
    });
    await first.close();
    const second = await LmdbStore.open({ directory });
    await second.close();
  });

  it("lets one of many that start at once in", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => LmdbStore.open({ directory })),
    );
    const opened = results.filter((one) => one.status === "fulfilled");
    expect(opened).toHaveLength(1);
    for (const one of results) {
      if (one.status === "rejected") expect(one.reason.code).toBe("data-in-use");
      else await one.value.close();
    }
  });

  it("takes over the socket that a killed owner left behind", async () => {
    const script = `require("node:net").createServer().listen(${JSON.stringify(
      join(directory, "collector.sock"),
    )}, () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const inUse = await LmdbStore.open({ directory }).catch((error) => error.code);
    expect(inUse).toBe("data-in-use");
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    expect(existsSync(join(directory, "collector.sock"))).toBe(true);
    const store = await LmdbStore.open({ directory });
    await store.close();
  });

  it("locks a directory whose path is too long for a socket", async () => {
    const long = join(directory, "x".repeat(120));
    const store = await LmdbStore.open({ directory: long });
    expect(existsSync(join(long, "collector.sock"))).toBe(true);
    await expect(LmdbStore.open({ directory: long })).rejects.toMatchObject({
      code: "data-in-use",
    });
    await store.close();
    expect(existsSync(join(long, "collector.sock"))).toBe(false);
  });

  it("says who holds the socket even if the one who holds it says nothing", async () => {
    mkdirSync(directory, { recursive: true });
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(join(directory, "collector.sock"), resolve));
    await expect(LmdbStore.open({ directory })).rejects.toMatchObject({
      code: "data-in-use",
      message: expect.stringContaining("another process"),
    });
    await new Promise((resolve) => silent.close(resolve));
  });

  const unusable: ReadonlyArray<readonly [why: string, prepare: () => string]> = [
    [
      "lies below a file",
      () => {
        writeFileSync(join(directory, "file"), "");
        return join(directory, "file", "data");
      },
    ],
    ["cannot be made", () => "/proc/self/retroscope"],
    [
      "holds a file that is not ours",
      () => {
        writeFileSync(join(directory, "data.mdb"), Buffer.alloc(20_000, 7));
        return directory;
      },
    ],
  ];
  it.each(unusable)("refuses a directory that %s", async (_why, prepare) => {
    await expect(LmdbStore.open({ directory: prepare() })).rejects.toMatchObject({
      code: "data-unusable",
      hint: expect.any(String),
    });
  });
});

describe("a file that is cut short", () => {
  const path = (): string => join(directory, "data.mdb");

  /** Small records and large ones, so that pages of every kind are in use. */
  async function filled(): Promise<void> {
    const store = await LmdbStore.open({ directory });
    for (let i = 0; i < 30; i += 1) {
      const batch = aStoredBatch(1, [i * 3 + 1, i * 3 + 3], [i * 3 + 1, i * 3 + 3]);
      const bytes = new Uint8Array(i % 3 === 0 ? 20_000 : 700);
      await store.write(aWrite({ epochs: [anEpoch(1)], batches: [{ ...batch, bytes }] }));
    }
    await store.close();
  }

  it("is refused, and told by verify, rather than end the process that maps it", async () => {
    await filled();
    const whole = statSync(path()).size;
    truncateSync(path(), whole / 2);
    const refusal = { code: "data-damaged", message: expect.stringContaining("is cut short") };
    await expect(LmdbStore.open({ directory })).rejects.toMatchObject(refusal);
    await expect(LmdbStore.open({ directory })).rejects.toMatchObject(refusal);
    expect(await verifyStore({ directory })).toMatchObject({
      damageCount: 1,
      damage: [{ kind: "file", fault: "missing", detail: refusal.message }],
    });
  });

  it("is told from a whole one at every length, by a reader that shares no code", async () => {
    await filled();
    const whole = readFileSync(path());
    const { records, heads, pageBytes } = readLmdb(path());
    const ends = [
      ...heads.map((at) => at + pageBytes),
      ...records.map(({ at, length }) => at + length),
    ];
    const needed = Math.max(...ends);
    expect(records.some(({ length }) => length > pageBytes)).toBe(true);
    for (let bytes = 3 * pageBytes; bytes <= whole.length; bytes += pageBytes) {
      truncateSync(path(), bytes);
      const found = cutShort(path());
      // The tree of free pages is in use as well: that reader does not look at it.
      if (bytes < needed) expect([bytes, found?.bytes]).toEqual([bytes, bytes]);
      if (found !== undefined) expect(found.neededBytes).toBeGreaterThan(bytes);
      writeFileSync(path(), whole);
    }
    expect(cutShort(path())).toBeUndefined();
  });

  it("is not one whose last pages were never written, because nothing is in them", async () => {
    await filled();
    const whole = readFileSync(path());
    const lastPageAt = 24 + 24 + 2 * 48;
    for (const meta of [0, 4_096]) {
      const last = whole.readBigUInt64LE(meta + lastPageAt);
      whole.writeBigUInt64LE(last + 9n, meta + lastPageAt);
    }
    writeFileSync(path(), whole);
    expect(cutShort(path())).toBeUndefined();
    const store = await LmdbStore.open({ directory });
    expect(store.epochs()).toHaveLength(1);
    await store.close();
  });
});

describe("a disk without room", () => {
  it("refuses writes, stores nothing of them, and goes on reading", async () => {
    const roomy = await LmdbStore.open({ directory });
    await roomy.write(aWrite({ epochs: [anEpoch(1)], batches: [aStoredBatch(1, [1, 3], [1, 3])] }));
    await roomy.close();
    const store = await LmdbStore.open({ directory, minFreeBytes: 2 ** 60 });
    await expect(store.write(aWrite({ epochs: [anEpoch(2)] }))).rejects.toMatchObject({
      code: "disk-full",
      retriable: true,
    });
    expect(store.failure).toBeUndefined();
    expect(store.epochs()).toHaveLength(1);
    expect(store.batchWithSeq(1, 2)?.firstSeq).toBe(1);
    await store.close();
  });

  it("bounds what waits for the disk", async () => {
    const store = await LmdbStore.open({ directory, maxQueuedBytes: 50_000, minFreeBytes: 0 });
    const writes = Array.from({ length: 40 }, (_, i) => {
      const batch = aStoredBatch(1, [i * 3 + 1, i * 3 + 3], [i * 3 + 1, i * 3 + 3]);
      return store.write(aWrite({ batches: [{ ...batch, bytes: new Uint8Array(4_000) }] }));
    });
    const results = await Promise.allSettled(writes);
    const refused = results.filter((one) => one.status === "rejected");
    expect(refused.length).toBeGreaterThan(20);
    expect(refused[0]).toMatchObject({ reason: { code: "overloaded", retriable: true } });
    const stored = [...store.batches(1, { from: MIN_HLC, to: 1e9 as Hlc })];
    expect(stored).toHaveLength(40 - refused.length);
    expect(store.queuedBytes).toBe(0);
    await store.close();
  });
});
