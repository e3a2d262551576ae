/** Joined messages kept in the store: what they answer is what joining the events again would give. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import type { CutLimits } from "../../../collector/cut/limits.ts";
import {
  cellPlan,
  cellsOf,
  decodeCell,
  type SendSpan,
} from "../../../collector/cut/message-cells.ts";
import { finish } from "../../../collector/cut/turns.ts";
import type { HistoryStore, MessageCell } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import type { Row } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { Draw } from "../../support/random-history.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { noReads, over, watched } from "../../support/store-over.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

const NODES = ["a", "b", "c"];
const TIMEOUT_MS = 2_000;
const LIMITS: Partial<CutLimits> = { messageTimeoutMs: TIMEOUT_MS, rejoinPauseMs: 0.001 };

interface Told {
  readonly node: string;
  readonly firstSeq: number;
  readonly rows: readonly Row[];
  readonly arrives: number;
}

/** Messages of a minute and a half among three nodes, a millisecond or seconds on their way, some never there. */
function messages(draw: Draw): Told[] {
  const told: Told[] = [];
  const rows = new Map(NODES.map((node) => [node, [join(atMs(0))] as Row[]]));
  const due: { t: number; to: string; from: string; seq: number; sentT: number }[] = [];
  const firstSeq = new Map(NODES.map((node) => [node, 1]));
  const sentSeqs = new Map<string, number[]>(NODES.map((node) => [node, []]));
  const ship = (node: string, ms: number): void => {
    const own = rows.get(node) as Row[];
    if (own.length === 0) return;
    const first = firstSeq.get(node) as number;
    const late = draw.chance(0.25) ? 4_000 + draw.below(60_000) : draw.below(300);
    told.push({ node, firstSeq: first, rows: own, arrives: ms + late });
    firstSeq.set(node, first + own.length);
    rows.set(node, []);
  };
  for (let ms = 1; ms < 90_000; ms += 1 + draw.below(draw.chance(0.05) ? 12_000 : 200)) {
    const node = draw.one(NODES);
    const own = rows.get(node) as Row[];
    const seq = (): number => (firstSeq.get(node) as number) + own.length;
    for (let i = due.length - 1; i >= 0; i -= 1) {
      const one = due[i] as (typeof due)[number];
      if (one.to !== node || one.t > ms) continue;
      due.splice(i, 1);
      own.push(receive(atMs(ms), one.from, 1, one.seq, atMs(one.sentT)));
    }
    if (draw.chance(0.6)) {
      const to = draw.one(NODES.filter((other) => other !== node));
      const earlier = (sentSeqs.get(node) as number[]).at(-1);
      const replaces = earlier !== undefined && draw.chance(0.1) ? earlier : null;
      const failed = draw.chance(0.1);
      const sentSeq = seq();
      own.push(send(atMs(ms), draw.chance(0.5) ? to : null, { replaces, failed }));
      (sentSeqs.get(node) as number[]).push(sentSeq);
      const delay = 2 ** draw.below(13);
      if (!failed && draw.chance(0.85)) {
        due.push({ t: ms + delay, to, from: node, seq: sentSeq, sentT: ms });
      }
      if (draw.chance(0.1)) {
        due.push({ t: ms + 2 * delay, to, from: node, seq: sentSeq, sentT: ms });
      }
    } else {
      own.push(set(atMs(ms), "l", "k", ms));
    }
    if (own.length >= 1 + draw.below(12)) ship(node, ms);
  }
  for (const node of NODES) ship(node, 90_000);
  return told.sort((x, y) => x.arrives - y.arrives);
}

/** The same store as one that keeps nothing joined. */
function blind(store: HistoryStore): HistoryStore {
  return over(store, { messageStretches: () => [] });
}

function open(store: HistoryStore): LiveHistory {
  return createHistory({ store, timers: new ManualTimers(0), limits: LIMITS });
}

describe("joined messages in the store", () => {
  it("tell the same as joining again, while batches come late and in disorder", async () => {
    const found = { inFlight: 0, joined: 0, dropped: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const draw = new Draw(seededRandom(seed));
        let { history, store, tell, timers } = tellHistory({ limits: LIMITS });
        for (const { node, firstSeq, rows } of messages(draw)) {
          const before = store.messageStretches().length;
          await tell(node, firstSeq, rows);
          timers.advanceMs(1);
          if (draw.chance(0.3)) await history.idle();
          found.dropped += Math.max(0, before - store.messageStretches().length);
          if (!draw.chance(0.2)) continue;
          const first = Math.min(...store.epochs().map(({ joined }) => joined));
          for (let i = 0; i < 3; i += 1) {
            const t = Math.max(first, atMs(draw.below(95_000)) + draw.below(4_096)) as Hlc;
            const expected = open(blind(store)).cutAt(t).inFlight;
            expect(history.cutAt(t).inFlight).toEqual(expected);
            found.inFlight += expected.length;
          }
          if (draw.chance(0.05)) history = open(store);
        }
        history.notifyStored();
        await history.idle();
        expect(history.messageJoiner.failure).toBeUndefined();
        found.joined += store.messageStretches().length;
        for (let i = 0; i < 30; i += 1) {
          const t = (atMs(draw.below(95_000)) + draw.below(4_096)) as Hlc;
          expect(history.cutAt(t).inFlight).toEqual(open(blind(store)).cutAt(t).inFlight);
        }
      }),
      { numRuns: 30 },
    );
    expect(found.inFlight).toBeGreaterThan(500);
    expect(found.joined).toBeGreaterThan(20 * 20);
    // Some eight on average: rarely so few that this would be chance.
    expect(found.dropped).toBeGreaterThan(0);
  });

  /** Node a sends to b each 10 ms for `seconds`, half a second on the way. */
  async function tellBusy(tell: ReturnType<typeof tellHistory>["tell"], seconds: number) {
    await tell("a", 1, [join(atMs(0))]);
    await tell("b", 1, [join(atMs(0))]);
    for (let i = 0; i < seconds * 10; i += 1) {
      const sent = Array.from({ length: 10 }, (_, j) => 100 + i * 100 + j * 10);
      const received = sent.map((ms, j) => {
        return receive(atMs(ms + 500), "a", 1, 2 + i * 10 + j, atMs(ms));
      });
      await tell(
        "a",
        2 + i * 10,
        sent.map((ms) => send(atMs(ms), "b")),
      );
      await tell("b", 2 + i * 10, received);
    }
  }

  it("answer the first cut at a place without its events, also after a start", async () => {
    const { history, store, tell } = tellHistory({ limits: LIMITS });
    await tellBusy(tell, 30);
    await history.idle();
    const reads = noReads();
    const later = open(watched(store, reads));
    expect(later.cutAt(atMs(15_005)).inFlight).toHaveLength(50);
    // Each node's way from its checkpoint; there are 600 batches.
    const state = reads.batches;
    reads.batches = 0;
    open(watched(blind(store), reads)).cutAt(atMs(15_005));
    expect(reads.batches - state).toBeGreaterThan(50);
  });

  it("are joined for what is over, once, and go on after a start", async () => {
    const { history, store, tell } = tellHistory({ limits: LIMITS });
    await tellBusy(tell, 30);
    await history.idle();
    const joined = history.messageJoiner.stretchCount;
    expect(joined).toBeGreaterThanOrEqual(12);
    expect(store.messageStretches().length).toBe(joined);
    const later = open(store);
    later.notifyStored();
    await later.idle();
    expect(later.messageJoiner.stretchCount).toBe(0);
  });

  it("hold a run that came while a later stretch was joined", async () => {
    const inner = new MemoryStore();
    const { tell } = tellHistory({
      store: over(inner, { writeMessages: async () => {} }),
      limits: LIMITS,
    });
    await tellBusy(tell, 30);
    let isTold = false;
    const store = over(inner, {
      async writeMessages(...args) {
        const isFirst = !isTold;
        isTold = true;
        if (isFirst) await tell("c", 1, [join(atMs(3_000)), send(atMs(4_000), "a")]);
        await inner.writeMessages(...args);
      },
    });
    const history = open(store);
    history.notifyStored();
    await history.idle();
    expect(history.messageJoiner.stretchCount).toBeGreaterThanOrEqual(12);
    const found = open(inner).cutAt(atMs(4_500)).inFlight;
    expect(found.filter(({ from }) => from === "c")).toHaveLength(1);
    expect(found).toEqual(open(blind(inner)).cutAt(atMs(4_500)).inFlight);
  });

  it("are joined again, after a pause, where an event came late", async () => {
    const { history, store, tell, timers } = tellHistory({
      limits: { ...LIMITS, rejoinPauseMs: 5_000 },
    });
    await tellBusy(tell, 30);
    await history.idle();
    const all = store.messageStretches();
    const late = [join(atMs(10_000)), receive(atMs(10_050), "a", 1, 991, atMs(9_990))];
    await tell("c", 1, late, { closed: atMs(60_000) });
    await history.idle();
    expect(store.messageStretches().length).toBeLessThan(all.length);
    timers.advanceMs(5_000);
    await history.idle();
    expect(store.messageStretches()).toEqual(all);
  });

  it("of a minute of nothing but changes are not looked for in its events", async () => {
    const told = tellHistory({ limits: { ...LIMITS, roundChanges: 4 } });
    for (let i = 0; i < 500; i += 1) {
      await told.tell("a", 1 + 2 * i, [
        set(atMs(i * 100), "l", "k", i),
        set(atMs(i * 100 + 1), "l", "j", i),
      ]);
    }
    await told.history.idle();
    expect(told.history.messageJoiner.stretchCount).toBeLessThan(3);
  });

  it("are left out where they are too many for the memory they may take", async () => {
    const limits = { ...LIMITS, digestCacheBytes: 2_000 };
    const { history, store, tell } = tellHistory({ limits });
    await tellBusy(tell, 10);
    await history.idle();
    expect(store.messageStretches().every(({ from }) => from < atMs(0) || from > atMs(9_000))).toBe(
      true,
    );
    expect(history.cutAt(atMs(5_005)).inFlight).toHaveLength(50);
  });

  it("that cannot be read are joined from their events", async () => {
    const { history, store, tell } = tellHistory({ limits: LIMITS });
    await tellBusy(tell, 10);
    await history.idle();
    const wrong = over(store, { messageCell: () => Uint8Array.of(1, 9, 9) });
    expect(open(wrong).cutAt(atMs(5_005)).inFlight).toHaveLength(50);
  });
});

describe("the bytes of joined messages", () => {
  const plan = cellPlan(30_000 * 4_096);
  const FROM = -3 * plan.stretch;
  const aSend = (draw: Draw, i: number): SendSpan => {
    const sentAt = (FROM + draw.below(plan.stretch)) as Hlc;
    const end = sentAt + 1 + draw.below(2 ** draw.below(27));
    const arrivals = Array.from({ length: draw.below(3) }, (_, j) => {
      const group = draw.chance(0.5) ? undefined : `g${j}`;
      return { t: (sentAt - 50 + draw.below(1e9)) as Hlc, receiver: draw.one(NODES), group };
    });
    const text = () => (draw.chance(0.5) ? null : draw.one(["", "x", "ü\n"]));
    const [node, epoch] = [draw.one(NODES), 217_000_000_000 + draw.below(9)];
    const [id, to, peer] = [text(), text(), text()];
    return {
      node,
      epoch,
      seq: i,
      sentAt,
      end: Math.min(end, sentAt + plan.timeout),
      id,
      to,
      peer,
      arrivals,
    };
  };
  const cellsFor = (sends: readonly SendSpan[]): MessageCell[] =>
    finish(
      cellsOf(plan, FROM, (from, to) => sends.filter(({ sentAt: t }) => t >= from && t <= to)),
    ) as MessageCell[];

  it("give every send back, in the one cell that a moment in its time looks into", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 }), (seed) => {
        const draw = new Draw(seededRandom(seed));
        const sends = Array.from({ length: draw.below(300) }, (_, i) => aSend(draw, i));
        const back = cellsFor(sends).flatMap(({ level, index, bytes }) => {
          const width = plan.widths[level] as number;
          const inside = decodeCell(bytes, index * width);
          for (const { sentAt, end } of inside) {
            expect(Math.floor(sentAt / width)).toBe(index);
            expect(Math.floor((end - 1) / width) - index).toBeLessThanOrEqual(1);
          }
          return inside;
        });
        expect(back.sort((a, b) => a.seq - b.seq)).toEqual(sends);
      }),
    );
  });

  it("are refused or mean some sends, whatever they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 30 }), fc.nat(), fc.nat(255), (seed, at, byte) => {
        const draw = new Draw(seededRandom(seed));
        const [cell] = cellsFor(Array.from({ length: 20 }, (_, i) => aSend(draw, i)));
        const bytes = (cell as MessageCell).bytes.slice();
        bytes[at % bytes.length] = byte;
        const cut = at % 3 === 0 ? bytes.subarray(0, at % bytes.length) : bytes;
        try {
          expect(decodeCell(cut, 0).length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RetroError);
        }
      }),
    );
  });
});
