/** The steps of retention beside ingest, which goes on meanwhile. */
import { describe, expect, it } from "vitest";
import { encodeBatch, type IngestReply } from "../../../agent/kernel/index.ts";
import { Pruner } from "../../../collector/retention/pruner.ts";
import type { EpochRecord, HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch } from "../../support/batches.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, receive } from "../../support/told-history.ts";
import { anIngest, atTick, aBatch as someSeqs } from "../ingest/support.ts";
import { aScene, type Scene, shown } from "./support.ts";

const TURNS = 50;

it("A sweep of an empty history leaves violations that come while it is on its way", async () => {
  const inner = new MemoryStore();
  const { ingest } = anIngest({ store: inner });
  const rows = [join(atMs(0)), receive(atMs(10), "a", 1, 2, atMs(20))];
  const bytes = encodeBatch(aBatch(rows, { node: "b", firstSeq: 1, service: "kv" }));
  let submitted: Promise<unknown> | undefined;
  const sweep: HistoryStore["sweep"] = async (options) => {
    submitted ??= ingest.submit(bytes);
    for (let i = 0; i < TURNS; i += 1) await new Promise((resolve) => setImmediate(resolve));
    return inner.sweep(options);
  };
  const pruner = new Pruner({
    store: over(inner, { sweep }),
    points: { checkpointAt: () => undefined, markAt: () => undefined },
    between: (task) => ingest.between(task),
    turn: () => Promise.resolve(),
  });
  await pruner.sweep();
  await submitted;
  expect(inner.violationsAt(atMs(15))).toHaveLength(1);
  await pruner.sweep();
  expect(inner.violationsAt(atMs(15))).toHaveLength(1);
  await pruner.close();
  await ingest.close();
});

describe("what is acknowledged while a round of retention is chosen", () => {
  /** A store whose writes take some turns of the event loop, as those of a disk do. */
  function slowScene() {
    const inner = new MemoryStore();
    const write: HistoryStore["write"] = async (given) => {
      for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
      await inner.write(given);
    };
    return aScene({ retentionMs: 60_000 }, over(inner, { write }));
  }

  /** The batch is on its way to the disk when the round begins. */
  async function duringARound({ ingest, keeping }: Scene, bytes: Uint8Array): Promise<IngestReply> {
    const submitted = ingest.submit(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    await keeping.retention.round();
    return submitted;
  }

  it("is not forgotten with its run, though that was old enough a moment ago", async () => {
    const scene = slowScene();
    await scene.ingest.submit(someSeqs({ seqs: [1, 10] }));
    const later = { epoch: 2_000, tOf: (seq: number) => 10_000 + seq };
    await scene.ingest.submit(someSeqs({ ...later, seqs: [1, 2] }));
    for (let seq = 3; seq < 6; seq += 1) {
      scene.timers.advance(61_000);
      await scene.ingest.submit(someSeqs({ ...later, seqs: [seq, seq] }));
    }
    const reply = await duringARound(scene, someSeqs({ seqs: [11, 20] }));
    expect(reply.acks[0]?.storedCount).toBe(10);
    await scene.keeping.retention.round();
    expect(scene.store.epochs().map(({ epoch }) => epoch)).toEqual([1_000, 2_000]);
    expect([...scene.store.pieces(1, 0)].map(({ first }) => first)).toEqual([11]);
    expect(scene.history.nodes()[0]?.retainedFrom).not.toBeNull();
    await scene.close();
  });

  // Simulator, seed 91000898: by a clock that was behind, a run began below where the one before had ended.
  it("does not lie in the time of a run that is forgotten just then: that ends where it begins", async () => {
    const scene = slowScene();
    const over = { leaves: true, tOf: (seq: number) => (seq < 10 ? seq * 10 : 5_000) };
    await scene.ingest.submit(someSeqs({ ...over, seqs: [1, 10] }));
    await scene.ship(0, "n2");
    for (let round = 0; round < 2; round += 1) {
      scene.timers.advance(61_000);
      if (round === 0) await scene.keeping.retention.round();
    }
    const next = { epoch: 2_000, joins: "next", tOf: (seq: number) => 300 + seq * 10 };
    const reply = await duringARound(scene, someSeqs({ ...next, seqs: [1, 5] }));
    expect(reply.acks[0]?.storedCount).toBe(5);
    await scene.history.idle();
    expect(scene.store.epochs().find(({ node }) => node === "n1")?.epoch).toBe(2_000);
    const cut = scene.history.cutAt(atTick(345), { nodes: ["n1"] });
    expect(cut.incomplete.map(({ reason }) => reason)).not.toContain("outside-retention");
    expect(shown(cut)).toEqual({ v0: 3, v1: 4, v2: 2 });
    await scene.close();
  });

  it("is not taken away with what lies behind a hole, into which it came", async () => {
    const scene = slowScene();
    await scene.ship(0);
    await scene.ship(2);
    scene.timers.advance(61_000);
    await scene.ship(3);
    const reply = await duringARound(scene, someSeqs({ seqs: [11, 15] }));
    expect(reply.acks[0]?.storedCount).toBe(5);
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)].map(({ first }) => first)).toEqual([11, 21, 31]);
    await scene.close();
  });
});

it("A look at very many epochs gives the event loop its turns, whether they have much to look at or not", async () => {
  const inner = new MemoryStore();
  const { ingest } = anIngest({ store: inner });
  const count = 600;
  for (let i = 0; i < count; i += 1) {
    await ingest.submit(someSeqs({ node: `n${i}`, seqs: [1, 2] }));
  }
  let turns = 0;
  const pruner = new Pruner({
    store: inner,
    points: { checkpointAt: () => undefined, markAt: () => undefined },
    between: (task) => task(),
    turn: async () => {
      turns += 1;
    },
  });
  const records: readonly EpochRecord[] = inner.epochs();
  expect(await pruner.prune(records, () => false)).toBe(0);
  expect(turns).toBeGreaterThanOrEqual(4);
  turns = 0;
  expect(await pruner.oldestArrivalMs(records)).toBe(records[0]?.firstArrivalMs);
  expect(turns).toBeGreaterThanOrEqual(4);
  await pruner.close();
  await ingest.close();
});
