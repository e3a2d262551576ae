/** How much of the past is kept, and that what is kept stays exact. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import "../../support/seed.ts";
import { formatHlc } from "../../../agent/kernel/index.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { aWrite } from "../store/history-store.contract.ts";
import {
  aScene,
  asked,
  closeScenes,
  JumpingTimers,
  opened,
  type Scene,
  shown,
  stateAt,
} from "./support.ts";

afterEach(closeScenes);

/** `n1` lives; the run 1500 of `n2`, there at ticks 410 to 500, has left and is forgotten. */
async function withForgotten(): Promise<Scene> {
  const scene = opened({ retentionMs: 60_000 });
  await scene.ingest.submit(aBatch({ seqs: [1, 1], closed: 9_000 }));
  const tOf = (seq: number) => 400 + seq * 10;
  await scene.ingest.submit(aBatch({ node: "n2", epoch: 1_500, seqs: [1, 10], leaves: true, tOf }));
  await scene.history.idle();
  scene.timers.advance(61_000);
  await scene.keeping.retention.round();
  scene.timers.advance(61_000);
  await scene.ingest.submit(aBatch({ seqs: [2, 1], closed: 9_001 }));
  await scene.keeping.retention.round();
  expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1"]);
  return scene;
}

/** A run of `n2` with a clock that is behind. */
function behind(seqs: readonly [number, number]): Uint8Array {
  return aBatch({ node: "n2", epoch: 1_400, seqs, joins: "late", tOf: (seq) => seq * 50 });
}

describe("retention by age", () => {
  it("removes what came long ago, and keeps every cut from there on exact", async () => {
    const scene = opened({ retentionMs: 60_000 });
    for (let i = 0; i < 10; i += 1) {
      await scene.ship(i);
      scene.timers.advance(10_000);
    }
    await scene.keeping.retention.round();
    // Batches 0 to 3 came 100 s to 70 s ago, batch 4 exactly 60 s.
    expect([...scene.store.pieces(1, 0)].map(({ first }) => first)).toEqual([
      41, 51, 61, 71, 81, 91,
    ]);
    expect(asked(scene, 399)).toBe("outside-retention");
    for (let tick = 400; tick <= 1_000; tick += 7) {
      const cut = asked(scene, tick) as Cut;
      expect([tick, shown(cut), cut.incomplete]).toEqual([tick, stateAt(tick), []]);
    }
    expect(scene.history.nodes()[0]?.retainedFrom).toBe(atTick(400));
    expect(scene.history.extent()?.first).toBe(atTick(400));
  });

  it("reckons by arrival, whatever the node's clock says", async () => {
    const scene = opened({ retentionMs: 60_000 });
    // Stamps of a year ago, and of tomorrow.
    const plan = { node: "slow", tOf: (seq: number) => seq * 10 - 365 * 86_400_000 * 4_096 };
    await scene.ingest.submit(aBatch({ ...plan, seqs: [1, 10] }));
    scene.timers.advance(30_000);
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)]).toHaveLength(1);
    scene.timers.advance(31_000);
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)]).toHaveLength(0);
  });

  it("removes nothing while the collector's clock is ahead of itself, and nothing too early after", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ship(0);
    scene.timers.advance(10_000);
    await scene.keeping.retention.round();
    scene.timers.jumpMs = 7 * 86_400_000;
    scene.timers.advance(1_000);
    await scene.keeping.retention.round();
    expect(scene.keeping.retention.isPaused).toBe(true);
    expect(scene.keeping.retention.counts.jumpCount).toBe(1);
    await scene.ship(1);
    scene.timers.advance(50_000);
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)]).toHaveLength(2);
    // A retention after the jump all that came before it is older than that by any clock.
    scene.timers.advance(10_000);
    await scene.keeping.retention.round();
    expect(scene.keeping.retention.isPaused).toBe(false);
    expect([...scene.store.pieces(1, 0)].map(({ first }) => first)).toEqual([11]);
    expect(scene.keeping.retention.counts.pieceCount).toBe(1);
  });

  it("goes on when the clock is set right again, and keeps what came by the wrong one for longer", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ship(0);
    scene.timers.jumpMs = 86_400_000;
    await scene.keeping.retention.round();
    expect(scene.keeping.retention.isPaused).toBe(true);
    await scene.ship(1);
    scene.timers.jumpMs = 0;
    scene.timers.advance(61_000);
    await scene.keeping.retention.round();
    expect(scene.keeping.retention.isPaused).toBe(false);
    expect([...scene.store.pieces(1, 0)].map(({ first }) => first)).toEqual([11]);
  });

  it("does not take a whole history at its start: the clock may be wrong, and was not watched", async () => {
    const first = aScene({});
    await first.ship(0);
    await first.close();
    const timers = new JumpingTimers();
    timers.jumpMs = 7 * 86_400_000;
    const scene = opened({ retentionMs: 60_000 }, first.store, timers);
    await scene.keeping.retention.round();
    expect(scene.keeping.retention.isPaused).toBe(true);
    expect([...scene.store.pieces(1, 0)]).toHaveLength(1);
    timers.advance(60_000);
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)]).toHaveLength(0);
  });

  it("forgets an epoch that is over after twice the retention, and says who was there then", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ingest.submit(aBatch({ node: "n2", seqs: [1, 10], leaves: true }));
    await scene.ship(0);
    scene.timers.advance(61_000);
    await scene.ship(1);
    await scene.keeping.retention.round();
    expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1", "n2"]);
    scene.timers.advance(60_000);
    await scene.ship(2);
    await scene.keeping.retention.round();
    expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1"]);
    expect(asked(scene, 50)).toBe("outside-retention");
    // What comes again of it is refused; the node may come back, later.
    const again = aBatch({ node: "n2", seqs: [1, 10], leaves: true });
    await expect(scene.ingest.submit(again)).rejects.toMatchObject({ code: "too-old" });
    const tOf = (seq: number) => 900 + seq * 10;
    await scene.ingest.submit(aBatch({ node: "n2", epoch: 2_000, seqs: [1, 5], tOf }));
    expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1", "n2"]);
  });

  // Simulator, seed 71009925: a first batch that came again left a hole after it that was never filled.
  it("takes nothing again of what was forgotten of a run that goes on", async () => {
    const scene = await withForgotten();
    const tOf = (seq: number) => 9_000 + seq;
    const goesOn = { node: "n2", epoch: 1_500, tOf } as const;
    await scene.ingest.submit(aBatch({ ...goesOn, seqs: [11, 13] }));
    const before = scene.history.nodes();
    const again = { node: "n2", epoch: 1_500, tOf: (seq: number) => 400 + seq * 10 };
    const late = scene.ingest.submit(aBatch({ ...again, seqs: [1, 2] }));
    await expect(late).rejects.toMatchObject({ code: "too-old" });
    expect(scene.history.nodes()).toEqual(before);
    // Whoever goes on is still told to begin anew.
    const { commands } = await scene.ingest.submit(aBatch({ ...goesOn, seqs: [14, 14] }));
    expect(commands).toMatchObject([{ command: "rejoin", node: "n2", reason: "unknown-epoch" }]);
  });

  // Simulator, seed 61000573: what had come after the run was displaced was stored once more, beside a hole.
  it("takes nothing again of what a run recorded after another had displaced it, to its own last event", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ingest.submit(aBatch({ seqs: [1, 1], closed: 9_000 }));
    const displaced = { node: "n2", epoch: 1_500, tOf: (seq: number) => 400 + seq * 10 } as const;
    await scene.ingest.submit(aBatch({ ...displaced, joins: "i1", seqs: [1, 20] }));
    const tOf = (seq: number) => 490 + seq;
    const twin = { node: "n2", epoch: 1_600, joins: "i2", tOf, leaves: true } as const;
    await scene.ingest.submit(aBatch({ ...twin, seqs: [1, 5] }));
    await scene.history.idle();
    for (let round = 0; round < 2; round += 1) {
      scene.timers.advance(61_000);
      await scene.ingest.submit(aBatch({ seqs: [round + 2, round + 1], closed: 9_001 }));
      await scene.keeping.retention.round();
    }
    expect(scene.history.nodes().map(({ node }) => node)).toEqual(["n1"]);
    const repeat = (seqs: readonly [number, number]) =>
      scene.ingest.submit(aBatch({ ...displaced, seqs }));
    await expect(repeat([15, 15])).rejects.toMatchObject({ code: "too-old" });
    await expect(repeat([20, 20])).rejects.toMatchObject({ code: "too-old" });
    // It goes on, is told to begin anew above all of that, and takes nothing of before.
    const { commands } = await repeat([21, 21]);
    const aboveT = formatHlc(atTick(610));
    expect(commands).toMatchObject([{ command: "rejoin", aboveEpoch: 1_600, aboveT }]);
    await expect(repeat([15, 15])).rejects.toMatchObject({ code: "too-old" });
    // A run of before whose number was never heard is no repeat.
    const other = {
      node: "n2",
      epoch: 1_550,
      joins: "i3",
      tOf: (seq: number) => 520 + seq,
    } as const;
    const { acks } = await scene.ingest.submit(aBatch({ ...other, seqs: [1, 2] }));
    expect(acks[0]).toMatchObject({ epoch: 1_550, storedCount: 2 });
  });

  // Simulator, seed 20262465: a restart with a clock that had been set back was shown as the node at
  // times when a run had been there of which not even the record was left.
  it("asks a run that begins below one that is forgotten to begin above it", async () => {
    const scene = await withForgotten();
    const { acks, commands } = await scene.ingest.submit(behind([1, 30]));
    // The forgotten one left at 500: a run that begins just then is none below it.
    const above = { aboveEpoch: 1_500, aboveT: formatHlc(atTick(499)) };
    expect(acks[0]?.known).toEqual({ epoch: 1_500, t: formatHlc(atTick(499)) });
    const [command] = commands;
    expect(command).toMatchObject({ command: "rejoin", node: "n2", reason: "not-above" });
    expect(command).toMatchObject({ ...above, aboveT: formatHlc(atTick(1_500)) });
    // Above it, by number and by time, nothing is asked.
    const tOf = (seq: number) => 2_000 + seq;
    const above2 = { node: "n2", epoch: 1_501, seqs: [1, 2], joins: "i2", tOf } as const;
    expect((await scene.ingest.submit(aBatch(above2))).commands).toEqual([]);
  });

  it("knows no state of a node whose forgotten run began within the run of the moment", async () => {
    const scene = await withForgotten();
    await scene.ingest.submit(behind([1, 30]));
    await scene.history.idle();
    const why = (tick: number) =>
      (asked(scene, tick) as Cut).incomplete.map(({ node, reason, from, to }) => [
        node,
        reason,
        from,
        to,
      ]);
    const until = atTick(500);
    // It joined at 50; the forgotten one was there from 410 on, and left at 500.
    expect(why(409)).toEqual([]);
    expect(why(410)).toEqual([["n2", "outside-retention", atTick(410), until]]);
    expect(why(499)).toEqual([["n2", "outside-retention", atTick(410), until]]);
    for (const tick of [500, 700, 1_500]) {
      expect([tick, why(tick)]).toEqual([tick, [["n2", "lagging", until, undefined]]]);
      expect((asked(scene, tick) as Cut).inFlightComplete).toBe(false);
    }
    // It does as it was asked: from there on all is known again.
    const tOf = (seq: number) => 2_000 + seq;
    await scene.ingest.submit(
      aBatch({ node: "n2", epoch: 1_501, seqs: [1, 3], joins: "late", tOf, closed: 3_000 }),
    );
    await scene.history.idle();
    expect(why(1_500)).toEqual([["n2", "outside-retention", until, atTick(2_001)]]);
    // Nor did the run promise anything between what it told and its next epoch.
    expect(why(2_000)).toContainEqual(["n2", "outside-retention", until, atTick(2_001)]);
    expect(why(2_001)).toEqual([]);
    expect((asked(scene, 2_500) as Cut).members).toEqual(["n1", "n2"]);
  });

  it("knows a node again after a forgotten run in which the run of the moment began", async () => {
    const scene = await withForgotten();
    const tOf = (seq: number) => 440 + seq * 10;
    await scene.ingest.submit(
      aBatch({ node: "n2", epoch: 1_600, seqs: [1, 30], joins: "late", tOf }),
    );
    await scene.history.idle();
    expect(asked(scene, 499)).toMatchObject({ incomplete: [{ reason: "outside-retention" }] });
    const cut = asked(scene, 500) as Cut;
    expect(cut.complete).toBe(true);
    expect(cut.nodes.get("n2")?.epoch).toBe(1_600);
    expect(shown(cut, "n2")).toEqual(stateAt(60));
  });

  // Simulator, seed 20261676: a message that was long on its way went with all that was known of it.
  it("promises nothing of messages in flight before all that it knows", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ingest.submit(aBatch({ node: "n2", seqs: [1, 10], leaves: true }));
    await scene.history.idle();
    scene.timers.advance(61_000);
    await scene.keeping.retention.round();
    scene.timers.advance(61_000);
    await scene.keeping.retention.round();
    expect(scene.history.nodes()).toEqual([]);
    const cut = scene.history.cutAt(atTick(50_000 * 4_096));
    expect(cut.inFlightComplete).toBe(false);
    expect(cut.inFlightIncomplete).toMatchObject([{ node: "n2", reason: "outside-retention" }]);
  });

  // Simulator, seed 71000812: the run came again, and so the send that it no longer had was none.
  it.each([
    ["came again", true],
    ["was gone before the collector started", false],
  ])("knows that the send of a slow message is gone: of a run that %s", async (_, isBack) => {
    const scene = isBack ? await withForgotten() : opened({});
    const tOf = (seq: number) => 9_000 + seq;
    if (isBack) {
      await scene.ingest.submit(aBatch({ node: "n2", epoch: 1_500, seqs: [11, 13], tOf }));
    } else {
      await scene.ingest.submit(aBatch({ seqs: [1, 1], closed: 9_000 }));
      const gone = [{ node: "n2", from: atTick(410), until: atTick(500), epoch: 1_500 }];
      await scene.store.prune({ epochs: [], forget: [], gone });
    }
    const send = { node: "n2", epoch: 1_500, seq: 4 };
    const receive = { node: "n1", epoch: 1_000, seq: 2 };
    const slow = { send, receive, sendT: atTick(440), receiveT: atTick(8_000) };
    await scene.store.write(aWrite({ slowMessages: [slow] }));
    const { inFlightComplete, inFlightIncomplete } = asked(scene, 7_000, ["n1"]) as Cut;
    expect(inFlightComplete).toBe(false);
    expect(inFlightIncomplete).toContainEqual({
      ...{ node: "n2", reason: "outside-retention", to: atTick(440) },
    });
  });

  // Simulator, seed 20262736: what had been pruned was left out of the states that followed.
  it("leaves the checkpoints of one that was behind exact", async () => {
    const scene = opened({ retentionMs: 60_000 });
    const keyOf = (seq: number) => `k${seq}`;
    await scene.ingest.submit(aBatch({ seqs: [1, 20], keyOf }));
    await scene.history.idle();
    const ahead = aScene({ retentionMs: 60_000 }, scene.store, scene.timers);
    await ahead.ingest.submit(aBatch({ seqs: [21, 40], keyOf }));
    scene.timers.advance(61_000);
    await ahead.ingest.submit(aBatch({ seqs: [41, 60], keyOf }));
    await ahead.history.idle();
    await ahead.keeping.retention.round();
    expect(scene.store.pruned(1)?.seq).toBe(40);
    scene.history.notifyStored([1]);
    await scene.history.idle();
    await ahead.close();
    const state = asked(scene, 600) as Cut;
    expect(Object.keys(shown(state))).toHaveLength(59);
  });

  it("knows repeats of what is pruned, and refuses what was lost before and comes now", async () => {
    const scene = opened({ retentionMs: 60_000 });
    const dropped = [
      {
        firstSeq: 11,
        lastSeq: 20,
        firstT: atTick(110),
        lastT: atTick(200),
        logs: null,
        messages: false,
        reason: "overflow" as const,
      },
    ];
    await scene.ship(0);
    await scene.ingest.submit(aBatch({ seqs: [21, 30], dropped }));
    scene.timers.advance(61_000);
    await scene.ship(3);
    await scene.keeping.retention.round();
    const repeat = await scene.ingest.submit(aBatch({ seqs: [1, 10] }));
    expect(repeat.acks).toMatchObject([{ storedCount: 0 }]);
    const late = scene.ingest.submit(aBatch({ seqs: [11, 20] }));
    await expect(late).rejects.toMatchObject({ code: "too-old" });
    expect(scene.ingest.counts.refusedCounts.get("too-old")).toBe(1);
    // What was lost before the beginning, and told by nobody since, is lost still.
    const { incomplete } = asked(scene, 400) as Cut;
    expect(incomplete.map(({ reason }) => reason)).toEqual(["lost"]);
  });

  it("passes a hole that is as old, and says that the state behind it is not known", async () => {
    const scene = opened({ retentionMs: 60_000 });
    await scene.ship(0);
    await scene.ship(2);
    scene.timers.advance(61_000);
    await scene.ship(3);
    await scene.keeping.retention.round();
    expect([...scene.store.pieces(1, 0)].map(({ first }) => first)).toEqual([31]);
    const cut = asked(scene, 350) as Cut;
    expect(cut.complete).toBe(false);
    expect(cut.incomplete.map(({ reason }) => reason)).toContain("hole");
    expect(asked(scene, 250)).toBe("outside-retention");
  });

  it("answers a question of several turns of one history, not of two", async () => {
    const scene = opened({ retentionMs: 60_000 });
    for (let i = 0; i < 8; i += 1) await scene.ship(i);
    scene.timers.advance(61_000);
    await scene.ship(8);
    const question = scene.history.diff(atTick(100), atTick(895), {}, { all: true });
    const events = scene.history.events({ from: atTick(0), to: atTick(895), limit: 1_000 });
    await scene.keeping.retention.round();
    const diff = await question;
    const isWhole = diff.complete;
    const counted = diff.changes.reduce((sum, { count }) => sum + count, 0);
    // Either all changes of (100, 895], or none before 800 and the reason why.
    expect([isWhole, counted]).toEqual(isWhole ? [true, 79] : [false, 9]);
    if (!isWhole) expect(diff.incomplete[0]).toMatchObject({ reason: "outside-retention" });
    const page = await events;
    expect(page.events.length).toBe(page.complete ? 89 : 9);
  });

  it("keeps any history exact from where it begins", async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ ship: fc.constantFrom("n1", "n2") }) },
      { weight: 2, arbitrary: fc.record({ advance: fc.integer({ min: 1_000, max: 40_000 }) }) },
      { weight: 2, arbitrary: fc.constant({ round: true as const }) },
      { weight: 1, arbitrary: fc.record({ ask: fc.integer({ min: 0, max: 3_000 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const scene = aScene({ retentionMs: 60_000 });
        const shipped = new Map<string, number[]>([
          ["n1", []],
          ["n2", []],
        ]);
        const check = (tick: number): void => {
          for (const [node, arrivals] of shipped) {
            const index = Math.ceil(tick / 100) - 1;
            if (arrivals.length === 0 || tick < 10 || index >= arrivals.length) continue;
            const cut = asked(scene, tick, [node]);
            const reasons =
              typeof cut === "string" ? [cut] : cut.incomplete.map((one) => one.reason);
            if (reasons.length > 0) {
              expect(reasons).toEqual(["outside-retention"]);
              const ageMs = scene.timers.wallMs() - (arrivals[index] as number);
              expect(ageMs).toBeGreaterThan(60_000);
            } else expect([tick, shown(cut as Cut, node)]).toEqual([tick, stateAt(tick)]);
          }
        };
        for (const one of steps) {
          if ("ship" in one) {
            const arrivals = shipped.get(one.ship) as number[];
            await scene.ship(arrivals.length, one.ship);
            arrivals.push(scene.timers.wallMs());
          } else if ("advance" in one) scene.timers.advance(one.advance);
          else if ("round" in one) await scene.keeping.retention.round();
          else check(one.ask);
        }
        for (let tick = 5; tick < 3_000; tick += 35) check(tick);
        await scene.close();
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
