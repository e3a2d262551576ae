/** Histories that are sealed: the same answers as from batches, whatever happens around the sealing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, MAX_HLC, MIN_HLC, RetroError } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import type { HistoryStore, StoredBatch } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { isSegment } from "../../../collector/store/segment-header.ts";
import { exactJson } from "../../support/batches.ts";
import { type CaseOptions, openCase, randomAsked } from "../../support/history-case.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { MESSAGE_TIMEOUT_MS, makeHistory } from "../../support/random-history.ts";
import { storeStage } from "../../support/store-history.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, set, tellHistory } from "../../support/told-history.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 30 });
const EVERYTHING = { from: MIN_HLC, to: MAX_HLC };

function segmentsIn(store: HistoryStore): StoredBatch[] {
  return store
    .epochs()
    .flatMap(({ id }) =>
      [...store.batches(id, EVERYTHING)].filter(({ bytes }) => isSegment(bytes)),
    );
}

/** Keeps hold of the store under a case. */
function keeping(found: HistoryStore[]): (store: HistoryStore) => HistoryStore {
  return (store) => {
    found.push(store);
    return store;
  };
}

/** A drawn time may lie before all that is stored: then the refusal is the answer. */
function cutText(history: LiveHistory, t: Hlc, asked: object): string {
  try {
    const cut = history.cutAt(t, asked);
    const nodes = [...cut.nodes].map(([node, { logs, ...rest }]) => [
      node,
      rest,
      [...logs].map(([log, held]) => [log, [...held].sort(([a], [b]) => (a < b ? -1 : 1))]),
    ]);
    return exactJson({ ...cut, nodes });
  } catch (error) {
    if (!(error instanceof RetroError) || error.code !== "outside-retention") throw error;
    expect(t).toBeLessThan((history.extent() as { first: number }).first);
    return exactJson({ code: error.code, details: error.details });
  }
}

/** Everything that can be asked, at drawn times and of a drawn selection, as text. */
async function answers(
  history: LiveHistory,
  times: readonly Hlc[],
  asked: object,
  variables: readonly (readonly [node: string, log: string, key: string])[],
): Promise<string[]> {
  const texts: string[] = [];
  for (const [i, t] of times.entries()) {
    const to = Math.max(t, times[(i * 7 + 3) % times.length] as number) as Hlc;
    texts.push(cutText(history, t, asked));
    texts.push(exactJson(await history.diff(t, to, asked, { all: true })));
    texts.push(exactJson(await history.step(t, "next", 5, asked)));
    texts.push(exactJson(await history.step(t, "prev", 5, asked)));
    texts.push(exactJson(await history.events({ from: t, to, selection: asked, limit: 40 })));
    texts.push(exactJson(await history.timeline({ from: t, to }, 50, asked)));
    texts.push(exactJson(await history.schema({ from: t, to })));
    for (const [node, log, key] of variables) {
      texts.push(exactJson(await history.variable(node, log, key, { from: t, to }, 20)));
    }
  }
  return texts;
}

describe("a sealed history", () => {
  const shapes: readonly Omit<CaseOptions, "seed" | "segments">[] = [
    { size: 120, repaired: false, checkpoints: true, batchEvents: 5 },
    { size: 120, repaired: true, checkpoints: true, batchEvents: 3 },
  ];
  it.each(shapes)("answers every question as one of batches does: %j", async (shape) => {
    let sealedCount = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const stores: HistoryStore[] = [];
        const sealed = await openCase({ seed, ...shape, segments: true, wrap: keeping(stores) });
        const plain = await openCase({ seed, ...shape, segments: false });
        if (sealed.oracle.epochs.length === 0) return;
        sealedCount += segmentsIn(stores[0] as HistoryStore).length;
        const asked = randomAsked(sealed);
        const { draw } = sealed;
        const times = Array.from({ length: 4 }, () => draw.one(sealed.model.times));
        const run = draw.one(sealed.oracle.epochs);
        const variables = sealed.oracle
          .variablesOf(run)
          .slice(0, 2)
          .map(({ log, key }) => [run.model.node, log, key] as const);
        expect(await answers(sealed.history, times, asked, variables)).toEqual(
          await answers(plain.history, times, asked, variables),
        );
      }),
      // 220130049: asked before all that is stored.
      { numRuns: 25, examples: [[220_130_049]] },
    );
    expect(sealedCount).toBeGreaterThan(25);
  });

  it("answers the same while it is being sealed, a question in its midst included", async () => {
    let sealedCount = 0;
    for (let seed = 1; seed <= 10; seed += 1) {
      const model = makeHistory(seed, 200);
      const store = new MemoryStore();
      const limits = { messageTimeoutMs: MESSAGE_TIMEOUT_MS, roundChanges: 3 };
      const timers = new ManualTimers(model.nowMs);
      await storeStage(store, model, "first", 2);
      const before = createHistory({ store, timers, limits, segments: false });
      before.notifyStored();
      await before.idle();
      const range = { from: MIN_HLC, to: MAX_HLC, selection: {}, limit: 10_000 };
      const expected = exactJson(await before.events(range));
      // A slice of no length: a turn after every batch, in which the sealer goes on.
      const short = { ...limits, sliceMs: 1e-9, behindSliceMs: 1e-9, segmentEvents: 16 };
      const history = createHistory({ store, timers, limits: short });
      history.notifyStored();
      const asked = Array.from({ length: 6 }, () => history.events(range));
      const found = await Promise.all(asked);
      expect(found.map(exactJson)).toEqual(asked.map(() => expected));
      await history.idle();
      sealedCount += segmentsIn(store).length;
      expect(exactJson(await history.events(range))).toBe(expected);
      await history.close();
    }
    expect(sealedCount).toBeGreaterThan(30);
  });

  it("is read where a cut lies, and not before it: a block of a log", async () => {
    let blocks = 0;
    const inner = new MemoryStore();
    const store = over(inner, {
      block(...args) {
        blocks += 1;
        return inner.block(...args);
      },
    });
    const limits = { roundChanges: 8, segmentEvents: 32 };
    const { history, tell } = tellHistory({ store, limits });
    await tell("n1", 1, [join(atMs(0))]);
    for (let i = 0; i < 600; i += 1) {
      await tell("n1", 2 + i, [set(atMs(1 + i), "l", `k${i % 5}`, i)]);
    }
    await history.idle();
    const segments = segmentsIn(store);
    expect(segments.length).toBeGreaterThan(4);
    for (const { firstT } of segments.slice(1)) {
      history.dropCaches();
      blocks = 0;
      const cut = history.cutAt(firstT);
      expect(cut.nodes.get("n1")?.logs.get("l")?.size).toBe(5);
      expect(blocks).toBe(1);
    }
  });
});
