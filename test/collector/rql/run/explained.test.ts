/**
 * EXPLAIN over sealed segments in a store on disk: each number of the plan against the same counted from the
 * decoded events of every block.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as pathOf } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hlc } from "../../../../agent/kernel/index.ts";
import type { PlanLine } from "../../../../collector/rql/interpret/lines.ts";
import { LmdbStore } from "../../../../collector/store/lmdb-store.ts";
import { decodeSegmentHeader, isSegment } from "../../../../collector/store/segment-header.ts";
import { readStored } from "../../../../collector/store/segment-reader.ts";
import type { Row } from "../../../support/batches.ts";
import { atMs, join, set, type ToldHistory, tellHistory } from "../../../support/told-history.ts";
import { askHistory } from "./ask-history.ts";

const BATCH = 50;
const BATCHES = 40;
const NODES = ["n1", "n2"];
const FROM = atMs(101);
const TO = atMs(BATCHES * BATCH - 1);

/**
 * A change a millisecond on each node. `setd.vr1` counts up to 5 in the first quarter, then only `setd.aux`
 * changes, then `vr1` counts up to 99; `other.x` changes throughout.
 */
function rowAt(ms: number): Row {
  const t = atMs(ms);
  if (ms % 5 === 0) return set(t, "other", "x", ms);
  const quarter = Math.floor((4 * ms) / (BATCH * BATCHES));
  if (quarter === 0) return set(t, "setd", "vr1", ms % 6);
  return quarter < 3 ? set(t, "setd", "aux", ms) : set(t, "setd", "vr1", ms % 100);
}

async function tell(store: LmdbStore): Promise<ToldHistory> {
  const told = tellHistory({ store, limits: { segmentEvents: 100, roundChanges: 100 } });
  for (const node of NODES) {
    let seq = 1;
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const rows = Array.from({ length: BATCH }, (_, i) => {
        const ms = batch * BATCH + i;
        return ms === 0 ? join(atMs(0)) : rowAt(ms);
      });
      await told.tell(node, seq, rows);
      seq += rows.length;
    }
  }
  await told.history.idle();
  return told;
}

interface Counted {
  readonly log: string;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** What its events change. */
  readonly keys: ReadonlySet<string>;
  readonly greatest: number;
}

/** Every block, and every batch that is not sealed, of the range: by decoding all of it. */
function countedIn(store: LmdbStore): Counted[] {
  return [...store.epochs()].flatMap((record) =>
    [...store.batches(record.id, { from: FROM, to: TO })].flatMap((stored) => {
      if (!isSegment(stored.bytes)) throw new Error("not sealed");
      const header = decodeSegmentHeader(stored.bytes);
      return header.blocks.map((block): Counted => {
        const choice = {
          logs: new Set(block.log === "" ? [] : [block.log]),
          ...{ messages: false, rest: block.log === "" },
        };
        const { events } = readStored(stored, store, choice).rows;
        const keys = new Set<string>();
        let greatest = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < events.count; i += 1) {
          const variable = events.variables[events.ref[i] as number];
          if (variable !== undefined) keys.add(variable.key);
          greatest = Math.max(greatest, events.valueNumber[i] as number);
        }
        const { log, firstT, lastT } = block;
        return { log, firstT, lastT, keys, greatest };
      });
    }),
  );
}

describe("a plan over sealed segments", () => {
  let directory: string;
  let store: LmdbStore;
  let told: ToldHistory;
  beforeAll(async () => {
    directory = await mkdtemp(pathOf(tmpdir(), "retroscope-explain-"));
    store = await LmdbStore.open({ directory, minFreeBytes: 0 });
    told = await tell(store);
  });
  afterAll(async () => {
    await told.history.close();
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function planOf(rql: string, isFast = true): Promise<PlanLine> {
    const { history, timers } = told;
    const engine = isFast ? { sliceEvents: 256 } : {};
    const options = { history, timers, now: TO, ...engine };
    const lines = await askHistory({ rql: `EXPLAIN ${rql}`, from: FROM, to: TO }, options);
    const plan = lines.find(({ type }) => type === "plan");
    if (plan?.type !== "plan") throw new Error("no plan");
    return plan;
  }

  it("tells which blocks have the variable, and which of those least and greatest decide", async () => {
    const all = countedIn(store);
    const isFollowed = ({ log, keys }: Counted): boolean => log === "setd" && keys.has("vr1");
    const followed = all.filter(isFollowed);
    const high = followed.filter(({ greatest }) => greatest > 50);
    const low = followed.filter(
      (one) => !high.some(({ firstT, lastT }) => firstT <= one.lastT && lastT >= one.firstT),
    );
    expect([low.length > 3, high.length > 3, all.length > 3 * followed.length]).toEqual([
      true,
      true,
      true,
    ]);
    const plan = await planOf("SELECT vr1 FROM setd WHEN Max(vr1) > 50");
    const without = all.length - followed.length;
    expect(plan.blocks).toEqual({ read: followed.length, skipped: without, total: all.length });
    expect(plan.text).toContain(
      `blocks    ${followed.length} of ${all.length} read: ${without} without setd.vr1; ` +
        `${low.length} decided by min/max, applied without evaluating\n`,
    );
    expect(plan.text).toContain("columns   setd.vr1 number, 2 nodes\n");
    expect(plan.text).toContain("engine    1 stretch in columns, 100 % of the range\n");
    expect(plan.text).toContain("conjunct  Max(vr1) > 50  incremental: 1 tournament tree\n");
    // What bounds cannot decide is not counted.
    const each = await planOf("SELECT vr1 FROM setd WHEN Max(vr1) % 7 = 1");
    expect(each.text).toContain(`${without} without setd.vr1\n`);
  });

  it("tells where it starts, and how many events are applied before the range", async () => {
    const plan = await planOf("SELECT vr1 FROM setd WHEN Max(vr1) > 50");
    const starts = [...store.epochs()].map(({ id }) => store.directoryAt(id, FROM));
    const latest = Math.max(...starts.map((directory) => directory?.t ?? 0));
    const applied = starts.reduce((sum, directory) => {
      const ms = ((directory?.t ?? atMs(0)) - atMs(0)) / 4_096;
      return sum + (101 - ms);
    }, 0);
    expect(starts.every((directory) => directory !== undefined)).toBe(true);
    const [, time, events] =
      /^start {5}checkpoint (\S+), (\d+) events applied$/m.exec(plan.text) ?? [];
    expect(Math.abs(Number(events) - applied)).toBeLessThanOrEqual(2);
    const startMs = Date.parse(time ?? "") - Date.parse(timeOf(plan));
    expect(startMs).toBe(Math.round((latest - FROM) / 4_096));
  });

  it("tells how many slices it will be cut into, about", async () => {
    const plan = await planOf("SELECT vr1 FROM setd WHEN Max(vr1) > 50");
    const [, slices] = /^run {7}parallel, 1 worker, about (\d+) slices$/m.exec(plan.text) ?? [];
    const { history, timers } = told;
    let cut = 0;
    const columns: typeof history.columns = (options) => {
      const feed = history.columns(options);
      const slice: typeof feed.slice = (...given) => {
        cut += 1;
        return feed.slice(...given);
      };
      return { nodes: feed.nodes, stretches: (signal) => feed.stretches(signal), slice };
    };
    const options = { history: { ...history, columns }, timers, now: TO, sliceEvents: 256 };
    const rql = "SELECT vr1 FROM setd WHEN Max(vr1) > 50 COUNT";
    await askHistory({ rql, from: FROM, to: TO }, options);
    // They end where blocks do, which are long here: it is what an even cut would come to.
    expect([Number(slices) <= 2 * cut, cut <= 2 * Number(slices), cut > 2]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("counts the blocks that states are made of where the engine takes no part", async () => {
    const all = countedIn(store);
    const ofLog = all.filter(({ log }) => log === "setd");
    const plan = await planOf("SELECT vr1 FROM setd WHEN Max(vr1) > 50", false);
    expect(plan.blocks).toEqual({
      ...{ read: ofLog.length, skipped: all.length - ofLog.length, total: all.length },
    });
    expect(plan.text).toContain("engine    not used: no engine\n");
    expect(plan.text).toMatch(/^run {7}cut by cut, 1 worker$/m);
  });
});

/** Of the first line: where the range begins. */
function timeOf({ text }: PlanLine): string {
  return /intervals, (\S+) \.\./.exec(text)?.[1] ?? "";
}
