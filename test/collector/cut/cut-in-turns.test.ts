/** A cut that is made in turns: the same cut, and nobody waits for what it reads. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../../support/seed.ts";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import type { CutTimers } from "../../../collector/cut/timers.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { MESSAGE_TIMEOUT_MS, makeHistory } from "../../support/random-history.ts";
import { storeStage } from "../../support/store-history.ts";
import { over } from "../../support/store-over.ts";
import { atMs, join, receive, send, tellHistory } from "../../support/told-history.ts";

/** Each look at the clock ends a slice; and what is read in each turn is counted. */
class BusyTimers implements CutTimers {
  turnCount = 0;
  readCount = 0;
  mostRead = 0;
  totalRead = 0;
  #looks = 0;

  nowMs(): number {
    this.#looks += 1;
    return this.#looks % 2;
  }

  after(): () => void {
    return () => {};
  }

  turn(): Promise<void> {
    this.turnCount += 1;
    this.turnEnds();
    return new Promise((resolve) => setImmediate(resolve));
  }

  read(count: number): void {
    this.readCount += count;
    this.totalRead += count;
  }

  turnEnds(): void {
    this.mostRead = Math.max(this.mostRead, this.readCount);
    this.readCount = 0;
  }
}

/** A history over the store that pauses wherever it may; batches and violations it reads are counted. */
function busyOver(store: HistoryStore): { history: LiveHistory; timers: BusyTimers } {
  const timers = new BusyTimers();
  const counted = over(store, {
    *batches(...args) {
      for (const batch of store.batches(...args)) {
        timers.read(1);
        yield batch;
      }
    },
    violationsAt(...args) {
      const found = store.violationsAt(...args);
      timers.read(found.length);
      return found;
    },
  });
  const limits = { sliceMs: 1, messageTimeoutMs: 30_000 };
  return { history: createHistory({ store: counted, timers, limits, checkpoints: false }), timers };
}

/** Not the statuses: who is late or silent depends on the clock. */
function plain({ nodes, incomplete, ...rest }: Cut): unknown {
  const states = [...nodes].map(([node, { logs }]) => [
    node,
    [...logs].map(([log, variables]) => [log, [...variables]]),
  ]);
  return { ...rest, states, incomplete: incomplete.map(({ node }) => node) };
}

const MESSAGES = 100;
const OF_BATCH = 4;

/** Two nodes that send each other messages in many small batches. */
async function talking(): Promise<HistoryStore> {
  const { tell, store } = tellHistory({ limits: { messageTimeoutMs: 30_000 } });
  await tell("n1", 1, [join(atMs(0))]);
  await tell("n2", 1, [join(atMs(0))]);
  for (let i = 0; i < MESSAGES; i += OF_BATCH) {
    const of = Array.from({ length: OF_BATCH }, (_, k) => i + k);
    const sends = of.map((n) => send(atMs(10 + 10 * n), "n2"));
    const receives = of.map((n) =>
      receive(atMs(10 + 10 * n + 35), "n1", 1, 2 + n, atMs(10 + 10 * n)),
    );
    await tell("n1", 2 + i, sends);
    await tell("n2", 2 + i, receives, { closed: atMs(10 + 10 * (i + OF_BATCH) + 30) });
  }
  return store;
}

describe("a cut in turns", () => {
  it("is the cut at one stretch, of any selection, in any history", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(3), async (seed, place, choice) => {
        const model = makeHistory(seed, 80);
        const store = new MemoryStore();
        await storeStage(store, model, "first", 2);
        const { history } = busyOver(store);
        const whole = busyOver(store).history;
        const t = model.times[place % model.times.length] as Hlc;
        const names = history.nodes().map(({ node }) => node);
        const selection = choice === 0 || names.length === 0 ? {} : { nodes: [names[0] as string] };
        const outcome = async (ask: () => Promise<Cut> | Cut): Promise<unknown> => {
          try {
            return plain(await ask());
          } catch (error) {
            return (error as { readonly code: string }).code;
          }
        };
        const inTurns = await outcome(() => history.cutInTurns(t, selection));
        expect(inTurns).toEqual(await outcome(() => whole.cutAt(t, selection)));
        expect(MESSAGE_TIMEOUT_MS).toBeGreaterThan(0);
      }),
      { numRuns: 40 },
    );
  });

  it("reads the messages of a minute a batch at a time, and the next cut there hardly any", async () => {
    const store = await talking();
    const batches = (2 * MESSAGES) / OF_BATCH;
    const { history, timers } = busyOver(store);
    const cut = await history.cutInTurns(atMs(500));
    expect(cut.inFlight.length).toBeGreaterThan(2);
    expect(plain(cut)).toEqual(plain(busyOver(store).history.cutAt(atMs(500))));
    expect(timers.turnCount).toBeGreaterThan(batches / 2);
    // A state is replayed twice: before the messages are read and after.
    const states = batches / 2 + 4;
    expect(timers.mostRead).toBeLessThan(states + 6);
    const before = timers.turnCount;
    await history.cutInTurns(atMs(510));
    expect(timers.turnCount).toBe(before);
  });

  it("is read once for all who ask at the same time", async () => {
    const store = await talking();
    const alone = busyOver(store);
    await alone.history.cutInTurns(atMs(500));
    const { history, timers } = busyOver(store);
    const times = [500, 505, 510];
    const cuts = await Promise.all(times.map((ms) => history.cutInTurns(atMs(ms))));
    const whole = busyOver(store).history;
    expect(cuts.map(plain)).toEqual(times.map((ms) => plain(whole.cutAt(atMs(ms)))));
    // Each by itself they would read three times as much.
    expect(timers.totalRead).toBeLessThan(2.5 * alone.timers.totalRead);
  });

  it("goes on when who asked first has gone, and helped to read", async () => {
    const { history } = busyOver(await talking());
    const leaving = new AbortController();
    const first = history.cutInTurns(atMs(500), {}, leaving.signal);
    const second = history.cutInTurns(atMs(510));
    const ends = Promise.allSettled([first, second]);
    for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    const [one, other] = await ends;
    expect(one).toMatchObject({ status: "rejected", reason: { code: "cancelled" } });
    expect(other?.status).toBe("fulfilled");
    const { value } = other as PromiseFulfilledResult<Cut>;
    expect(plain(value)).toEqual(plain(history.cutAt(atMs(510))));
  });

  it("can be given up by all, and asked again", async () => {
    const store = await talking();
    const { history } = busyOver(store);
    const leaving = new AbortController();
    const asked = history.cutInTurns(atMs(500), {}, leaving.signal);
    await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ code: "cancelled" });
    const cut = await history.cutInTurns(atMs(500));
    expect(plain(cut)).toEqual(plain(busyOver(store).history.cutAt(atMs(500))));
  });

  it("knows what came while it was read, and forgets what was to be forgotten", async () => {
    const store = await talking();
    const { history } = busyOver(store);
    const asked = history.cutInTurns(atMs(990));
    await new Promise((resolve) => setImmediate(resolve));
    history.dropCaches();
    const { tell } = tellHistory({ store });
    await tell("n2", 2 + MESSAGES, [receive(atMs(1_500), "n1", 1, 1 + MESSAGES, atMs(1_000))]);
    await asked;
    const cut = history.cutAt(atMs(1_200));
    expect(plain(cut)).toEqual(plain(busyOver(store).history.cutAt(atMs(1_200))));
  });

  it("looks through others' violations a thousand at a time, and counts all of its own", async () => {
    const { tell, store } = tellHistory();
    await tell("n1", 1, [join(atMs(0))], { closed: atMs(9_000) });
    await tell("n2", 1, [join(atMs(0))]);
    const [batches, ofBatch] = [12, 250];
    for (let i = 0; i < batches; i += 1) {
      const rows = Array.from({ length: ofBatch }, (_, k) => {
        const n = i * ofBatch + k;
        return receive(atMs(10 + n), "n1", 1, 2 + n, atMs(8_000));
      });
      await tell("n2", 2 + i * ofBatch, rows);
    }
    const theirs = [receive(atMs(3_500), "n2", 1, 9, atMs(8_100))];
    await tell("n3", 1, [join(atMs(0)), ...theirs], { closed: atMs(9_000) });
    const { history, timers } = busyOver(store);
    const one = await history.cutInTurns(atMs(5_000), { nodes: ["n3"] });
    expect([one.consistent, one.violations.length]).toEqual([false, 1]);
    timers.turnEnds();
    const none = await history.cutInTurns(atMs(3_400), { nodes: ["n3"] });
    expect([none.consistent, none.violations]).toEqual([true, []]);
    // Two pages in the first turn: what it begins with, and a slice.
    expect(timers.mostRead).toBeLessThan(2_100);
    expect(timers.totalRead).toBeGreaterThan(2 * batches * ofBatch);
    const all = await history.cutInTurns(atMs(5_000), { nodes: ["n1"] });
    expect([all.violations.length, all.totals]).toEqual([batches * ofBatch, undefined]);
    expect(plain(all)).toEqual(plain(history.cutAt(atMs(5_000), { nodes: ["n1"] })));
  });
});
