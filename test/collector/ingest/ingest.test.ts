/** What is stored of what is sent, and how far it is known: identity, watermarks, holes, losses. */
import { describe, expect, it } from "vitest";
import { MIN_HLC } from "../../../agent/kernel/index.ts";
import type { StoreWrite } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, aLostRange, anIngest, atTick, EVERYTHING, joined, storedSeqs } from "./support.ts";

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
