import { describe, expect, it } from "vitest";
import { Agent } from "../../../agent/agent.ts";
import { resolveConfig } from "../../../agent/config.ts";
import { addMs, decodeBatch, eventsOf, formatHlc, MIN_HLC } from "../../../agent/kernel/index.ts";
import type { Transport } from "../../../agent/shipping/transport.ts";
import { ManualClock } from "../../../agent/testing.ts";
import type { HistoryStore, StoreWrite } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";
import { aBatch, aLostRange, anIngest, atTick, joined, START } from "./support.ts";

const EVERYTHING = { from: MIN_HLC, to: atTick(1e12) };

/** All stored seqs of an epoch, as they lie in the batches. */
function storedSeqs(store: HistoryStore, epochId = 1): number[] {
  return [...store.batches(epochId, EVERYTHING)].flatMap((batch) =>
    [...eventsOf(decodeBatch(batch.bytes))].map((event) => event.seq),
  );
}

describe("acceptance by identity", () => {
  it("stores a batch, acknowledges it, and knows the epoch", async () => {
    const { ingest, store } = anIngest();
    const reply = await ingest.submit(aBatch({ seqs: [1, 5], status: { pid: 7 } }));
    expect(reply).toEqual({
      acks: [{ node: "n1", epoch: 1000, firstSeq: 1, lastSeq: 5, storedCount: 5 }],
      commands: [],
    });
    expect(store.epochs()).toMatchObject([
      {
        node: "n1",
        epoch: 1000,
        service: "kv",
        tags: { zone: "a" },
        instance: "i1",
        imported: false,
        joined: atTick(10),
        stored: [{ first: 1, last: 5, firstT: atTick(10), lastT: atTick(50) }],
        lost: [],
        contiguousSeq: 5,
        watermark: atTick(50),
        closed: atTick(50),
        lastT: atTick(50),
        end: null,
        eventCount: 5,
        logs: { stock: { firstT: atTick(20), lastT: atTick(50), changeCount: 4 } },
        status: { pid: 7 },
      },
    ]);
  });

  it("stores an event once, in whatever batches it comes", async () => {
    const { ingest, store } = anIngest();
    const counts: number[] = [];
    for (const seqs of [
      [1, 3],
      [1, 3],
      [2, 5],
      [9, 10],
      [4, 12],
      [1, 12],
    ] as const) {
      const { acks } = await ingest.submit(aBatch({ seqs }));
      counts.push(acks[0]?.storedCount ?? -1);
    }
    expect(counts).toEqual([3, 0, 2, 2, 5, 0]);
    expect(storedSeqs(store)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(store.epoch(1)).toMatchObject({ eventCount: 12, contiguousSeq: 12 });
    expect(store.epoch(1)?.logs["stock"]?.changeCount).toBe(11);
    expect(ingest.counts.conflictCount).toBe(0);
  });

  it("tells equal seqs of other nodes and epochs apart", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(
      joined(
        aBatch({ seqs: [1, 2] }),
        aBatch({ seqs: [1, 2], node: "n2" }),
        aBatch({ seqs: [1, 2], epoch: 2_000, tOf: (seq) => 100 + seq }),
      ),
    );
    expect(store.epochs().map(({ node, epoch, eventCount }) => [node, epoch, eventCount])).toEqual([
      ["n1", 1000, 2],
      ["n2", 1000, 2],
      ["n1", 2000, 2],
    ]);
  });

  it("keeps what was stored first when the same seqs come with other content, and counts it", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 4] }));
    const before = [...store.batches(1, EVERYTHING)];
    const { acks } = await ingest.submit(aBatch({ seqs: [1, 4], lie: 100 }));
    expect(acks[0]?.storedCount).toBe(0);
    expect([...store.batches(1, EVERYTHING)]).toEqual(before);
    expect(ingest.counts.conflictCount).toBe(1);
    await ingest.submit(aBatch({ seqs: [3, 6], lie: 100 }));
    expect(ingest.counts.conflictCount).toBe(2);
  });

  it("stores concurrent copies of one request once", async () => {
    const { ingest, store } = anIngest();
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => ingest.submit(aBatch({ seqs: [1, 9] }))),
    );
    const stored = replies.map((reply) => reply.acks[0]?.storedCount ?? 0);
    expect(stored.reduce((sum, count) => sum + count, 0)).toBe(9);
    expect(storedSeqs(store)).toHaveLength(9);
  });
});

describe("watermarks, holes and losses, as one history of an epoch", () => {
  const history: ReadonlyArray<
    readonly [why: string, body: () => Uint8Array, contiguous: number, watermark: number]
  > = [
    ["the first batch", () => aBatch({ seqs: [1, 10], closed: 104 }), 10, 104],
    ["a heartbeat moves it", () => aBatch({ seqs: [11, 10], closed: 109 }), 10, 109],
    ["a hole freezes it", () => aBatch({ seqs: [21, 30] }), 10, 109],
    ["heartbeats past the hole do not help yet", () => aBatch({ seqs: [31, 30] }), 10, 109],
    ["half of the hole is filled", () => aBatch({ seqs: [11, 15] }), 15, 150],
    ["the rest of it: up to what came after", () => aBatch({ seqs: [16, 20] }), 30, 305],
    ["an old batch again changes nothing", () => aBatch({ seqs: [1, 10], closed: 104 }), 30, 305],
    ["a second hole", () => aBatch({ seqs: [36, 40], closed: 405 }), 30, 305],
    [
      "is declared lost by a heartbeat",
      () => aBatch({ seqs: [41, 40], closed: 408, dropped: [aLostRange([31, 35])] }),
      40,
      408,
    ],
    ["events declared lost come after all", () => aBatch({ seqs: [32, 33] }), 40, 408],
    [
      "a loss of what is stored is no loss",
      () => aBatch({ seqs: [41, 41], dropped: [aLostRange([20, 33])] }),
      41,
      410,
    ],
  ];

  it("moves the watermark as far as nothing is missing, and no further", async () => {
    const { ingest, store } = anIngest();
    for (const [why, body, contiguous, watermark] of history) {
      await ingest.submit(body());
      const record = store.epoch(1);
      expect([why, record?.contiguousSeq, record?.watermark]).toEqual([
        why,
        contiguous,
        atTick(watermark),
      ]);
    }
    expect(store.epoch(1)?.lost.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
      [31, 31],
      [34, 35],
    ]);
  });

  it("does not call anything complete while the first events are missing", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [5, 9] }));
    expect(store.epoch(1)).toMatchObject({ contiguousSeq: 0, watermark: MIN_HLC });
    await ingest.submit(aBatch({ seqs: [1, 4] }));
    expect(store.epoch(1)).toMatchObject({ contiguousSeq: 9, watermark: atTick(90) });
    expect(store.epoch(1)?.joined).toBe(atTick(10));
  });

  it("names the checkpoints that a repair makes stale, and none for an append", async () => {
    const store = new MemoryStore();
    const stale: StoreWrite["staleCheckpoints"][] = [];
    const write = store.write.bind(store);
    store.write = (one) => {
      stale.push(one.staleCheckpoints);
      return write(one);
    };
    const { ingest } = anIngest({ store });
    await ingest.submit(aBatch({ seqs: [1, 10] }));
    await ingest.submit(aBatch({ seqs: [16, 20] }));
    await ingest.submit(aBatch({ seqs: [11, 13] }));
    await ingest.submit(aBatch({ seqs: [21, 20], dropped: [aLostRange([14, 15])] }));
    await ingest.submit(aBatch({ seqs: [22, 25], dropped: [aLostRange([21, 21])] }));
    await ingest.submit(aBatch({ seqs: [14, 15] }));
    expect(stale).toEqual([
      [],
      [],
      [{ epochId: 1, fromT: atTick(110) }],
      [{ epochId: 1, fromT: atTick(140) }],
      [{ epochId: 1, fromT: atTick(210) }],
      [{ epochId: 1, fromT: atTick(140) }],
    ]);
  });
});

describe("what is refused", () => {
  const dayAhead = 24 * 60 * 60 * 1_000 * 4_096;
  const cases: ReadonlyArray<readonly [why: string, body: () => Uint8Array, code: string | null]> =
    [
      ["an empty body", () => new Uint8Array(0), "bad-batch"],
      ["text", () => Buffer.from('{"node":"n1"}'), "bad-batch"],
      ["a batch cut short", () => aBatch({ seqs: [1, 5] }).subarray(0, 40), "bad-batch"],
      [
        "a good batch, then a bad one",
        () => joined(aBatch({ seqs: [1, 5] }), Buffer.from([1])),
        "bad-batch",
      ],
      [
        "time that goes back",
        () => joined(aBatch({ seqs: [1, 5] }), aBatch({ seqs: [6, 7], tOf: () => 30 })),
        "bad-batch",
      ],
      [
        "an event at what was closed before it",
        () => joined(aBatch({ seqs: [1, 5], closed: 60 }), aBatch({ seqs: [6, 7] })),
        "bad-batch",
      ],
      [
        "a filling that reaches past what follows it",
        () =>
          joined(
            aBatch({ seqs: [1, 5] }),
            aBatch({ seqs: [10, 12] }),
            aBatch({ seqs: [6, 9], tOf: (seq) => seq * 12 }),
          ),
        "bad-batch",
      ],
      [
        "stamps more than a day ahead",
        () => aBatch({ seqs: [1, 2], tOf: (seq) => dayAhead + seq }),
        "too-far-ahead",
      ],
      [
        "stamps a day ahead are not",
        () => aBatch({ seqs: [1, 2], tOf: (s) => dayAhead - 3 + s }),
        null,
      ],
      ["any past is not", () => aBatch({ seqs: [1, 2], tOf: (seq) => seq - START }), null],
      [
        "imports may lie ahead",
        () => aBatch({ seqs: [1, 2], imported: true, tOf: (seq) => 2 * dayAhead + seq }),
        null,
      ],
    ];
  it.each(cases)("%s: all of the body, or nothing", async (_why, body, code) => {
    const { ingest, store } = anIngest();
    if (code === null) {
      await ingest.submit(body());
      expect(store.epochs()).toHaveLength(1);
      return;
    }
    await expect(ingest.submit(body())).rejects.toMatchObject({ code });
    expect(store.epochs()).toEqual([]);
    expect([...store.batches(1, EVERYTHING)]).toEqual([]);
    expect(ingest.counts.refusedCounts.get(code)).toBe(1);
  });

  it("a refused request about a known epoch writes nothing at all: it costs no sync of the disk", async () => {
    const store = new MemoryStore();
    const write = store.write.bind(store);
    let writes = 0;
    store.write = (what) => {
      writes += 1;
      return write(what);
    };
    const { ingest } = anIngest({ store });
    await ingest.submit(aBatch({ seqs: [1, 10] }));
    expect(writes).toBe(1);
    // It breaks a promise, which is found only after its epoch was looked up.
    const broken = ingest.submit(aBatch({ seqs: [4, 3], closed: 500_000 }));
    await expect(broken).rejects.toMatchObject({ code: "bad-batch" });
    // Another process's: acknowledged with a conflict, and nothing of it is kept.
    await ingest.submit(aBatch({ seqs: [1, 3], joins: "i2" }));
    expect(writes).toBe(1);
  });

  it("a refused request leaves the others of its group alone", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2] }));
    const [good, bad, better] = await Promise.allSettled([
      ingest.submit(aBatch({ seqs: [3, 4] })),
      ingest.submit(joined(aBatch({ seqs: [5, 6] }), aBatch({ seqs: [7, 8], tOf: () => 1 }))),
      ingest.submit(aBatch({ seqs: [5, 6] })),
    ]);
    expect([good?.status, bad?.status, better?.status]).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(storedSeqs(store)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("what is older than what is retained is refused, where somebody says what that is", async () => {
    const { ingest } = anIngest({ isTooOld: ({ closed }) => closed < START });
    await expect(
      ingest.submit(aBatch({ seqs: [1, 2], tOf: (seq) => seq - 1_000 })),
    ).rejects.toMatchObject({ code: "too-old" });
  });
});

describe("a store that fails", () => {
  it("acknowledges nothing that was not stored, and goes on when it works again", async () => {
    const store = new MemoryStore();
    const { ingest } = anIngest({ store });
    await ingest.submit(aBatch({ seqs: [1, 2] }));
    const write = store.write.bind(store);
    store.write = () => Promise.reject(new Error("no space left"));
    await expect(ingest.submit(aBatch({ seqs: [3, 4] }))).rejects.toThrow("no space left");
    store.write = write;
    expect(store.epoch(1)?.contiguousSeq).toBe(2);
    const { acks } = await ingest.submit(aBatch({ seqs: [3, 4] }));
    expect(acks[0]?.storedCount).toBe(2);
    expect(storedSeqs(store)).toEqual([1, 2, 3, 4]);
  });

  it("refuses more than may wait, and what comes after close", async () => {
    const { ingest } = anIngest({ maxQueuedBytes: 200 });
    const bodies = Array.from({ length: 10 }, (_, i) => aBatch({ seqs: [1, 3], node: `n${i}` }));
    const results = await Promise.allSettled(bodies.map((body) => ingest.submit(body)));
    const refused = results.filter((one) => one.status === "rejected");
    expect(refused.length).toBeGreaterThan(5);
    expect(refused[0]).toMatchObject({ reason: { code: "overloaded", retriable: true } });
    expect(ingest.queuedBytes).toBe(0);
    await ingest.close();
    await expect(ingest.submit(aBatch({ seqs: [1, 3] }))).rejects.toMatchObject({ code: "closed" });
  });
});

describe("joins", () => {
  it("answers a join with the highest epoch and time known from before it", async () => {
    const { ingest } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 5], epoch: 1_000, closed: 70 }));
    const { acks, commands } = await ingest.submit(
      aBatch({ seqs: [1, 2], epoch: 2_000, joins: "i2", tOf: (seq) => 100 + seq }),
    );
    expect(acks[0]?.known).toEqual({ epoch: 1_000, t: formatHlc(atTick(70)) });
    expect(commands).toEqual([]);
  });

  const below: ReadonlyArray<readonly [why: string, epoch: number, ticks: number]> = [
    ["the epoch is lower", 900, 100],
    ["the clock is behind", 1_100, 60],
  ];
  it.each(below)("asks for a further epoch where %s", async (_why, epoch, ticks) => {
    const { ingest } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 5], epoch: 1_000, closed: 70 }));
    const { commands } = await ingest.submit(
      aBatch({ seqs: [1, 1], epoch, joins: "i2", tOf: () => ticks }),
    );
    expect(commands).toEqual([
      {
        command: "rejoin",
        node: "n1",
        aboveEpoch: Math.max(1_000, epoch),
        aboveT: formatHlc(atTick(Math.max(70, ticks))),
        reason: "not-above",
      },
    ]);
  });

  it("asks an epoch whose join it never saw to join anew, and keeps its events", async () => {
    const { ingest, store } = anIngest();
    const { commands } = await ingest.submit(aBatch({ seqs: [7, 9] }));
    const rejoin = { command: "rejoin", node: "n1", aboveEpoch: 1_000, reason: "unknown-epoch" };
    expect(commands).toMatchObject([{ ...rejoin, aboveT: formatHlc(atTick(90)) }]);
    expect(storedSeqs(store)).toEqual([7, 8, 9]);
    const idle = await ingest.submit(aBatch({ seqs: [41, 40], node: "n2" }));
    expect(idle.commands).toMatchObject([{ ...rejoin, node: "n2" }]);
    expect(store.epochs()).toHaveLength(1);
  });

  it("asks nothing of imports", async () => {
    const { ingest } = anIngest();
    const { commands } = await ingest.submit(aBatch({ seqs: [7, 9], imported: true }));
    expect(commands).toEqual([]);
  });

  it("tells the younger of two live processes that the id is taken, and the older to rejoin", async () => {
    const { ingest, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2], epoch: 1_000, joins: "old" }));
    timers.advance(1_000);
    const young = { epoch: 2_000, joins: "young", tOf: (seq: number) => 1_000 + seq };
    expect((await ingest.submit(aBatch({ ...young, seqs: [1, 2] }))).commands).toEqual([]);
    timers.advance(1_000);
    const both = { tOf: (seq: number) => 2_000 + seq };
    // It may have been on the way when the older one died: its clock may be ahead.
    expect((await ingest.submit(aBatch({ ...both, seqs: [3, 3] }))).commands).toEqual([]);
    timers.advance(1_000);
    expect((await ingest.submit(aBatch({ ...both, seqs: [4, 4] }))).commands).toMatchObject([
      { command: "rejoin", aboveEpoch: 2_000, reason: "not-above" },
    ]);
    expect((await ingest.submit(aBatch({ ...young, seqs: [3, 3] }))).commands).toEqual([
      { command: "node-in-use", node: "n1" },
    ]);
    // Above the younger now, the older one is still the one that was here first.
    const above = { epoch: 3_000, joins: "old", tOf: (seq: number) => 3_000 + seq };
    expect((await ingest.submit(aBatch({ ...above, seqs: [1, 2] }))).commands).toEqual([]);
    timers.advance(20_000);
    expect(
      (await ingest.submit(aBatch({ ...young, seqs: [4, 4], closed: 9_000 }))).commands,
    ).toEqual([expect.objectContaining({ command: "rejoin" })]);
    const again = await ingest.submit(aBatch({ ...above, seqs: [3, 3], closed: 9_000 }));
    expect(again.commands).toEqual([]);
    expect(
      (await ingest.submit(aBatch({ ...young, seqs: [5, 4], closed: 9_001 }))).commands,
    ).toEqual([{ command: "node-in-use", node: "n1" }]);
  });

  it("takes nothing that a dead process left on the way for a sign of life, however late", async () => {
    const { ingest, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2], epoch: 1_000, joins: "old" }));
    const young = { epoch: 2_000, joins: "young", tOf: (seq: number) => 1_000 + seq };
    for (let i = 1; i <= 5; i += 1) {
      expect((await ingest.submit(aBatch({ ...young, seqs: [i, i] }))).commands).toEqual([]);
      timers.advance(1_000);
      expect((await ingest.submit(aBatch({ seqs: [2 + i, 2 + i] }))).commands).toEqual([]);
    }
  });

  it("tells a process below a run that is gone to rejoin, however late it is heard again", async () => {
    const { ingest, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2], epoch: 1_000, joins: "old" }));
    const young = { epoch: 2_000, joins: "young", tOf: (seq: number) => 1_000 + seq };
    await ingest.submit(aBatch({ ...young, seqs: [1, 2] }));
    timers.advance(12_000);
    // Nothing of it is later than the beginning of the other yet.
    expect((await ingest.submit(aBatch({ seqs: [3, 2], closed: 999 }))).commands).toEqual([]);
    for (const closed of [1_001, 2_000]) {
      const { commands } = await ingest.submit(aBatch({ seqs: [3, 2], closed }));
      const aboveT = formatHlc(atTick(Math.max(closed, 1_002)));
      expect(commands).toEqual([
        { command: "rejoin", node: "n1", aboveEpoch: 2_000, aboveT, reason: "not-above" },
      ]);
    }
    const above = { epoch: 2_001, joins: "old", tOf: (seq: number) => 3_000 + seq };
    expect((await ingest.submit(aBatch({ ...above, seqs: [1, 2] }))).commands).toEqual([]);
    expect((await ingest.submit(aBatch({ seqs: [3, 2], closed: 2_001 }))).commands).toEqual([]);
  });

  it("lets a process expire that was displaced by a run that is gone", async () => {
    const { ingest, timers, store } = anIngest({ expireAfterMs: 5_000 });
    await ingest.submit(aBatch({ seqs: [1, 2], epoch: 1_000, joins: "old" }));
    const young = { epoch: 2_000, joins: "young", tOf: (seq: number) => 1_000 + seq };
    await ingest.submit(aBatch({ ...young, seqs: [1, 2] }));
    await ingest.submit(aBatch({ seqs: [3, 2], closed: 2_000 }));
    timers.advance(8_000);
    await ingest.sweep();
    expect(store.epochs().map(({ epoch, end }) => [epoch, end?.kind])).toEqual([
      [1_000, "expired"],
      [2_000, "expired"],
    ]);
  });

  it("takes a quick restart for what it is", async () => {
    const { ingest, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2], epoch: 1_000, joins: "old" }));
    for (let i = 1; i <= 5; i += 1) {
      const { commands } = await ingest.submit(
        aBatch({ seqs: [i, i], epoch: 2_000, joins: "new", tOf: (seq) => 1_000 + seq }),
      );
      expect(commands).toEqual([]);
      timers.advance(1_000);
    }
  });
});

describe("silence", () => {
  it("expires a node after a minute, later than everything stored of it, and takes it back", async () => {
    const { ingest, store, timers } = anIngest();
    const ahead = 70_000 * 4_096;
    await ingest.submit(
      joined(
        aBatch({ seqs: [1, 2] }),
        aBatch({ seqs: [1, 2], node: "fast", tOf: (seq) => ahead + seq }),
        aBatch({ seqs: [1, 3], node: "gone", leaves: true }),
        aBatch({ seqs: [1, 2], node: "file", imported: true }),
      ),
    );
    timers.advance(59_000);
    await ingest.sweep();
    expect(store.epochs().map((one) => one.end?.kind)).toEqual([
      undefined,
      undefined,
      "left",
      undefined,
    ]);
    timers.advance(2_000);
    await ingest.sweep();
    const [slow, fast, gone, file] = store.epochs();
    expect(slow?.end?.kind).toBe("expired");
    expect(slow?.end?.t).toBeGreaterThan(addMs(START, 59_000));
    expect(fast?.end).toEqual({ kind: "expired", t: atTick(ahead + 3) });
    expect(gone?.end).toEqual({ kind: "left", t: atTick(30) });
    expect(file?.end).toBeNull();

    await ingest.submit(aBatch({ seqs: [1, 2] })); // an old batch, once more
    expect(store.epoch(slow?.id ?? 0)?.end?.kind).toBe("expired");
    await ingest.submit(aBatch({ seqs: [3, 4] }));
    expect(store.epoch(slow?.id ?? 0)?.end).toBeNull();
    expect(store.epoch(slow?.id ?? 0)?.watermark).toBe(atTick(40));
  });

  it("does not expire a node for the time that the collector was down", async () => {
    const { ingest, store, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2] }));
    await ingest.close();
    timers.advance(3_600_000);
    const restarted = anIngest({ store, timers });
    await restarted.ingest.sweep();
    timers.advance(30_000);
    await restarted.ingest.sweep();
    expect(store.epoch(1)?.end).toBeNull();
    timers.advance(31_000);
    await restarted.ingest.sweep();
    expect(store.epoch(1)?.end?.kind).toBe("expired");
  });

  it("does not expire nodes for a pause of the collector's own process", async () => {
    const { ingest, store, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2] }));
    timers.advance(10_000);
    timers.freeze(600_000);
    timers.advance(1_000);
    await ingest.sweep();
    expect(store.epoch(1)?.end).toBeNull();
  });

  it("leaves the older epochs of a node that has a later one alone", async () => {
    const { ingest, store, timers } = anIngest();
    await ingest.submit(aBatch({ seqs: [1, 2] }));
    await ingest.submit(aBatch({ seqs: [1, 2], epoch: 2_000, joins: "i2", tOf: (s) => 100 + s }));
    timers.advance(61_000);
    await ingest.sweep();
    expect(store.epochs().map((one) => one.end?.kind)).toEqual([undefined, "expired"]);
  });
});

it("tells listeners which epochs a durable write changed", async () => {
  const { ingest } = anIngest();
  const told: (readonly number[])[] = [];
  const stop = ingest.onStored((ids) => told.push(ids));
  await ingest.submit(joined(aBatch({ seqs: [1, 2] }), aBatch({ seqs: [1, 2], node: "n2" })));
  await ingest.submit(aBatch({ seqs: [3, 2], node: "n2" }));
  stop();
  await ingest.submit(aBatch({ seqs: [3, 4] }));
  expect(told).toEqual([[1, 2], [2]]);
});

describe("two processes that began in the same millisecond under one id", () => {
  it("do not share an epoch: the second is told, and what it recorded is stored under its new id", async () => {
    const { ingest, store } = anIngest();
    const scheduler = new VirtualScheduler(1);
    const transport: Transport = {
      target: "ingest",
      send: async (batches) => ({
        kind: "acked",
        reply: await ingest.submit(Buffer.concat(batches)),
      }),
      close: () => undefined,
    };
    const start = (): Agent => {
      const around = { env: {}, pid: 1, script: "t", threadId: 0, isFork: false };
      const config = resolveConfig({ node: "twin", hooks: "none", quiet: true }, around);
      return new Agent(config, {
        clock: new ManualClock("2026-11-21T16:00:00Z"),
        transport,
        scheduler,
      });
    };
    const [first, second] = [start(), start()];
    expect(second.epoch).toBe(first.epoch);
    first.log("l").set("a", 1);
    for (let i = 0; i < 9; i += 1) second.log("l").set(`b${i}`, i); // more than the first has
    const advance = async (ms: number): Promise<void> => {
      for (let done = 0; done < ms; done += 10) {
        await scheduler.advance(10);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await advance(1_000);
    expect(first.node).toBe("twin");
    expect(second.node).toBe(`twin.${process.pid}`);
    const stored = store.epochs().map((epoch) => {
      const keys = [...store.batches(epoch.id, EVERYTHING)].flatMap((batch) =>
        [...eventsOf(decodeBatch(batch.bytes))].flatMap((event) =>
          event.kind === "set"
            ? [event.key]
            : event.kind === "keyframe"
              ? [...event.state.keys()]
              : [],
        ),
      );
      return [epoch.node, [...new Set(keys)].sort(), epoch.lost];
    });
    expect(stored).toEqual([
      ["twin", ["a"], []],
      [second.node, Array.from({ length: 9 }, (_, i) => `b${i}`), []],
    ]);
    const { recorded, acknowledged, drops } = second.stats();
    expect(drops).toEqual({ refused: 10 }); // the join and nine changes
    expect(acknowledged).toBe(recorded - 10);
    expect(second.health).toBe("ok");
    for (const agent of [first, second]) {
      const ending = agent.close();
      await advance(600);
      await ending;
    }
  });
});
