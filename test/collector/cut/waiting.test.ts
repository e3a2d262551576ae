/** Waiting for a cut to become complete. */
import { describe, expect, it } from "vitest";
import { addMs, type Hlc } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import type { EpochRecord } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { over } from "../../support/store-over.ts";

const T = 1_000_000 as Hlc;

async function openHistory(): Promise<{
  history: LiveHistory;
  timers: ManualTimers;
  closeAt: (closed: Hlc) => Promise<void>;
}> {
  const store = new MemoryStore();
  const timers = new ManualTimers(5_000);
  const history = createHistory({ store, timers, limits: { waiting: 2 } });
  const id = store.nextEpochId();
  const closeAt = (closed: Hlc): Promise<void> =>
    store.write({
      batches: [],
      epochs: [aRecord(id, closed)],
      violations: [],
      slowMessages: [],
      staleCheckpoints: [],
    });
  await closeAt(addMs(T, -5));
  return { history, timers, closeAt };
}

function aRecord(id: number, closed: Hlc): EpochRecord {
  return {
    id,
    node: "n1",
    epoch: 1,
    service: "kv",
    tags: {},
    instance: "",
    imported: false,
    joined: addMs(T, -100),
    stored: [],
    lost: [],
    contiguousSeq: 0,
    watermark: closed,
    closed,
    lastT: addMs(T, -100),
    end: null,
    firstArrivalMs: 5_000,
    lastArrivalMs: 5_000,
    eventCount: 0,
    logs: {},
    status: null,
  };
}

describe("waiting for a cut", () => {
  it("answers at once when the cut is complete", async () => {
    const { history } = await openHistory();
    expect((await history.waitForCut(addMs(T, -5), {}, 1_000)).complete).toBe(true);
  });

  it("is woken by what is stored, and answers when that made the cut complete", async () => {
    const { history, closeAt } = await openHistory();
    const answer = history.waitForCut(T, {}, 1_000);
    await closeAt(addMs(T, -1));
    history.notifyStored();
    await closeAt(T);
    history.notifyStored();
    expect((await answer).complete).toBe(true);
  });

  it("answers incomplete, with the reason, when the time is up", async () => {
    const { history, timers } = await openHistory();
    const answer = history.waitForCut(T, {}, 1_000);
    timers.advanceMs(999);
    timers.advanceMs(1);
    const cut = await answer;
    expect(cut.complete).toBe(false);
    expect(cut.incomplete).toEqual([{ node: "n1", reason: "lagging", after: addMs(T, -5) }]);
  });

  it("ends with `cancelled` when nobody waits any more, before and during", async () => {
    const { history } = await openHistory();
    const leaving = new AbortController();
    const answer = history.waitForCut(T, {}, 1_000, leaving.signal);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: "cancelled" });
    await expect(history.waitForCut(T, {}, 1_000, leaving.signal)).rejects.toMatchObject({
      code: "cancelled",
    });
  });

  it("lets no more wait than the limit, and lets others in when one has gone", async () => {
    const { history, timers } = await openHistory();
    const answers = [history.waitForCut(T, {}, 10), history.waitForCut(T, {}, 10)];
    await expect(history.waitForCut(T, {}, 10)).rejects.toMatchObject({
      code: "overloaded",
      retriable: true,
      hint: expect.stringMatching(/without wait/),
    });
    timers.advanceMs(10);
    await Promise.all(answers);
    expect((await history.waitForCut(addMs(T, -5), {}, 10)).complete).toBe(true);
  });

  it("answers many whose time is up together a slice in each turn", async () => {
    const store = new MemoryStore();
    const turns: (() => void)[] = [];
    const cuts: number[] = [];
    const waiting: (() => void)[] = [];
    let nowMs = 5_000;
    const watched = over(store, {
      directoryAt(...args) {
        nowMs += 4; // so long a cut takes
        cuts[cuts.length - 1] = (cuts.at(-1) ?? 0) + 1;
        return store.directoryAt(...args);
      },
    });
    const history = createHistory({
      store: watched,
      limits: { sliceMs: 10 },
      checkpoints: false,
      timers: {
        nowMs: () => nowMs,
        after: (_ms, wake) => {
          waiting.push(wake);
          return () => {};
        },
        turn: () => new Promise((resolve) => turns.push(resolve)),
      },
    });
    const epochs = [aRecord(store.nextEpochId(), addMs(T, -5))];
    const nothing = { batches: [], violations: [], slowMessages: [], staleCheckpoints: [] };
    await store.write({ ...nothing, epochs });
    const answers = Array.from({ length: 12 }, () => history.waitForCut(T, {}, 1_000));
    await new Promise((resolve) => setImmediate(resolve));
    let answered = 0;
    for (const answer of answers) void answer.then(() => (answered += 1));
    // All of them in one turn of the loop.
    cuts.splice(0, cuts.length, 0);
    for (const wake of waiting) wake();
    while (answered < answers.length) {
      cuts.push(0);
      for (const go of turns.splice(0)) go();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(cuts.reduce((sum, count) => sum + count)).toBe(12);
    expect(Math.max(...cuts)).toBeLessThanOrEqual(3);
  });

  it("ends with `closed` when the history is closed, and waits for nothing after it", async () => {
    const { history } = await openHistory();
    const answer = history.waitForCut(T, {}, 1_000);
    const told = expect(answer).rejects.toMatchObject({ code: "closed" });
    await new Promise((resolve) => setImmediate(resolve));
    await history.close();
    await told;
    await expect(history.waitForCut(T, {}, 1_000)).rejects.toMatchObject({ code: "closed" });
  });

  it("refuses an unknown node at once, naming the nearest", async () => {
    const { history } = await openHistory();
    await expect(history.waitForCut(T, { nodes: ["n2"] }, 1_000)).rejects.toMatchObject({
      code: "unknown-node",
      details: { known: ["n1"] },
    });
  });
});

describe("names that are not known", () => {
  it("are answered with those known, nearest first", async () => {
    const { history } = await openHistory();
    expect(() => history.cutAt(T, { logs: ["stok"] })).toThrowError(
      expect.objectContaining({ code: "unknown-log" }),
    );
    expect(() => history.cutAt(addMs(T, -101))).toThrowError(
      expect.objectContaining({ code: "outside-retention" }),
    );
  });
});
