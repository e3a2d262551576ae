/**
 * A question ends what it reads: a reader left open pins a read transaction of LMDB for good, and after
 * 126 of them nothing can be read any more.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { LmdbStore } from "../../../collector/store/lmdb-store.ts";
import { openCase } from "../../support/history-case.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { makeHistory } from "../../support/random-history.ts";
import { storeStage } from "../../support/store-history.ts";
import { noReads, watched } from "../../support/store-over.ts";

/** More than LMDB has places for readers. */
const ROUNDS = 200;

describe("what a question reads", () => {
  it("is closed when the answer is full before the reading came to its end", async () => {
    const reads = noReads();
    const { history, model } = await openCase({
      seed: 3,
      size: 250,
      repaired: false,
      checkpoints: true,
      batchEvents: 4,
      segments: true,
      wrap: (store) => watched(store, reads),
    });
    const [first] = model.times as [Hlc, ...Hlc[]];
    const last = model.times.at(-1) as Hlc;
    const page = await history.events({ from: first, to: last, limit: 1 });
    expect(page.more).toBe(true);
    expect(await history.step(first, "next", 1)).toHaveLength(1);
    expect(await history.step(last, "prev", 1)).toHaveLength(1);
    const { node } = page.events[0] as (typeof page.events)[number];
    await history.events({ from: first, to: last, limit: 2, selection: { nodes: [node] } });
    await history.diff(first, last);
    await history.timeline({ from: first, to: last }, 100);
    expect(reads.begun).toBeGreaterThan(5);
    expect(reads.open).toBe(0);
  });

  it("leaves LMDB readable after more pages and steps than it has readers", async () => {
    const directory = await mkdtemp(join(tmpdir(), "retroscope-open-reads-"));
    const store = await LmdbStore.open({ directory });
    try {
      const model = makeHistory(3, 120);
      await storeStage(store, model, "first", 2);
      const history = createHistory({ store, timers: new ManualTimers(model.nowMs) });
      const [first] = model.times as [Hlc, ...Hlc[]];
      const last = model.times.at(-1) as Hlc;
      for (let round = 0; round < ROUNDS; round += 1) {
        await history.events({ from: first, to: last, limit: 1 });
        await history.step(first, "next", 1);
        // Its own turn: LMDB gives each turn of the event loop one read transaction.
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(history.cutAt(last).members.length).toBeGreaterThan(0);
      await history.close();
    } finally {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
