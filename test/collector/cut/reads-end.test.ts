/** No question keeps a read of the store open while others have their turn: it would pin old pages. */
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import type { CutTimers } from "../../../collector/cut/timers.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { makeHistory } from "../../support/random-history.ts";
import { storeStage } from "../../support/store-history.ts";
import { noReads, watched } from "../../support/store-over.ts";

describe("between two slices of a question", () => {
  it("nothing is being read", async () => {
    const reads = noReads();
    const model = makeHistory(11, 400);
    const inner = new MemoryStore();
    await storeStage(inner, model, "first", 3);
    const store = watched(inner, reads);
    const openAtTurns: number[] = [];
    let nowMs = model.nowMs;
    const timers: CutTimers = {
      // Each look at the clock takes a millisecond: slices are as short as they can be.
      nowMs: () => {
        nowMs += 1;
        return nowMs;
      },
      after: () => () => {},
      turn: () => {
        openAtTurns.push(reads.open);
        return new Promise((resolve) => setImmediate(resolve));
      },
    };
    const history = createHistory({ store, timers, limits: { sliceMs: 1 } });
    const [from, to] = [model.times[0] as Hlc, model.times.at(-1) as Hlc];
    const { events } = await history.events({ from, to, limit: 500 });
    const changed = events.find(({ event }) => event.kind === "set");
    await history.diff(from, to);
    await history.step(from, "next", 50);
    await history.step(to, "prev", 50);
    await history.timeline({ from, to }, 500);
    await history.schema({ from, to });
    await history.causality({ from, to });
    // Of before anything that is known there is no cut: the earliest event may be later than the first time drawn.
    const known = history.extent() as { first: Hlc };
    for (const t of [known.first, to]) await history.cutInTurns(t);
    if (changed?.event.kind === "set") {
      const { log, key } = changed.event;
      await history.variable(changed.node, log, key, { from, to }, 100);
      // A query goes through its feeds chunk by chunk, and waits between them for who reads its rows.
      const feed = history.feed({ from, to, columns: [{ log, key }], messages: true });
      await feed.lastChanges([0]);
      for (let chunk = await feed.next(); chunk !== undefined; chunk = await feed.next()) {
        expect(reads.open).toBe(0);
      }
      feed.close();
      const columns = history.columns({ from, to, columns: [{ log, key }], leastEvents: 1 });
      for (const { after, to: end } of await columns.stretches()) {
        await columns.slice(after, end, 50);
        expect(reads.open).toBe(0);
      }
    }
    expect(reads.begun).toBeGreaterThan(5);
    expect(openAtTurns.length).toBeGreaterThan(20);
    expect(Math.max(...openAtTurns)).toBe(0);
    await history.close();
  });
});
