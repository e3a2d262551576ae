/** Messages in flight, as questions move through time and as batches arrive: always what a fresh look finds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import type { EpochEnd } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import type { Row } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { Draw } from "../../support/random-history.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { noReads, over, watched } from "../../support/store-over.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

const NODES = ["a", "b", "c"];
const TIMEOUT_MS = 20;

interface Told {
  readonly node: string;
  readonly firstSeq: number;
  readonly rows: readonly Row[];
}

/** Messages among three nodes, most quick, some slow, lost, failed or replaced; as batches, shuffled. */
function messages(draw: Draw): Told[] {
  const rows = new Map(NODES.map((node) => [node, [join(atMs(0))]]));
  const last = new Map(NODES.map((node) => [node, 0]));
  const pending: { node: string; seq: number; to: string; t: number }[] = [];
  for (let i = 0; i < 120; i += 1) {
    const node = draw.one(NODES);
    const own = rows.get(node) as Row[];
    const t = Math.max((last.get(node) as number) + 1, i + draw.below(3));
    last.set(node, t);
    const due = pending.findIndex((one) => one.to === node && one.t < t);
    if (due >= 0 && draw.chance(0.7)) {
      const [one] = pending.splice(due, 1) as [(typeof pending)[number]];
      own.push(receive(atMs(t), one.node, 1, one.seq, atMs(one.t)));
      if (draw.chance(0.1)) pending.push(one);
    } else if (draw.chance(0.7)) {
      const to = draw.one(NODES.filter((one) => one !== node));
      const seq = own.length + 1;
      const earlier = own.findLastIndex(({ kind }) => kind === "send") + 1;
      const replaces = draw.chance(0.1) && earlier > 0 ? earlier : null;
      const failed = draw.chance(0.1);
      own.push(send(atMs(t), to, { replaces, failed }));
      if (!failed && draw.chance(0.9)) pending.push({ node, seq, to, t });
    } else {
      own.push(set(atMs(t), "l", "k", i));
    }
  }
  const batches = [...rows].flatMap(([node, all]) => {
    const size = 1 + draw.below(9);
    return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => {
      return { node, firstSeq: 1 + i * size, rows: all.slice(i * size, (i + 1) * size) };
    });
  });
  return batches
    .map((batch) => ({ batch, at: batch.firstSeq + draw.below(30) }))
    .sort((a, b) => a.at - b.at)
    .map(({ batch }) => batch);
}

describe("messages in flight", () => {
  it("are the same to one who follows the history as to one who looks at it afresh", async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const draw = new Draw(seededRandom(seed));
        const limits = { messageTimeoutMs: TIMEOUT_MS };
        const { history, store, tell } = tellHistory({ limits });
        for (const { node, firstSeq, rows } of messages(draw)) {
          await tell(node, firstSeq, rows);
          const first = Math.min(...store.epochs().map(({ joined }) => joined));
          const t = Math.max(first, atMs(draw.below(180))) as Hlc;
          const fresh = createHistory({ store, timers: new ManualTimers(0), limits });
          const expected = fresh.cutAt(t).inFlight;
          expect(history.cutAt(t).inFlight).toEqual(expected);
          found += expected.length;
        }
      }),
      { numRuns: 60 },
    );
    expect(found).toBeGreaterThan(1_000);
  });

  it("are found when they took longer than the time-out that is set, however short it is", async () => {
    const { history, tell } = tellHistory({ limits: { messageTimeoutMs: 100 } });
    await tell("n1", 1, [join(atMs(0)), send(atMs(10), "n2")], { closed: atMs(9_000) });
    const rows = [join(atMs(0)), receive(atMs(1_000), "n1", 1, 2, atMs(10))];
    await tell("n2", 1, rows, { closed: atMs(9_000) });
    for (const ms of [10, 109, 111, 500, 999]) {
      expect(history.cutAt(atMs(ms)).inFlight, String(ms)).toHaveLength(1);
    }
    expect(history.cutAt(atMs(1_000)).inFlight).toEqual([]);
  });

  // Simulator, seed 602662: as many nodes had ended as before, so what was remembered was thought to hold.
  it("are found when their sender comes back while another node goes", async () => {
    const { history, store, tell } = tellHistory({ limits: { messageTimeoutMs: 100 } });
    const end = async (node: string, isOver: boolean): Promise<void> => {
      const record = store.epochs().find((one) => one.node === node);
      if (record === undefined) throw new Error(node);
      const over: EpochEnd = { kind: "expired", t: atMs(8_000) };
      const ended = { ...record, end: isOver ? over : null };
      const nothing = { batches: [], violations: [], slowMessages: [], staleCheckpoints: [] };
      await store.write({ ...nothing, epochs: [ended] });
    };
    await tell("n1", 1, [join(atMs(0))], { closed: atMs(5) });
    await tell("n3", 1, [join(atMs(0))], { closed: atMs(9_000) });
    const rows = [join(atMs(0)), receive(atMs(1_000), "n1", 1, 2, atMs(10))];
    await tell("n2", 1, rows, { closed: atMs(9_000) });
    await end("n1", true);
    expect(history.cutAt(atMs(500)).inFlight).toEqual([]);
    await end("n1", false);
    await tell("n1", 2, [send(atMs(10), "n2")], { closed: atMs(9_000) });
    await end("n3", true);
    expect(history.cutAt(atMs(500)).inFlight).toHaveLength(1);
  });

  it("are not read from the store again while a question stays near", async () => {
    const reads = noReads();
    const store = watched(new MemoryStore(), reads);
    const { history, tell } = tellHistory({ store, limits: { roundChanges: 10 } });
    await tell("a", 1, [join(atMs(0))]);
    await tell("b", 1, [join(atMs(0))]);
    for (let i = 0; i < 300; i += 1) {
      const seq = 2 + i * 2;
      const t = 100 + i * 100;
      await tell("a", seq, [send(atMs(t), "b"), set(atMs(t + 1), "l", "k", i)]);
      await tell("b", seq, [
        receive(atMs(t + 50), "a", 1, seq, atMs(t)),
        set(atMs(t + 51), "l", "k", i),
      ]);
    }
    await history.checkpointer.idle();
    expect(history.cutAt(atMs(20_010)).inFlight).toHaveLength(1);
    reads.batches = 0;
    expect(history.cutAt(atMs(20_110)).inFlight).toHaveLength(1);
    expect(history.cutAt(atMs(20_160)).inFlight).toHaveLength(0);
    // What is left is each node's way from its checkpoint, twice; there are 602 batches.
    expect(reads.batches).toBeLessThan(60);
    reads.batches = 0;
    await tell("a", 602, [send(atMs(31_000), "b")]);
    reads.batches = 0;
    expect(history.cutAt(atMs(31_000)).inFlight).toHaveLength(1);
    expect(reads.batches).toBeGreaterThan(0);
  });

  it("finds slow ones with a few looks at the store, however many they are", async () => {
    const asked = { slow: 0, batches: 0 };
    const inner = new MemoryStore();
    const store = over(inner, {
      slowMessagesAt(...args) {
        asked.slow += 1;
        return inner.slowMessagesAt(...args);
      },
      batches(...args) {
        asked.batches += 1;
        return inner.batches(...args);
      },
    });
    const { history, tell } = tellHistory({ store });
    const count = 500;
    const tOf = (i: number): number => 1 + i;
    const sends = Array.from({ length: count }, (_, i) => send(atMs(tOf(i)), "b"));
    const receives = Array.from({ length: count }, (_, i) =>
      receive(atMs(60_000 + i), "a", 1, 2 + i, atMs(tOf(i))),
    );
    await tell("a", 1, [join(atMs(0)), ...sends], { closed: atMs(90_000) });
    // By and by: of the slow messages of one batch ingest keeps so many.
    await tell("b", 1, [join(atMs(0))]);
    for (let i = 0; i < count; i += 100) await tell("b", 2 + i, receives.slice(i, i + 100));
    await history.checkpointer.idle();
    asked.slow = 0;
    asked.batches = 0;
    expect(history.cutAt(atMs(50_000)).inFlight).toHaveLength(count);
    expect(asked.slow).toBeLessThan(5);
    expect(asked.batches).toBeLessThan(20);
  });
});
