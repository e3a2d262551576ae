/** Damage of one block: its log is lost from there on, and nothing else is; no answer is wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Hlc, KindCode, MAX_HLC, MIN_HLC } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import type { RecordDamage } from "../../../collector/store/record-reader.ts";
import { decodeSegmentHeader, isSegment } from "../../../collector/store/segment-header.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { stored } from "../../support/segments.ts";
import { anEpoch, aWrite } from "../store/history-store.contract.ts";

const EVENTS = 1_200;
const PER_BATCH = 20;
/** Times and seqs are the same here, from 1 to EVENTS. */
const at = (seq: number): Hlc => seq as Hlc;

let directory: string;
let reports: RecordDamage[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "retroscope-segments-"));
  reports = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (): Promise<LmdbStore> =>
  LmdbStore.open({ directory, onDamage: (damage) => reports.push(damage) });

function historyOf(store: LmdbStore): LiveHistory {
  const limits = { roundChanges: 1_000, segmentEvents: 100 };
  return createHistory({ store, timers: new ManualTimers(1), limits });
}

/** Two logs by turns, each variable set every 20 events; messages among them; then the epoch is over. */
async function fill(): Promise<void> {
  const store = await open();
  const rows = Array.from({ length: EVENTS }, (_, i): Row => {
    const seq = i + 1;
    if (seq === 1) {
      return { kind: "join", t: at(1), service: "kv", tags: {}, instance: "i1" } as Row;
    }
    if (seq % 10 === 3) {
      const none = { peer: null, id: null, replaces: null, failed: false, streamed: false };
      return { kind: "send", t: at(seq), channel: "http", to: "n2", ...none } as Row;
    }
    return {
      kind: "set",
      t: at(seq),
      log: seq % 2 === 0 ? "a" : "b",
      key: `k${seq % 20}`,
      value: seq,
    };
  });
  const batches = [];
  for (let i = 0; i < EVENTS; i += PER_BATCH) {
    batches.push(stored(aBatch(rows.slice(i, i + PER_BATCH), { firstSeq: i + 1 })));
  }
  const record = anEpoch(1, {
    epoch: 1,
    joined: at(1),
    stored: [{ first: 1, last: EVENTS, firstT: at(1), lastT: at(EVENTS), closed: at(EVENTS) }],
    contiguousSeq: EVENTS,
    watermark: at(EVENTS),
    closed: at(EVENTS),
    lastT: at(EVENTS),
    eventCount: EVENTS,
    end: { kind: "left", t: at(EVENTS + 1) },
    logs: {
      a: { firstT: at(2), lastT: at(EVENTS), changeCount: EVENTS / 2 },
      b: { firstT: at(1), lastT: at(EVENTS), changeCount: EVENTS / 2 },
    },
  });
  await store.write(aWrite({ epochs: [record], batches }));
  const history = historyOf(store);
  history.notifyStored();
  await history.idle();
  expect(history.sealer.failure).toBeUndefined();
  await history.close();
  await store.close();
}

/** Flips a bit in the middle of the block of a log (undefined: of messages) of the second segment. */
async function spoil(log: string | undefined): Promise<{ firstSeq: number; lastSeq: number }> {
  const store = await open();
  const segments = [...store.batches(1, { from: MIN_HLC, to: MAX_HLC })];
  expect(segments.length).toBeGreaterThan(2);
  expect(segments.every(({ bytes }) => isSegment(bytes))).toBe(true);
  const segment = segments[1] as (typeof segments)[number];
  const { blocks } = decodeSegmentHeader(segment.bytes);
  const index = blocks.findIndex((one) => (log === undefined ? one.kind === 1 : one.log === log));
  const block = Buffer.from(store.block(segment, index) as Uint8Array);
  const needle = Buffer.from(block);
  await store.close();
  const path = join(directory, "data.mdb");
  const file = readFileSync(path);
  let hits = 0;
  for (let found = file.indexOf(needle); found >= 0; found = file.indexOf(needle, found + 1)) {
    file[found + (needle.length >> 1)] = (file[found + (needle.length >> 1)] as number) ^ 4;
    hits += 1;
  }
  expect(hits).toBeGreaterThan(0);
  writeFileSync(path, file);
  return { firstSeq: segment.firstSeq, lastSeq: segment.lastSeq };
}

/** The value that a variable of that log has at `t`; undefined: not set yet. */
function valueAt(log: string, key: number, t: number): number | undefined {
  for (let seq = t; seq > 1; seq -= 1) {
    const isOfLog = (seq % 2 === 0 ? "a" : "b") === log;
    if (isOfLog && seq % 20 === key && seq % 10 !== 3) return seq;
  }
  return undefined;
}

describe("a block that is damaged", () => {
  it("makes its log lost until its variables are set again, and no other log", async () => {
    await fill();
    const { firstSeq, lastSeq } = await spoil("a");
    const store = await open();
    const history = historyOf(store);
    let lostCount = 0;
    for (let t = 1; t <= EVENTS; t += 1) {
      const cut = history.cutAt(at(t));
      const { logs } = cut.nodes.get("n1") as NonNullable<ReturnType<typeof cut.nodes.get>>;
      for (const log of ["a", "b"]) {
        for (let key = 0; key < 20; key += 1) {
          const found = logs.get(log)?.get(`k${key}`);
          const expected = valueAt(log, key, t);
          if (found !== undefined) expect([t, log, key, found]).toEqual([t, log, key, expected]);
          else if (expected !== undefined) {
            expect([log, cut.complete]).toEqual(["a", false]);
            // Set again within 20 events. (What nobody sets again may have existed: the log stays lost.)
            expect(t).toBeLessThan(lastSeq + 20);
            lostCount += 1;
          }
        }
      }
      const isTouched = t > firstSeq + 2 && t <= lastSeq;
      if (isTouched) expect(cut.incomplete[0]).toMatchObject({ reason: "lost", logs: ["a"] });
      if (t < firstSeq) expect(cut.complete).toBe(true);
    }
    expect(lostCount).toBeGreaterThan(0);
    expect(reports.map(({ kind }) => kind)).toEqual(["block"]);
    expect(store.damaged(1)).toMatchObject([{ block: { log: "a" } }]);
    const only = history.cutAt(at(lastSeq), { logs: ["b"] });
    expect(only.complete).toBe(true);
    const counts = await history.diff(
      at(firstSeq - 1),
      at(lastSeq),
      { logs: ["b"] },
      { all: true },
    );
    expect(counts.complete).toBe(true);
    await history.close();
    await store.close();
  });

  it("of messages leaves the state complete, and messages in flight not", async () => {
    await fill();
    const { lastSeq } = await spoil(undefined);
    const store = await open();
    const history = historyOf(store);
    const cut = history.cutAt(at(lastSeq));
    expect(cut.inFlightComplete).toBe(false);
    expect(
      cut.nodes
        .get("n1")
        ?.logs.get("a")
        ?.get(`k${lastSeq % 20}`),
    ).toBe(lastSeq);
    const first = history.cutAt(at(50));
    expect(first.inFlightComplete).toBe(true);
    await history.close();
    await store.close();
  });

  it("is named by verify, and the seqs of the others stay readable", async () => {
    await fill();
    await spoil("b");
    const { verifyStore } = await import("../../../collector/verify/verify-store.ts");
    const report = await verifyStore({ directory });
    expect(report.damage.map(({ kind, fault }) => [kind, fault])).toEqual([["block", "checksum"]]);
    expect(report.eventCount).toBeGreaterThan(EVENTS / 2);
    expect(report.eventCount).toBeLessThan(EVENTS);
  });
});

it("a directory of the version before opens, and its batches are sealed", async () => {
  await fill();
  const store = await open();
  const kinds = [...store.batches(1, { from: MIN_HLC, to: MAX_HLC })];
  const history = historyOf(store);
  const page = await history.events({ from: MIN_HLC, to: MAX_HLC, selection: {}, limit: 5_000 });
  expect(page.events.map(({ event }) => event.seq)).toEqual(
    Array.from({ length: EVENTS }, (_, i) => i + 1),
  );
  expect(kinds.length).toBeLessThan(EVENTS / PER_BATCH);
  expect(page.events.filter(({ event }) => KindCode[event.kind] <= 3).length).toBe(
    EVENTS - 1 - EVENTS / 10,
  );
  await history.close();
  await store.close();
});
