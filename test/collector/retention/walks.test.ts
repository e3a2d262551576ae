/** Walks over a history whose beginning retention has taken, or takes while they go on. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import "../../support/seed.ts";
import { RetroError } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import type { WalkView } from "../../../collector/cut/history.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, atTick } from "../ingest/support.ts";
import { closeScenes, JumpingTimers, opened, type Scene, stateAt } from "./support.ts";

afterEach(closeScenes);

const tickOf = ({ time }: WalkView): number => time - atTick(0);
const shown = (view: WalkView, node = "n1"): Record<string, unknown> =>
  Object.fromEntries(view.variables(node, "stock"));

/** Batches 0 to `count - 1` of n1, 10 s apart. */
async function shipped(count: number, ...given: Parameters<typeof opened>): Promise<Scene> {
  const scene = opened(...given);
  for (let i = 0; i < count; i += 1) {
    await scene.ship(i);
    scene.timers.advance(10_000);
  }
  return scene;
}

describe("a walk after retention", () => {
  it("begins at the state with which history begins", async () => {
    const scene = await shipped(10, { retentionMs: 60_000 });
    await scene.keeping.retention.round();
    const ticks: number[] = [];
    for await (const view of scene.history.walk({ from: atTick(0), to: atTick(1_000) })) {
      ticks.push(tickOf(view));
      expect([tickOf(view), shown(view), view.incomplete]).toEqual([
        tickOf(view),
        stateAt(tickOf(view)),
        [],
      ]);
    }
    expect(ticks).toEqual(Array.from({ length: 61 }, (_, i) => 400 + 10 * i));
  });

  it("calls a node unknown until its own history begins, and knows all of it from there on", async () => {
    const scene = await shipped(10, {});
    const plan = { node: "n2", tOf: (seq: number) => seq * 10 + 5 };
    for (let i = 0; i < 10; i += 1) {
      await scene.ingest.submit(aBatch({ ...plan, seqs: [10 * i + 1, 10 * i + 10] }));
    }
    await scene.keeping.eraser.erase({ node: "n2", before: atTick(450) });
    const beginning = 505;
    for await (const view of scene.history.walk({ from: atTick(0), to: atTick(1_000) })) {
      const tick = tickOf(view);
      expect(shown(view)).toEqual(stateAt(tick));
      if (!view.nodes.includes("n2")) continue;
      const reasons = view.incomplete.map(({ node, reason }) => [node, reason]);
      const isKnown = tick >= beginning;
      expect([tick, reasons]).toEqual([tick, isKnown ? [] : [["n2", "outside-retention"]]]);
      expect([tick, shown(view, "n2")]).toEqual([tick, isKnown ? stateAt(tick - 5) : {}]);
      if (tick === beginning) {
        expect(view.changed).toEqual([{ node: "n2", log: "", key: "", kind: "keyframe" }]);
      }
    }
  });
});

describe("a walk that retention overtakes", () => {
  /** Walks, has something done after so many cuts, and tells how far it came and how it ended. */
  async function walked(
    scene: Scene,
    after: number,
    happen: () => Promise<unknown>,
  ): Promise<{ readonly ticks: readonly number[]; readonly code: string | undefined }> {
    const ticks: number[] = [];
    try {
      for await (const view of scene.history.walk({ from: atTick(0), to: atTick(2_000) })) {
        const tick = tickOf(view);
        expect([tick, shown(view)]).toEqual([tick, stateAt(tick)]);
        ticks.push(tick);
        if (ticks.length === after) await happen();
      }
      return { ticks, code: undefined };
    } catch (error) {
      if (!(error instanceof RetroError)) throw error;
      return { ticks, code: error.code };
    }
  }

  it("ends with a word, and begins anew where history begins", async () => {
    const scene = await shipped(10, { retentionMs: 60_000 });
    const { ticks, code } = await walked(scene, 5, () => scene.keeping.retention.round());
    expect([ticks, code]).toEqual([[10, 20, 30, 40, 50], "outside-retention"]);
    const again = await walked(scene, 0, () => Promise.resolve());
    expect([again.ticks[0], again.ticks.length, again.code]).toEqual([400, 61, undefined]);
  });

  it("goes on unharmed where it has passed what goes", async () => {
    const scene = await shipped(10, { retentionMs: 60_000 });
    const { ticks, code } = await walked(scene, 45, () => scene.keeping.retention.round());
    expect([ticks.length, code]).toEqual([100, undefined]);
  });

  it("notices a mark that is set between two cuts of one turn", async () => {
    // A slice that never ends: the walk takes no turn of its own.
    const scene = await shipped(10, {}, new MemoryStore(), new JumpingTimers(), { sliceMs: 1e9 });
    // A mark as retention sets it, in a callback of the store and not in a turn of its own.
    const mark = { epochId: 1, seq: 40, t: atTick(400), isBlank: true as const, keep: [] };
    const prune = { epochs: [mark], forget: [], gone: undefined };
    const { ticks, code } = await walked(scene, 5, () => scene.store.prune(prune));
    expect([ticks, code]).toEqual([[10, 20, 30, 40, 50], "outside-retention"]);
  });

  it("shows right states only, whenever that happens, sealed or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 0, max: 90_000 }),
        fc.constantFrom(8, 24, 8_192),
        fc.constantFrom(1e-9, 1e9),
        async (after, ms, segmentEvents, sliceMs) => {
          const limits = { segmentEvents, sliceMs };
          const given = [{ retentionMs: 60_000 }, new MemoryStore(), new JumpingTimers()] as const;
          const scene = await shipped(13, ...given, limits);
          scene.timers.advance(ms);
          const overtake = () => scene.keeping.retention.round();
          const { ticks, code } = await walked(scene, after, overtake);
          // What was reached is a walk without gaps; it ends early only if what it would read went.
          expect(ticks).toEqual(ticks.map((_, i) => 10 * (i + 1)));
          const beginning = (scene.history.nodes()[0]?.retainedFrom as number) - atTick(0);
          if (code === undefined) expect(ticks.length).toBe(130);
          else
            expect([code, beginning > (ticks.at(-1) as number)]).toEqual([
              "outside-retention",
              true,
            ]);
          await closeScenes();
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe("a walk after a restart", () => {
  it("begins at the same state, read by another process", async () => {
    const first = await shipped(10, { retentionMs: 60_000 });
    await first.keeping.retention.round();
    const timers = {
      nowMs: () => first.timers.wallMs(),
      after: (ms: number, wake: () => void) => first.timers.after(ms, wake),
      turn: () => new Promise<void>((resolve) => setImmediate(resolve)),
    };
    const again = createHistory({ store: first.store, timers });
    const [view] = await take(again.walk({ from: atTick(0), to: atTick(1_000) }));
    expect(view).toEqual({ tick: 400, state: stateAt(400) });
    await again.close();
  });

  async function take(views: AsyncIterable<WalkView>): Promise<{ tick: number; state: object }[]> {
    for await (const view of views) return [{ tick: tickOf(view), state: shown(view) }];
    return [];
  }
});
