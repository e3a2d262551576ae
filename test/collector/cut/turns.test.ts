/** Long questions in short turns, and what that leaves as it was. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { cutLimits } from "../../../collector/cut/limits.ts";
import type { CutTimers } from "../../../collector/cut/timers.ts";
import { Turns, type Work } from "../../../collector/cut/turns.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { makeHistory } from "../../support/random-history.ts";
import { storeStage } from "../../support/store-history.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, set, tellHistory } from "../../support/told-history.ts";

/** Each look at the clock takes a millisecond; turns are counted. */
class BusyTimers implements CutTimers {
  turnCount = 0;
  #nowMs = 0;

  nowMs(): number {
    this.#nowMs += 1;
    return this.#nowMs;
  }

  after(): () => void {
    return () => {};
  }

  turn(): Promise<void> {
    this.turnCount += 1;
    return new Promise((resolve) => setImmediate(resolve));
  }
}

function* steps(count: number, log: string[], name: string): Work<string> {
  for (let i = 0; i < count; i += 1) {
    log.push(name);
    yield;
  }
  return name;
}

describe("work in turns", () => {
  it("gives the event loop a turn after each slice, and goes round among those who ask", async () => {
    const timers = new BusyTimers();
    const log: string[] = [];
    const turns = new Turns(timers, cutLimits({ sliceMs: 2 }), () => log.push("|"));
    const answers = [turns.run(steps(5, log, "a")), turns.run(steps(5, log, "b"))];
    expect(await Promise.all(answers)).toEqual(["a", "b"]);
    expect(log.join("")).toMatch(/^a+\|b+\|a+\|b+\|/);
    expect(timers.turnCount).toBeGreaterThan(3);
    expect(turns.count).toBe(0);
  });

  it("ends when the asker has gone, in the middle of the work", async () => {
    const timers = new BusyTimers();
    const leaving = new AbortController();
    const log: string[] = [];
    const turns = new Turns(timers, cutLimits({ sliceMs: 1 }), () => leaving.abort());
    await expect(turns.run(steps(1_000, log, "a"), leaving.signal)).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(log.length).toBeLessThan(10);
    expect(turns.count).toBe(0);
  });

  it("refuses more questions than the limit, and passes on what a question throws", async () => {
    const turns = new Turns(new BusyTimers(), cutLimits({ asking: 1, sliceMs: 1 }), () => {});
    const first = turns.run(steps(5, [], "a"));
    await expect(turns.run(steps(5, [], "b"))).rejects.toMatchObject({ code: "overloaded" });
    await first;
    const failing = (function* (): Work<never> {
      yield;
      throw new RangeError("odd");
    })();
    await expect(turns.run(failing)).rejects.toThrow("odd");
    expect(await turns.run(steps(1, [], "c"))).toBe("c");
  });

  it("gives the same answers as work at one stretch", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const model = makeHistory(seed, 120);
        const store = new MemoryStore();
        await storeStage(store, model, "first", 2);
        const whole = createHistory({ store, timers: new ManualTimers(model.nowMs) });
        const timers = new BusyTimers();
        const sliced = createHistory({ store, timers, limits: { sliceMs: 1 } });
        const [from, to] = [model.times[0] as Hlc, model.times.at(-1) as Hlc];
        for (const history of [whole, sliced]) await history.checkpointer.idle();
        // Not why something is missing: who is late or silent depends on the clock, and there are two.
        const events = async (one: typeof whole) => {
          const page = await one.events({ from, to, limit: 50 });
          return [page.events, page.more, page.complete];
        };
        expect(await events(sliced)).toEqual(await events(whole));
        expect(await sliced.step(from, "next", 20)).toEqual(await whole.step(from, "next", 20));
        expect(await sliced.step(to, "prev", 20)).toEqual(await whole.step(to, "prev", 20));
        const changes = async (one: typeof whole) => (await one.diff(from, to)).changes;
        expect(await changes(sliced)).toEqual(await changes(whole));
        const lanes = async (one: typeof whole) =>
          (await one.timeline({ from, to }, 100)).lanes.map(({ buckets }) => buckets);
        expect(await lanes(sliced)).toEqual(await lanes(whole));
        expect(timers.turnCount).toBeGreaterThan(10);
      }),
      { numRuns: 20 },
    );
  });

  it("pauses after each run whose events are looked for, and while many are merged", async () => {
    const { history, tell, store } = tellHistory();
    const nodes = 120;
    for (let i = 0; i < nodes; i += 1) {
      await tell(`n${i}`, 1, [join(atMs(i)), set(atMs(1_000 + i), "l", "k", i)]);
    }
    await history.idle();
    const timers = new BusyTimers();
    const busy = createHistory({ store, timers, limits: { sliceMs: 1 }, checkpoints: false });
    const page = await busy.events({ from: atMs(500), to: atMs(5_000), limit: 10 });
    expect(page.events).toHaveLength(10);
    expect(timers.turnCount).toBeGreaterThanOrEqual(nodes);
  });

  it("draws a range on both sides of 2020 in one pixel, and the whole of time", async () => {
    const { history, tell } = tellHistory();
    await tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "k", 1)]);
    const one = await history.timeline({ from: -5 as Hlc, to: atMs(10) }, 1);
    expect(one.lanes[0]?.buckets.map(({ changes }) => changes)).toEqual([1]);
    const some = await history.timeline({ from: -5 as Hlc, to: atMs(10) }, 1, { logs: ["l"] });
    expect(some.lanes[0]?.buckets.map(({ changes }) => changes)).toEqual([1]);
  });
});

describe("many who wait for a cut", () => {
  it("cost no cut while a node has not been heard of, and one each when it has", async () => {
    let reads = 0;
    const inner = new MemoryStore();
    const store = over(inner, {
      directoryAt(...args) {
        reads += 1;
        return inner.directoryAt(...args);
      },
    });
    const { history, tell } = tellHistory({ store });
    await tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "k", 1)]);
    await tell("n2", 1, [join(atMs(0)), set(atMs(1), "l", "k", 1)]);
    await history.checkpointer.idle();
    const answers = Array.from({ length: 100 }, () => history.waitForCut(atMs(500), {}, 10_000));
    reads = 0;
    for (let i = 0; i < 20; i += 1) await tell("n1", 3 + i, [set(atMs(10 + i), "l", "k", i)]);
    await history.checkpointer.idle();
    // The checkpointer reads a little; 2,000 cuts would read 4,000 times and more.
    expect(reads).toBeLessThan(200);
    await tell("n1", 23, [set(atMs(600), "l", "k", 7)]);
    await tell("n2", 3, [set(atMs(600), "l", "k", 7)]);
    const cuts = await Promise.all(answers);
    expect(cuts.every(({ complete }) => complete)).toBe(true);
  });
});
