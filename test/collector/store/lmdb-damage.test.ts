/** Flipped bits in the stored file: detected, named, never served. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Hlc, MIN_HLC, RetroError } from "../../../agent/kernel/index.ts";
import type { StoredBatch } from "../../../collector/store/history-store.ts";
import { batchKey, epochKey, logKey } from "../../../collector/store/keys.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import type { RecordDamage } from "../../../collector/store/record-reader.ts";
import { anEpoch, aWrite } from "./history-store.contract.ts";

const EVERYTHING = { from: MIN_HLC, to: 1e12 as Hlc };
const BATCHES = 20;
let directory: string;
let reports: RecordDamage[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "retroscope-damage-"));
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = () =>
  LmdbStore.open({ directory, onDamage: (damage) => reports.push(damage), minFreeBytes: 0 });

/** Batch k holds seqs 10k+1 to 10k+10; its bytes occur once in the file. */
function aBatchOf(k: number): StoredBatch {
  const bytes = new Uint8Array(3_000);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = (k * 31 + i * 7 + (i >> 5)) % 256;
  const firstSeq = k * 10 + 1;
  return {
    epochId: 1,
    firstSeq,
    lastSeq: firstSeq + 9,
    firstT: (firstSeq * 100) as Hlc,
    lastT: (firstSeq * 100 + 900) as Hlc,
    arrivalMs: 5,
    bytes,
  };
}

const batches = Array.from({ length: BATCHES }, (_, k) => aBatchOf(k));

async function fill(): Promise<void> {
  const store = await open();
  await store.write(aWrite({ batches, epochs: [anEpoch(1)] }));
  await store.writeCheckpoint({
    epochId: 1,
    seq: 50,
    t: 5_000 as Hlc,
    repairCount: 0,
    directory: Buffer.from("the directory at seq 50"),
    logs: [{ log: "stock", bytes: Buffer.from("the checkpoint of stock") }],
  });
  await store.writeCheckpoint({
    epochId: 1,
    seq: 90,
    t: 9_000 as Hlc,
    repairCount: 0,
    directory: Buffer.from("the directory at seq 90"),
    logs: [],
  });
  await store.write(
    aWrite({
      violations: [
        {
          receiveT: 10 as Hlc,
          sendT: 20 as Hlc,
          send: { node: "the-sender", epoch: 1, seq: 1 },
          receive: { node: "r", epoch: 1, seq: 1 },
        },
      ],
    }),
  );
  await store.close();
}

/** Flips a bit of every copy of `needle` in the file (old pages may hold one), `offset` from its start. */
function flip(needle: Uint8Array, offset: number, bit: number): void {
  const path = join(directory, "data.mdb");
  const file = readFileSync(path);
  let count = 0;
  for (let at = file.indexOf(needle); at >= 0; at = file.indexOf(needle, at + needle.length)) {
    file[at + offset] = (file[at + offset] as number) ^ (1 << bit);
    count += 1;
    if (offset >= 0 && offset < needle.length) continue;
  }
  expect(count).toBeGreaterThan(0);
  writeFileSync(path, file);
}

describe("bit flips in the file", () => {
  it("are found in every batch they hit, which is named and not served; the others are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(BATCHES - 1), { minLength: 1, maxLength: 5 }),
        // From the envelope (12 bytes) and the arrival (8) before the bytes, to their end.
        fc.integer({ min: -20, max: 2_999 }),
        fc.nat(7),
        async (hit, offset, bit) => {
          rmSync(directory, { recursive: true, force: true });
          reports = [];
          await fill();
          for (const k of hit) flip((batches[k] as StoredBatch).bytes, offset, bit);
          const store = await open();
          const expected = batches.filter((_, k) => !hit.includes(k));
          expect([...store.batches(1, EVERYTHING)]).toEqual(expected);
          const lost = hit.map((k) => k * 10 + 1).sort((a, b) => a - b);
          expect(store.damaged(1).map((range) => [range.first, range.last])).toEqual(
            lost.map((first) => [first, first + 9]),
          );
          expect(reports).toHaveLength(hit.length);
          expect(store.batchWithSeq(1, lost[0] as number)).toBeUndefined();
          const { damagedCount } = store.verify();
          expect(damagedCount).toBe(hit.length);
          await store.close();
        },
      ),
      { numRuns: 15 },
    );
  });

  it("in an epoch's record make the store refuse to open, in one clear line", async () => {
    await fill();
    flip(Buffer.from('"instance":"i1"'), 12, 1);
    await expect(open()).rejects.toMatchObject({ code: "data-damaged", hint: expect.any(String) });
    // The lock is free again.
    await expect(open()).rejects.toMatchObject({ code: "data-damaged" });
  });

  it("in the key of an epoch's record do the same: its node is not simply unknown", async () => {
    await fill();
    flip(epochKey(1), 0, 1);
    await expect(open()).rejects.toMatchObject({ code: "data-damaged" });
  });

  it("in the key of a log do the same: its node is not simply without it", async () => {
    const logs = { stock: { firstT: 100 as Hlc, lastT: 900 as Hlc, changeCount: 1 } };
    for (const offset of [0, 1, 5, 7]) {
      rmSync(directory, { recursive: true, force: true });
      await fill();
      const store = await open();
      await store.write(aWrite({ epochs: [anEpoch(2, { logs }), anEpoch(3, { logs })] }));
      await store.close();
      flip(logKey(2, "stock"), offset, 1);
      await expect(open()).rejects.toMatchObject({ code: "data-damaged" });
    }
  });

  it("in a directory make readers start from an earlier one; in a checkpoint, without it", async () => {
    await fill();
    flip(Buffer.from("the directory at seq 90"), 4, 0);
    flip(Buffer.from("the checkpoint of stock"), 4, 0);
    const store = await open();
    expect(store.directoryAt(1, 9_999 as Hlc)?.seq).toBe(50);
    expect(store.checkpoint(1, "stock", 50)).toBeUndefined();
    expect(reports.map((one) => one.kind).sort()).toEqual(["checkpoint", "directory"]);
    await store.close();
  });

  it("in a violation fail the question rather than hide it", async () => {
    await fill();
    flip(Buffer.from("the-sender"), 2, 0);
    const store = await open();
    expect(() => store.violationsAt(15 as Hlc)).toThrow(
      expect.objectContaining({ code: "data-damaged" }),
    );
    await store.close();
  });

  it("in a batch's key leave a gap that is named, whichever way and from wherever it is read", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(BATCHES - 1),
        fc.integer({ min: 0, max: 36 }),
        fc.nat(7),
        fc.nat(BATCHES * 1_000),
        fc.boolean(),
        async (k, offset, bit, fromT, reverse) => {
          rmSync(directory, { recursive: true, force: true });
          reports = [];
          await fill();
          flip(batchKey(batches[k] as StoredBatch), offset, bit);
          const store = await open().catch((error: RetroError) => error);
          if (store instanceof RetroError) {
            // Of another kind it may hide, or be, what must be read: refused, and nothing served.
            expect([store.code, offset]).toEqual(["data-damaged", 0]);
            return;
          }
          const range = { from: fromT as Hlc, to: 1e12 as Hlc, reverse };
          const read = [...store.batches(1, range)].map(({ firstSeq }) => firstSeq);
          const lost = store.damaged(1).map(({ first }) => first);
          const expected = batches.filter(({ lastT }) => lastT >= fromT);
          // Every batch of the range is read or named; a walk led astray may name one too many.
          for (const { firstSeq } of expected) {
            expect([firstSeq, read.includes(firstSeq) || lost.includes(firstSeq)]).toEqual([
              firstSeq,
              true,
            ]);
          }
          expect(read).not.toContain((batches[k] as StoredBatch).firstSeq);
          for (const first of lost)
            expect(batches.map(({ firstSeq }) => firstSeq)).toContain(first);
          await store.close();
        },
      ),
      // The first: only the kind is another, so that all else of the key is right.
      { numRuns: 60, examples: [[0, 0, 0, 0, true]] },
    );
  });
});
