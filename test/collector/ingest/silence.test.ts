/** Nodes that fall silent: who expires, when, and who does not. */
import { describe, expect, it } from "vitest";
import { addMs } from "../../../agent/kernel/index.ts";
import { aBatch, anIngest, atTick, joined, START } from "./support.ts";

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
