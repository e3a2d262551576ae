/** What senders may cost the collector: losses, repeats, epochs, and promises that were not kept. */
import { describe, expect, it } from "vitest";
import {
  BatchBuilder,
  encodeBatch,
  type Hlc,
  RetroError,
  type Value,
} from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import {
  boundedGaps,
  MAX_LOGS_PER_LOST_RANGE,
  MAX_LOST_NAME_LENGTH,
  MAX_LOST_RANGES,
} from "../../../collector/ingest/lost-ranges.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { encodeEpoch } from "../../../collector/store/records.ts";
import { aBatch, aLostRange, anIngest, atTick, joined, ManualTimers } from "./support.ts";

function aKeyframe(seq: number, state: ReadonlyMap<string, Value>): Uint8Array {
  const builder = new BatchBuilder();
  builder.body(atTick(seq * 10), { kind: "keyframe", log: "stock", state: new Map(state) });
  const closed = atTick(seq * 10);
  const fields = { node: "n1", service: "kv", epoch: 1_000, firstSeq: seq, closed };
  return encodeBatch(builder.build(fields));
}

describe("losses without end", () => {
  it("goes on with a node that drops an event between any two", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 1] }));
    const count = MAX_LOST_RANGES + 100;
    for (let i = 0, seq = 2; i < count; i += 1, seq += 2) {
      await ingest.submit(aBatch({ seqs: [seq + 1, seq + 1], dropped: [aLostRange([seq, seq])] }));
    }
    const record = store.epochs()[0];
    const lastSeq = 2 * count + 1;
    expect(record).toMatchObject({
      contiguousSeq: lastSeq,
      watermark: atTick(lastSeq * 10),
      eventCount: count + 1,
    });
    expect(record?.lost.length).toBeLessThanOrEqual(MAX_LOST_RANGES);
    const lost = new Set(
      record?.lost.flatMap(({ firstSeq, lastSeq: last }) =>
        Array.from({ length: last - firstSeq + 1 }, (_, i) => firstSeq + i),
      ),
    );
    for (let seq = 2; seq < lastSeq; seq += 2) expect(lost.has(seq)).toBe(true);
  });

  it("stores what fills a hole beside folded losses, and takes a folded seq for a repeat", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 1] }));
    let seq = 2;
    for (let i = 0; i < MAX_LOST_RANGES + 2; i += 1, seq += 2) {
      await ingest.submit(aBatch({ seqs: [seq + 1, seq + 1], dropped: [aLostRange([seq, seq])] }));
    }
    await ingest.submit(aBatch({ seqs: [seq + 9, seq + 9] }));
    const { acks } = await ingest.submit(aBatch({ seqs: [seq, seq + 8] }));
    expect(acks[0]?.storedCount).toBe(9);
    expect(store.epochs()[0]?.contiguousSeq).toBe(seq + 9);
    expect((await ingest.submit(aBatch({ seqs: [2, 2] }))).acks[0]?.storedCount).toBe(0);
  });

  it("joins losses that follow on each other", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 1] }));
    for (let seq = 2; seq < 50; seq += 1) {
      await ingest.submit(aBatch({ seqs: [seq + 1, seq], dropped: [aLostRange([seq, seq])] }));
    }
    expect(store.epochs()[0]?.lost).toMatchObject([
      { firstSeq: 2, lastSeq: 49, firstT: atTick(20), lastT: atTick(490) },
    ]);
  });

  it("folds the two closest in time and says no less than was lost", () => {
    const stored = Array.from({ length: MAX_LOST_RANGES + 2 }, (_, i) => {
      const first = 1 + i * 2;
      const t = (i === 500 ? i * 1_000 - 999 : i * 1_000) as Hlc;
      return { first, last: first, firstT: t, lastT: t, closed: t };
    });
    const lost = Array.from({ length: MAX_LOST_RANGES + 1 }, (_, i) => {
      const t = (i === 500 ? i * 1_000 - 998 : i * 1_000 + 1) as Hlc;
      const logs = i % 2 === 0 ? ["a"] : ["b"];
      return aLostRange([2 + i * 2, 2 + i * 2], { firstT: t, lastT: t, logs });
    });
    const gaps = boundedGaps({ stored, lost });
    expect(gaps.lost).toHaveLength(MAX_LOST_RANGES);
    expect(gaps.lost[499]).toMatchObject({ firstSeq: 1_000, lastSeq: 1_002, logs: ["b", "a"] });
    expect(gaps.stored).toHaveLength(stored.length - 2);
    expect(gaps.stored[499]).toMatchObject({ first: 999, last: 1_003 });
  });

  it("keeps the record small, however many logs the losses name", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 1] }));
    const names = (k: number, count: number) =>
      Array.from({ length: count }, (_, i) => `L${k}-${i}`.padEnd(250, "x"));
    for (let seq = 2; seq < 400; seq += 2) {
      const count = seq % 4 === 0 ? 1_000 : MAX_LOGS_PER_LOST_RANGE;
      const dropped = [aLostRange([seq, seq], { logs: names(seq, count) })];
      await ingest.submit(aBatch({ seqs: [seq + 1, seq + 1], dropped }));
    }
    const [record] = store.epochs();
    if (record === undefined) throw new Error("no record");
    expect(encodeEpoch(record).length).toBeLessThan(2 * MAX_LOST_NAME_LENGTH);
    expect(record.lost.find(({ firstSeq }) => firstSeq === 396)?.logs).toBeNull();
    expect(record.lost.find(({ firstSeq }) => firstSeq === 398)?.logs).toHaveLength(64);
  });
});

describe("repeats", () => {
  /** Counts look-ups of stored batches. */
  function counting(): { readonly store: HistoryStore; readonly count: () => number } {
    const inner = new MemoryStore();
    let count = 0;
    const find = inner.batchWithSeq.bind(inner);
    inner.batchWithSeq = (epochId, seq) => {
      count += 1;
      return find(epochId, seq);
    };
    return { store: inner, count: () => count };
  }

  it("reads a stored batch once, however many of its events come again one by one", async () => {
    const { store, count } = counting();
    const { ingest } = anIngest({ store });
    await ingest.submit(aBatch({ seqs: [1, 2_000] }));
    const again = Array.from({ length: 500 }, (_, i) => aBatch({ seqs: [i + 2, i + 2] }));
    const lie = aBatch({ seqs: [700, 700], lie: 1 });
    await ingest.submit(joined(...again, lie));
    expect(count()).toBeLessThanOrEqual(2);
    expect(ingest.counts).toMatchObject({ repeatedCount: 501, conflictCount: 1 });
  });

  it("stores the events around a thousand that are there already", async () => {
    const { ingest, store } = anIngest();
    const islands = Array.from({ length: 1_000 }, (_, i) =>
      aBatch({ seqs: [3 + 2 * i, 3 + 2 * i] }),
    );
    await ingest.submit(joined(aBatch({ seqs: [1, 1] }), ...islands));
    const { acks } = await ingest.submit(aBatch({ seqs: [1, 3_000] }));
    expect(acks[0]?.storedCount).toBe(1_999);
    expect(store.epochs()[0]).toMatchObject({ contiguousSeq: 3_000, eventCount: 3_000 });
    expect(ingest.counts.conflictCount).toBe(0);
  });

  it("compares no more than its allowance, and counts what it let pass", async () => {
    const { ingest } = anIngest();
    const size = 50_000;
    for (let i = 0; i < 6; i += 1) {
      await ingest.submit(aBatch({ seqs: [i * size + 1, (i + 1) * size] }));
    }
    const lies = Array.from({ length: 6 }, (_, i) => {
      const seq = i * size + 7;
      return aBatch({ seqs: [seq, seq], lie: 1 });
    });
    await ingest.submit(joined(...lies));
    expect(ingest.counts).toMatchObject({ conflictCount: 5, uncomparedCount: 1 });
  });
});

describe("nodes and epochs without end", () => {
  const aNode = (i: number, epoch = 1_000) =>
    aBatch({ seqs: [1, 1], node: `x${i}`, epoch, tOf: (seq) => epoch + seq });
  const refusal = (reason: string) =>
    expect.objectContaining({ code: "overloaded", retriable: true, details: { reason } });

  it("takes no more nodes than it keeps, and goes on with those it knows", async () => {
    const { ingest, store } = anIngest({ limits: { maxNodes: 3 } });
    await ingest.submit(joined(aNode(1), aNode(2)));
    await expect(ingest.submit(joined(aNode(3), aNode(4)))).rejects.toEqual(
      refusal("too-many-nodes"),
    );
    await ingest.submit(aNode(5));
    await expect(ingest.submit(aNode(6))).rejects.toEqual(refusal("too-many-nodes"));
    await ingest.submit(aBatch({ seqs: [2, 3], node: "x1", tOf: (seq) => 2_000 + seq }));
    await ingest.submit(aNode(1, 5_000));
    expect(store.epochs().map(({ node }) => node)).toEqual(["x1", "x2", "x5", "x1"]);
  });

  it("takes no more epochs of a node, and of all, than it keeps", async () => {
    const { ingest } = anIngest({ limits: { maxEpochsPerNode: 2, maxEpochs: 3 } });
    await ingest.submit(joined(aNode(1, 1_000), aNode(1, 2_000)));
    await expect(ingest.submit(aNode(1, 3_000))).rejects.toEqual(
      refusal("too-many-epochs-of-node"),
    );
    await ingest.submit(aNode(2));
    await expect(ingest.submit(aNode(3))).rejects.toEqual(refusal("too-many-epochs"));
  });

  it("takes no further epochs when what it knows of them is too much, and counts why", async () => {
    const { ingest, store } = anIngest({ limits: { maxIndexBytes: 20_000 } });
    let taken = 0;
    let why: unknown;
    while (why === undefined && taken < 1_000) {
      const batch = aBatch({ seqs: [1, 1], node: `n${taken}`.padEnd(200, "x") });
      await ingest.submit(batch).then(
        () => (taken += 1),
        (error) => (why = error),
      );
    }
    expect(why).toEqual(refusal("index-full"));
    expect(taken).toBeGreaterThan(5);
    expect(taken).toBeLessThan(20);
    expect(ingest.counts.limitCounts.get("index-full")).toBe(1);
    // Those that are known go on.
    const known = "n0".padEnd(200, "x");
    await ingest.submit(aBatch({ seqs: [2, 3], node: known }));
    expect(store.epochs()).toHaveLength(taken);
  });

  it("does not excuse silence for the sake of one node too many", async () => {
    const { ingest, store, timers } = anIngest({ limits: { maxNodes: 1 } });
    await ingest.submit(aNode(1));
    for (let s = 0; s < 70; s += 1) {
      timers.advance(1_000);
      await ingest.submit(aNode(2)).catch(() => {});
    }
    await ingest.sweep();
    expect(store.epochs()[0]?.end?.kind).toBe("expired");
  });
});

describe("promises", () => {
  it("refuses one about seqs that are stored and were earlier than promised", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 10] }));
    // Nothing that its process says can be true of this epoch: it is told that another has it.
    for (const closed of [500_000, 45]) {
      const { acks, commands } = await ingest.submit(aBatch({ seqs: [4, 3], closed }));
      expect(acks).toMatchObject([{ firstSeq: 4, lastSeq: 3, storedCount: 0, conflict: true }]);
      expect(commands).toEqual([{ command: "node-in-use", node: "n1" }]);
    }
    await ingest.submit(aBatch({ seqs: [4, 3], closed: 39 }));
    expect(store.epochs()[0]).toMatchObject({ watermark: atTick(100), closed: atTick(100) });
    await ingest.submit(aBatch({ seqs: [11, 11] }));
    expect(store.epochs()[0]?.watermark).toBe(atTick(110));
  });

  it("takes no event at or before one, nor any whose time does not rise with its seq", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 10], closed: 105 }));
    await ingest.submit(aBatch({ seqs: [21, 30], closed: 300 }));
    await ingest.submit(aBatch({ seqs: [31, 30], closed: 400 }));
    const stored = () => store.epochs()[0]?.stored;
    const before = stored();
    for (const [why, plan] of [
      ["at a promise", { seqs: [11, 12], tOf: (seq: number) => seq + 94 }],
      ["before it", { seqs: [11, 12], tOf: (seq: number) => seq + 90 }],
      ["as late as what follows", { seqs: [11, 20], tOf: (seq: number) => seq * 10 + 10 }],
      ["with a promise as late as what follows", { seqs: [11, 20], closed: 210 }],
      ["at the end, at an empty batch's promise", { seqs: [31, 31], tOf: () => 400 }],
    ] as const) {
      const refused = ingest.submit(aBatch({ ...plan, seqs: [...plan.seqs] }));
      await expect(refused, why).rejects.toMatchObject({ code: "bad-batch" });
      expect(stored(), why).toEqual(before);
    }
    await ingest.submit(aBatch({ seqs: [31, 31], tOf: () => 401 }));
    await ingest.submit(aBatch({ seqs: [11, 20], tOf: (seq) => 2 * seq + 84, closed: 209 }));
    expect(store.epochs()[0]).toMatchObject({ contiguousSeq: 31, watermark: atTick(401) });
  });
});

describe("a write that is rejected and on the disk all the same", () => {
  it("shows its events once when they come again", async () => {
    const store = new MemoryStore();
    const write = store.write.bind(store);
    let lies = 1;
    store.write = async (what) => {
      await write(what);
      if (lies-- > 0) throw new RetroError("disk-full", "so it says", { retriable: true });
    };
    const { ingest } = anIngest({ store });
    await expect(ingest.submit(aBatch({ seqs: [1, 5] }))).rejects.toThrow("so it says");
    const { acks } = await ingest.submit(aBatch({ seqs: [1, 5] }));
    expect(acks[0]?.storedCount).toBe(0);
    expect(store.epochs()).toHaveLength(1);
  });
});

describe("variables without end", () => {
  /** Ingest over a store, with the checkpointer that knows how many variables there are. */
  function aFilling(logVariables: number) {
    const store = new MemoryStore();
    const timers = new ManualTimers();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const history = createHistory({
      store,
      timers: { nowMs: () => timers.wallMs(), after: (ms, wake) => timers.after(ms, wake), turn },
      limits: { logVariables, roundChanges: 5 },
    });
    const { fullLogs } = history.checkpointer;
    const { ingest } = anIngest({ store, timers, fullLogs });
    ingest.onStored((ids) => history.notifyStored(ids));
    return { store, history, ingest };
  }

  it("are refused once the log is full, with a reason, and those that it has go on", async () => {
    const { history, ingest, store } = aFilling(10);
    const fresh = (seq: number): string => `request-${seq}`;
    await ingest.submit(aBatch({ seqs: [1, 20], keyOf: fresh }));
    await history.idle();
    const refused = ingest.submit(aBatch({ seqs: [21, 21], keyOf: fresh }));
    await expect(refused).rejects.toMatchObject({
      code: "too-large",
      details: { reason: "too-many-variables" },
    });
    expect(ingest.counts.limitCounts.get("too-many-variables")).toBe(1);
    // What it has: in a batch with a new one not, and by itself.
    const mixed = (seq: number): string => (seq === 22 ? "request-5" : fresh(seq));
    await expect(ingest.submit(aBatch({ seqs: [21, 22], keyOf: mixed }))).rejects.toThrow();
    await ingest.submit(aBatch({ seqs: [21, 22], keyOf: (seq) => `request-${seq - 10}` }));
    // What is stored already may come again.
    await ingest.submit(aBatch({ seqs: [1, 20], keyOf: fresh }));
    // Another node has its own.
    await ingest.submit(aBatch({ node: "n2", seqs: [1, 5], keyOf: fresh }));
    expect(store.epochs().map(({ eventCount }) => eventCount)).toEqual([22, 5]);
    await history.close();
  });

  it("are taken again once a log has room, and known to be too many after a start", async () => {
    const { history, ingest, store } = aFilling(10);
    const fresh = (seq: number): string => `request-${seq}`;
    await ingest.submit(aBatch({ seqs: [1, 20], keyOf: fresh }));
    await history.idle();
    await history.close();
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const timers = new ManualTimers();
    const next = createHistory({
      store,
      timers: { nowMs: () => timers.wallMs(), after: (ms, wake) => timers.after(ms, wake), turn },
      limits: { logVariables: 10, roundChanges: 5 },
    });
    const [id] = store.epochs().map((one) => one.id) as [number];
    const { fullLogs } = next.checkpointer;
    expect(fullLogs.isFull(id, "stock")).toBe(false);
    next.notifyStored();
    await next.idle();
    expect(fullLogs.isFull(id, "stock")).toBe(true);
    expect(fullLogs.knows(id, "stock", "request-7")).toBe(true);
    expect(fullLogs.knows(id, "stock", "request-70")).toBe(false);
    expect(fullLogs.isFull(id, "other")).toBe(false);
    const { ingest: later } = anIngest({ store, timers, fullLogs });
    later.onStored((ids) => next.notifyStored(ids));
    const state = new Map([["request-1", 1]]);
    await later.submit(aKeyframe(21, state));
    await next.idle();
    expect(fullLogs.isFull(id, "stock")).toBe(false);
    await later.submit(aBatch({ seqs: [22, 25], keyOf: fresh }));
    expect(store.epoch(id)?.eventCount).toBe(25);
    await next.close();
  });
});
