/** Requests that are refused, by what they hold or because the store fails: all of a body, or nothing. */
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, anIngest, EVERYTHING, joined, START, storedSeqs } from "./support.ts";

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
    const broken = ingest.submit(aBatch({ seqs: [3, 4], closed: 500_000 }));
    await expect(broken).rejects.toMatchObject({ code: "bad-batch" });
    // Another process's, by its promise or by its join: acknowledged with a conflict, and nothing of it is kept.
    await ingest.submit(aBatch({ seqs: [4, 3], closed: 500_000 }));
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
