/** Joins, restarts, and several processes under one id. */
import { describe, expect, it } from "vitest";
import { Agent } from "../../../agent/agent.ts";
import { resolveConfig } from "../../../agent/config.ts";
import { decodeBatch, eventsOf, formatHlc } from "../../../agent/kernel/index.ts";
import type { Transport } from "../../../agent/shipping/transport.ts";
import { ManualClock } from "../../../agent/testing.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";
import { aBatch, anIngest, atTick, EVERYTHING, storedSeqs } from "./support.ts";

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
