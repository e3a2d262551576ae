/** Checkpoints that could not be written, and memory that stays within its bounds. */
import { describe, expect, it } from "vitest";
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { EpochSource } from "../../../collector/cut/epoch-source.ts";
import { cutLimits } from "../../../collector/cut/limits.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, set, tellHistory } from "../../support/told-history.ts";

describe("after a checkpoint that could not be written", () => {
  it("the next ones can be read again, and other epochs are not left behind", async () => {
    const inner = new MemoryStore();
    let writes = 0;
    let batchesRead = 0;
    const store = over(inner, {
      async writeCheckpoint(checkpoint) {
        writes += 1;
        if (writes === 1) throw new RetroError("overloaded", "full", { retriable: true });
        await inner.writeCheckpoint(checkpoint);
      },
      *batches(...args) {
        for (const batch of inner.batches(...args)) {
          batchesRead += 1;
          yield batch;
        }
      },
    });
    const { tell } = tellHistory({ store: inner, limits: { roundChanges: 1_000_000 } });
    const changes = (from: number) =>
      Array.from({ length: 20 }, (_, i) => set((atMs(from) + i) as Hlc, "l", `k${i % 5}`, i));
    const once = set(atMs(1), "config", "mode", 1);
    await tell("n1", 1, [join(atMs(0)), once, ...changes(2)]);
    await tell("n2", 1, [join(atMs(0)), ...changes(2)]);
    const history = createHistory({
      store,
      timers: new ManualTimers(0),
      limits: { roundChanges: 10 },
    });
    history.notifyStored();
    await history.checkpointer.idle();
    expect(history.checkpointer.failure).toBeDefined();
    const [first, second] = inner.epochs();
    expect(inner.directoryAt(second?.id ?? 0, atMs(100))).toBeDefined();
    for (let i = 0; i < 40; i += 1) {
      await tell("n1", 23 + i * 20, changes(100 + i));
      history.notifyStored([first?.id ?? 0]);
      await history.checkpointer.idle();
    }
    history.dropCaches();
    batchesRead = 0;
    const cut = history.cutAt(atMs(139));
    expect(cut.nodes.get("n1")?.logs.get("config")?.get("mode")).toBe(1);
    expect(batchesRead).toBeLessThan(10);
  });
});

describe("decoded batches in memory", () => {
  it("are counted with what their keyframes hold", async () => {
    const { tell, store } = tellHistory();
    await tell("n1", 1, [join(atMs(0))]);
    const state = new Map(
      Array.from({ length: 2_000 }, (_, i) => [`key-${i}`, { list: [i, { text: `value ${i}` }] }]),
    );
    for (let i = 0; i < 8; i += 1) {
      await tell("n1", 2 + i, [{ t: atMs(1 + i), kind: "keyframe", log: "l", state }]);
    }
    const [record] = store.epochs();
    const bytes = [...store.batches(record?.id ?? 0, { from: atMs(0), to: atMs(9) })].map(
      (one) => one.bytes.length,
    );
    const wire = Math.max(...bytes);
    // Room for three of eight: as they are read again and again, the oldest has always gone.
    const source = new EpochSource(store, cutLimits({ blockCacheBytes: wire * 8 * 3 + 1_000 }));
    const read = () => [...source.batches(record?.id ?? 0, atMs(1), atMs(9))];
    const first = read();
    const second = read();
    expect(second.filter((batch) => first.includes(batch))).toHaveLength(0);
    const last = [...source.batches(record?.id ?? 0, atMs(8), atMs(9))];
    expect(last.every((batch) => second.includes(batch))).toBe(true);
  });
});
