/**
 * A bit is flipped in the key of a directory of checkpoints: it stands in the wrong place, and searches that
 * meet it, of readers and of what is written behind them, go astray. No cut may show a state of another time.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { readLmdb } from "../../faults/collector/lmdb-file.mjs";
import { aBatch, type Row } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { stored } from "../../support/segments.ts";
import { anEpoch, aWrite } from "../store/history-store.contract.ts";

const NODES = 3;
const EVENTS = 1_600;
const PER_BATCH = 100;
const KEYS = 20;
const TICKS = 16;
/** Of the key of a directory: its time, but for what is above it. */
const BYTES = [10, 11, 12];

let root: string;
let whole: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "retroscope-directories-"));
  whole = join(root, "whole");
  await fill(whole);
  await over(whole, async () => {});
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const timeOf = (seq: number): Hlc => (0x3_2a15_9d86_b000 + seq * TICKS) as Hlc;

async function fill(directory: string): Promise<void> {
  const store = await LmdbStore.open({ directory });
  for (let id = 1; id <= NODES; id += 1) {
    const batches = Array.from({ length: EVENTS / PER_BATCH }, (_, i) => {
      const rows = Array.from({ length: PER_BATCH }, (_, j): Row => {
        const seq = i * PER_BATCH + j + 1;
        const t = timeOf(seq);
        if (seq === 1) return { kind: "join", t, service: "kv", tags: {}, instance: "i1" } as Row;
        return { kind: "set", t, log: "load", key: `k${seq % KEYS}`, value: seq };
      });
      const header = { node: `n${id}`, firstSeq: i * PER_BATCH + 1 };
      return stored(aBatch(rows, header), id);
    });
    const [first, last] = [timeOf(1), timeOf(EVENTS)];
    const record = anEpoch(id, {
      ...{ node: `n${id}`, epoch: 1, joined: first, lastT: last, eventCount: EVENTS },
      stored: [{ first: 1, last: EVENTS, firstT: first, lastT: last, closed: last }],
      ...{ contiguousSeq: EVENTS, watermark: last, closed: last },
      logs: { load: { firstT: timeOf(2), lastT: last, changeCount: EVENTS - 1 } },
    });
    await store.write(aWrite({ epochs: [record], batches }));
  }
  await store.close();
}

/** A collector's run over a store: it catches up with its work, is asked, and ends. */
async function over(
  directory: string,
  ask: (history: LiveHistory) => Promise<void>,
): Promise<void> {
  const store = await LmdbStore.open({ directory });
  const limits = { roundChanges: 500 };
  const history = createHistory({ store, timers: new ManualTimers(1), limits });
  try {
    history.notifyStored();
    await history.idle();
    await ask(history);
  } finally {
    await history.close();
    await store.close();
  }
}

it("shows at every time the state of that time, or says that it is not known", async () => {
  const directories = readLmdb(join(whole, "data.mdb")).records.filter(
    ({ key }) => key[0] === 0x44,
  );
  expect(directories.length).toBeGreaterThanOrEqual(2 * NODES);
  let seen = 0;
  for (const [which, { keyAt }] of directories.entries()) {
    for (const [i, byte] of BYTES.entries()) {
      const directory = join(root, "flipped");
      rmSync(directory, { recursive: true, force: true });
      cpSync(whole, directory, { recursive: true });
      const path = join(directory, "data.mdb");
      const file = readFileSync(path);
      file[keyAt + byte] = (file[keyAt + byte] as number) ^ (1 << ((which + 3 * i) % 8));
      writeFileSync(path, file);
      await over(directory, async (history) => {
        for (let seq = 40; seq <= EVENTS; seq += 40) {
          const cut = history.cutAt(timeOf(seq));
          const named = new Set(cut.incomplete.map(({ node }) => node));
          for (const [node, { logs }] of cut.nodes) {
            if (named.has(node)) continue;
            seen += 1;
            const values = [...(logs.get("load") ?? [])].map(([, value]) => value as number);
            expect([which, byte, seq, Math.max(...values)]).toEqual([which, byte, seq, seq]);
          }
        }
      });
    }
  }
  expect(seen).toBeGreaterThan(1_000);
});
