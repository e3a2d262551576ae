/** How much of the past is kept, and that what is kept stays exact. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import "../../support/seed.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { aScene, asked, closeScenes, JumpingTimers, opened, shown, stateAt } from "./support.ts";

afterEach(closeScenes);

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
