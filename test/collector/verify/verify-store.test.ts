/** `verify` on a store that a real collector wrote, whole and with single records spoilt. */
import { cpSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { open, type RootDatabase } from "lmdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addMs, type Hlc } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import type { VerifyReport } from "../../../collector/verify/report.ts";
import { verifyStore } from "../../../collector/verify/verify-store.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { cli } from "../cli/support.ts";
import { NOW, startCollector } from "../support.ts";

/** Enough changes for several rounds of checkpoints. */
const BATCHES = 12;
const EVENTS = 400;

let folder: string;
let whole: string;
let records: readonly { readonly key: Buffer; readonly value: Buffer }[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-verify-"));
  whole = join(folder, "whole");
  const collector = await startCollector({ data: whole });
  for (let k = 0; k < BATCHES; k += 1) {
    for (const node of ["n1", "n2"]) {
      // A hole in n2: its seqs are stored in two ranges.
      if (node === "n2" && k === 6) continue;
      const { status } = await collector.post(batchOf(node, k));
      expect(status).toBe(200);
    }
  }
  await collector.get(`/api/cut?at=${NOW}`);
  await collector.end();
  await edit(whole, (db) => {
    records = [...db.getRange()].map(({ key, value }) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
    }));
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function batchOf(node: string, k: number) {
  const start = addMs(NOW, k * 1_000 - 60_000);
  const rows: Row[] = Array.from({ length: EVENTS }, (_, i) => {
    const t = (start + i * 100) as Hlc;
    if (k === 0 && i === 0) return { t, kind: "join", service: "s", tags: {}, instance: node };
    if (i === 7) {
      const from = { node: "n9", epoch: 1, seq: k + 1 };
      const of = { channel: "http", peer: null, id: null, unverified: false, relayed: false };
      return { t, kind: "receive", from, sentT: t + 50, ...of };
    }
    return { t, kind: "set", log: `log${i % 2}`, key: `v${i % 30}`, value: k * EVENTS + i };
  }) as Row[];
  return aBatch(rows, { node, epoch: 5, firstSeq: k * EVENTS + 1 });
}

type Db = RootDatabase<Buffer, Buffer>;

async function edit(directory: string, change: (db: Db) => void): Promise<void> {
  const db = open<Buffer, Buffer>({
    path: directory,
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
  });
  change(db);
  await db.flushed;
  await db.close();
}

/** Verifies a copy of the store with this change in it. */
async function verifyWith(change: (db: Db) => void): Promise<VerifyReport> {
  const directory = mkdtempSync(join(folder, "copy-"));
  try {
    cpSync(whole, directory, { recursive: true });
    await edit(directory, change);
    return await verifyStore({ directory });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const kindsOf = (report: VerifyReport) =>
  report.damage.map(({ kind, fault }) => `${kind} ${fault}`);
const ofKind = (letter: string) => records.filter(({ key }) => key[0] === letter.charCodeAt(0));

describe("a store without damage", () => {
  it("is called clean, with everything in it counted", async () => {
    const report = await verifyStore({ directory: whole });
    expect(report.damage).toEqual([]);
    expect(report).toMatchObject({
      damageCount: 0,
      recordCount: records.length,
      eventCount: (2 * BATCHES - 1) * EVENTS,
      kinds: { format: 1, batch: 2 * BATCHES - 1, seq: 2 * BATCHES - 1, log: 4 },
    });
    expect(report.kinds["directory"]).toBeGreaterThan(0);
    expect(report.kinds["checkpoint"]).toBeGreaterThan(0);
    expect(report.kinds["violation"]).toBeGreaterThan(0);
  });
});

describe("damage", () => {
  it("of one bit in any record is found in that record, and nowhere is another blamed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (which, where, bit) => {
        const { key, value } = records[which % records.length] as (typeof records)[number];
        const spoilt = Buffer.from(value);
        const at = where % spoilt.length;
        spoilt[at] = (spoilt[at] as number) ^ (1 << bit);
        const report = await verifyWith((db) => db.putSync(key, spoilt));
        const first = report.damage.find((one) => one.key === key.toString("hex"));
        expect(first).toMatchObject({ fault: "checksum" });
        // What hangs on it may be named too: batches of an epoch's record, checkpoints of a key list.
        const others = report.damage.filter((one) => one.key !== key.toString("hex"));
        if (!["E", "C"].includes(String.fromCharCode(key[0] ?? 0))) expect(others).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("of a batch names node, epoch, seqs and times that are gone", async () => {
    const { key, value } = ofKind("B")[3] as (typeof records)[number];
    const spoilt = Buffer.from(value);
    spoilt[200] = (spoilt[200] as number) ^ 4;
    const { damage } = await verifyWith((db) => db.putSync(key, spoilt));
    expect(damage).toHaveLength(1);
    expect(damage[0]).toMatchObject({
      ...{ kind: "batch", fault: "checksum", node: "n1", epoch: 5 },
      ...{ firstSeq: 3 * EVENTS + 1, lastSeq: 4 * EVENTS },
      from: addMs(NOW, 3_000 - 60_000),
    });
  });

  it("of a block of a segment names the seqs among which events are gone", async () => {
    const directory = join(folder, "sealed");
    cpSync(whole, directory, { recursive: true });
    const store = await LmdbStore.open({ directory });
    const limits = { segmentEvents: 50, roundChanges: 60 };
    const history = createHistory({ store, timers: new ManualTimers(1), limits });
    history.notifyStored();
    await history.idle();
    await history.close();
    await store.close();
    const blocks: { readonly key: Buffer; readonly value: Buffer }[] = [];
    await edit(directory, (db) => {
      for (const { key, value } of db.getRange())
        if (key[0] === 0x4e) blocks.push({ key: Buffer.from(key), value: Buffer.from(value) });
    });
    expect(blocks.length).toBeGreaterThan(3);
    for (const { key, value } of blocks) {
      const spoilt = Buffer.from(value);
      spoilt[20] = (spoilt[20] as number) ^ 4;
      await edit(directory, (db) => db.putSync(key, spoilt));
      const { damage } = await verifyStore({ directory });
      await edit(directory, (db) => db.putSync(key, value));
      expect(damage).toHaveLength(1);
      expect(damage[0]).toMatchObject({ kind: "block", fault: "checksum", epoch: 5 });
      const { firstSeq = 0, lastSeq = 0 } = damage[0] ?? {};
      expect([firstSeq > 0, lastSeq > firstSeq, lastSeq - firstSeq < 500]).toEqual([
        ...[true, true, true],
      ]);
    }
  });

  const removals = [
    ["F", ["format missing"]],
    ["S", ["seq missing"]],
    ["B", ["batch missing", "batch missing"]],
    ["C", ["checkpoint missing"]],
  ] as const;
  it.each(removals)("of a record %s that is gone is told by others", async (letter, expected) => {
    const { key } = ofKind(letter)[0] as (typeof records)[number];
    const report = await verifyWith((db) => db.removeSync(key));
    for (const one of expected) expect(kindsOf(report)).toContain(one);
  });

  it("is a record that stands under another's key, with its checksum", async () => {
    const [one, other] = ofKind("B") as [(typeof records)[number], (typeof records)[number]];
    const report = await verifyWith((db) => db.putSync(one.key, other.value));
    expect(kindsOf(report)).toEqual(["batch checksum"]);
  });

  it("is an epoch whose record went back to an earlier one: batches are unrecorded", async () => {
    const before = mkdtempSync(join(folder, "short-"));
    const collector = await startCollector({ data: before });
    for (let k = 0; k < 3; k += 1) await collector.post(batchOf("n1", k));
    await collector.end();
    const early = new Map<string, Buffer>();
    await edit(before, (db) => {
      for (const { key, value } of db.getRange())
        early.set(key.toString("hex"), Buffer.from(value));
    });
    const epoch = ofKind("E").find(({ value }) =>
      value.includes('"n1"'),
    ) as (typeof records)[number];
    const old = early.get(epoch.key.toString("hex")) as Buffer;
    const report = await verifyWith((db) => db.putSync(epoch.key, old));
    expect(kindsOf(report)).toEqual(["batch unrecorded"]);
    expect(report.damage[0]).toMatchObject({ firstSeq: 3 * EVENTS + 1, lastSeq: BATCHES * EVENTS });
  });

  it("is a record of a kind that nobody knows", async () => {
    const report = await verifyWith((db) => db.putSync(Buffer.from("?x"), Buffer.from("y")));
    expect(kindsOf(report)).toEqual(["unknown unknown"]);
  });
});

describe("the command", () => {
  it("says so and exits 0, or lists the damage and exits 1, in words and as JSON", async () => {
    const good = await cli("", `verify --data ${whole}`);
    expect(good).toMatchObject({ code: 0, err: "" });
    expect(good.out).toMatch(/: no damage \([\d,]+ records of 3 epochs, 9,200 events\)\n$/);
    const directory = mkdtempSync(join(folder, "bad-"));
    cpSync(whole, directory, { recursive: true });
    const { key } = ofKind("B")[0] as (typeof records)[number];
    await edit(directory, (db) => db.putSync(key, Buffer.from("nothing of the kind")));
    const bad = await cli("", `verify --data ${directory}`);
    expect(bad.code).toBe(1);
    expect(bad.out).toContain(
      "batch checksum at n1/5, seq 1 to 400, 2026-11-21T15:59:00.000000Z to",
    );
    const { code, out } = await cli("", `verify --data ${directory} --json`);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      clean: false,
      damageCount: 1,
      damage: [{ node: "n1", firstSeq: 1, from: { time: "2026-11-21T15:59:00.000000Z" } }],
    });
  });

  it("promises nothing of a file that is cut short, on which no collector starts", async () => {
    const directory = mkdtempSync(join(folder, "short-file-"));
    cpSync(whole, directory, { recursive: true });
    truncateSync(join(directory, "data.mdb"), 40_000);
    const { code, out } = await cli("", `verify --data ${directory}`);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/1 damage [\s\S]*cut short[\s\S]*restore a backup\.\n$/),
    ]);
    expect(out).not.toContain("serves");
    const start = startCollector({ data: directory });
    await expect(start).rejects.toMatchObject({ code: "data-damaged" });
  });

  it("refuses while a collector runs on it, and where there is no store", async () => {
    const collector = await startCollector({ data: join(folder, "live") });
    const live = await cli("", `verify --data ${join(folder, "live")}`);
    expect(live.code).toBe(3);
    expect(live.err).toContain(`in use by process ${process.pid}`);
    await collector.end();
    const none = await cli("", `verify --data ${join(folder, "nothing")}`);
    expect(none.code).toBe(3);
    expect(none.err).toContain("there is no store");
  });
});
