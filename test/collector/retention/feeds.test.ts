/** Feeds of states over a history whose beginning retention has taken, or takes while they are read. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import "../../support/seed.ts";
import { RetroError } from "../../../agent/kernel/index.ts";
import type { FeedStep, StateFeed } from "../../../collector/cut/history.ts";
import type { CutState } from "../../../collector/rql/interpret/cut-sequence.ts";
import { FoldedStates } from "../../../collector/rql/run/fold.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { atTick } from "../ingest/support.ts";
import { aScene, JumpingTimers, type Scene } from "./support.ts";

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});

const KEYS = ["v0", "v1", "v2"];
const COLUMNS = KEYS.map((key) => ({ log: "stock", key }));

/** By the plan of `aBatch`: event `seq` at tick 10 seq sets `v<seq % 3>` to `seq`; the first is the join. */
function stateAt(tick: number): Record<string, number> {
  const state: Record<string, number> = {};
  for (let seq = 2; seq * 10 <= tick; seq += 1) state[`v${seq % 3}`] = seq;
  return state;
}

/** Batches 0 to `count - 1` of n1, 10 s apart. */
async function shipped(count: number, ...given: Parameters<typeof aScene>): Promise<Scene> {
  const scene = aScene(...given);
  scenes.push(scene);
  for (let i = 0; i < count; i += 1) {
    await scene.ship(i);
    scene.timers.advance(10_000);
  }
  return scene;
}

/** Time passes with every look at it, so that a question takes a turn after every step. */
class PassingTimers extends JumpingTimers {
  override wallMs(): number {
    this.jumpMs += 1e-4;
    return super.wallMs();
  }
}

function fed({ history }: Scene, to: number): StateFeed {
  return history.feed({ from: atTick(0), to: atTick(to), columns: COLUMNS });
}

function fold(feed: StateFeed, steps: readonly FeedStep[]): CutState[] {
  const { from, to, nodes, services } = feed;
  const states = new FoldedStates({ from, to, nodes, services, columns: COLUMNS, lastChanges: [] });
  return steps.map((step) => states.take(step));
}

/** What n1 holds: numbers; "lost" where it is not known. */
function shown({ nodes }: CutState): Record<string, unknown> {
  return Object.fromEntries(
    KEYS.flatMap((key) => {
      const held = nodes.get("n1")?.held("stock", key) ?? { is: "absent" };
      if (held.is === "absent") return [];
      return [[key, held.is === "known" ? held.value : "lost"]];
    }),
  );
}

describe("a feed after retention", () => {
  it("says that nothing is known before history begins, and is right from there on", async () => {
    const scene = await shipped(10, { retentionMs: 60_000 });
    await scene.keeping.retention.round();
    const feed = fed(scene, 1_000);
    const chunk = await feed.next();
    const states = fold(feed, chunk?.steps ?? []);
    const begins = atTick(400);
    expect(states.map(({ t }) => t)).toContain(begins);
    for (const state of states) {
      const lost = { v0: "lost", v1: "lost", v2: "lost" };
      const isMember = state.nodes.get("n1")?.isMember === true;
      const expected = state.t >= begins ? stateAt(state.t - atTick(0)) : isMember ? lost : {};
      expect([state.t, shown(state)]).toEqual([state.t, expected]);
      const reasons = state.incomplete.map(({ reason }) => reason);
      const isOutside = isMember && state.t < begins;
      expect([state.t, reasons]).toEqual([state.t, isOutside ? ["outside-retention"] : []]);
    }
  });

  it("looks back to where history begins, and says that what was before is not known", async () => {
    const scene = await shipped(10, { retentionMs: 60_000 });
    await scene.keeping.retention.round();
    const columns = [...COLUMNS, { log: "stock", key: "none" }];
    const feed = scene.history.feed({ from: atTick(401), to: atTick(500), columns });
    const found = await feed.lastChanges([0, 1, 2, 3]);
    expect(found).toEqual(
      [0, 1, 2, 3].map((column) => {
        return { node: 0, column, at: undefined, previous: { is: "lost", by: [] } };
      }),
    );
    const later = scene.history.feed({ from: atTick(425), to: atTick(500), columns });
    const [first, second] = await later.lastChanges([0, 1]);
    expect(first).toMatchObject({ at: atTick(420), previous: { value: 39 } });
    expect(second).toMatchObject({ at: undefined });
  });
});

describe("a feed that retention overtakes", () => {
  it("gives right states only, or ends with a word", async () => {
    let ends = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300 }),
        fc.constantFrom(8, 24, 8_192),
        async (turns, segmentEvents) => {
          const given = [{ retentionMs: 60_000 }, new MemoryStore(), new PassingTimers()] as const;
          const scene = await shipped(13, ...given, { segmentEvents });
          const feed = fed(scene, 2_000);
          const changes = feed.lastChanges([0, 1, 2]);
          const reading = feed.next();
          for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
          await scene.keeping.retention.round();
          try {
            const states = fold(feed, (await reading)?.steps ?? []);
            for (const state of states) {
              const expected = stateAt(state.t - atTick(0));
              expect([state.t, shown(state)]).toEqual([state.t, expected]);
            }
            // The beginning, 130 events, and where what is known ends.
            expect(states).toHaveLength(132);
          } catch (error) {
            if (!(error instanceof RetroError)) throw error;
            expect(error).toMatchObject({ code: "outside-retention", retriable: true });
            ends += 1;
          }
          // Before the first event nothing ever changed, whatever retention has left of that.
          for (const { at } of await changes) expect(at).toBeUndefined();
          feed.close();
          await scene.close();
          scenes.splice(scenes.indexOf(scene), 1);
        },
      ),
      { numRuns: 25 },
    );
    expect(ends).toBeGreaterThan(0);
  }, 60_000);
});
