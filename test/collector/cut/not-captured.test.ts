/**
 * A node on demand: what was never shipped is named, what was captured is exact, and no cut is called
 * complete that lacks anything. Real batches through ingest, in any order and repeated; cuts are judged by
 * a replay of all that the node did, which shares no code with the engine.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBatch, type Hlc, type RetroEvent, toJsonForm } from "../../../agent/kernel/index.ts";
import { createHistory, type LiveHistory } from "../../../collector/cut/create-history.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import { MAX_LOST_RANGES } from "../../../collector/ingest/lost-ranges.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch } from "../../support/batches.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { LOGS, makeNode, type OnDemandNode, truthAt } from "../../support/on-demand-node.ts";
import { Draw } from "../../support/random-history.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { aLostRange, anIngest, atTick, START, START_MS } from "../ingest/support.ts";

const TIMEOUT_MS = 0.02;
const TIMEOUT_TICKS = Math.floor(TIMEOUT_MS * 4096);

function engine(store: MemoryStore): LiveHistory {
  return createHistory({
    store,
    timers: new ManualTimers(START_MS),
    limits: { messageTimeoutMs: TIMEOUT_MS, roundChanges: 3, keyListUses: 2, batchesPerTurn: 2 },
  });
}

/** What has been delivered, and the promises that came with it. */
class Delivered {
  readonly seqs = new Set<number>();
  readonly declared = new Set<number>();
  readonly promises: { readonly seq: number; readonly closed: number }[] = [];

  take({ header }: OnDemandNode["batches"][number]): void {
    for (let seq = header.firstSeq; seq <= header.lastSeq; seq += 1) this.seqs.add(seq);
    for (const { firstSeq, lastSeq } of header.dropped) {
      for (let seq = firstSeq; seq <= lastSeq; seq += 1) this.declared.add(seq);
    }
    // What an empty batch promises of a seq that is not stored is not kept for long.
    if (header.lastSeq >= header.firstSeq || this.seqs.has(header.lastSeq)) {
      this.promises.push({ seq: header.lastSeq, closed: header.closed });
    }
  }

  /** Whether nothing is open at t: every event up to it is stored or declared, and there is a promise. */
  isKnownTo(t: number): boolean {
    let reached = 0;
    while (this.seqs.has(reached + 1) || this.declared.has(reached + 1)) reached += 1;
    return this.promises.some(
      ({ seq, closed }) => this.seqs.has(seq) && seq <= reached && closed >= t,
    );
  }

  /** Whether t lies in what was captured whole: from keyframes of all logs, and promised to t. */
  isCapturedAt(events: readonly RetroEvent[], t: number): boolean {
    const last = events.findLast((event) => event.t <= t)?.seq ?? 0;
    const next = events[last];
    const isPromised = this.promises.some(({ seq, closed }) => seq === last && closed >= t);
    if (next !== undefined && !this.seqs.has(next.seq) && !isPromised) return false;
    const framed = new Set<string>();
    for (let seq = last; this.seqs.has(seq); seq -= 1) {
      const event = events[seq - 1] as RetroEvent;
      if (event.kind === "keyframe") framed.add(event.log);
      if (framed.size === LOGS.length) return true;
    }
    return false;
  }
}

function judge(cut: Cut, node: OnDemandNode, known: Delivered): void {
  const { events } = node;
  const t = cut.at;
  if (cut.complete) {
    expect([t, stateOf(cut)]).toEqual([t, truthAt(events, t)]);
  }
  if (known.isCapturedAt(events, t) && known.isKnownTo(t)) {
    expect([t, cut.incomplete]).toEqual([t, []]);
  }
  if (known.isKnownTo(t)) {
    for (const { reason, from = Number.NaN, to = Number.NaN } of cut.incomplete) {
      expect([t, reason, from <= t]).toEqual([t, "not-captured", true]);
      const named = events.filter((one) => from <= one.t && one.t <= to);
      expect([t, named.some(({ seq }) => !known.seqs.has(seq))]).toEqual([t, true]);
    }
  }
  // Whatever is shown is true, complete or not.
  const truth = truthAt(events, t);
  for (const [log, held] of Object.entries(cut.complete ? {} : stateOf(cut))) {
    for (const [key, value] of Object.entries(held)) {
      if (cut.incomplete.every(({ reason }) => reason === "not-captured")) {
        expect([t, log, key, value]).toEqual([t, log, key, truth[log]?.[key]]);
      }
    }
  }
  if (cut.inFlightComplete) {
    const unknown = events.filter(
      ({ kind, t: when, seq }) =>
        (kind === "send" || kind === "receive") &&
        when <= t &&
        when > t - TIMEOUT_TICKS &&
        !known.seqs.has(seq),
    );
    expect([t, unknown]).toEqual([t, []]);
  }
}

function stateOf(cut: Cut): Record<string, Record<string, unknown>> {
  const logs: Record<string, Record<string, unknown>> = {};
  for (const [log, variables] of cut.nodes.get("n1")?.logs ?? []) {
    logs[log] = Object.fromEntries([...variables].map(([key, value]) => [key, toJsonForm(value)]));
  }
  return logs;
}

function timesOf(draw: Draw, { events, end }: OnDemandNode): Hlc[] {
  return Array.from({ length: 8 }, () => {
    const t = draw.one(events).t + draw.one([-1, 0, 0, 1, 3]);
    return Math.min(end, Math.max(t, events[0]?.t ?? 0)) as Hlc;
  });
}

interface Delivery {
  readonly order: "as sent" | "any";
  readonly checkpoints: boolean;
}

async function run(seed: number, size: number, delivery: Delivery): Promise<{ complete: number }> {
  const draw = new Draw(seededRandom(seed));
  const node = makeNode(draw, START, size);
  const sent = node.batches.flatMap((batch) => (draw.chance(0.2) ? [batch, batch] : [batch]));
  if (delivery.order === "any") shuffle(draw, sent);
  // A node goes on telling how far it is known.
  sent.push(...node.batches.slice(-1));
  const store = new MemoryStore();
  const { ingest } = anIngest({ store });
  const history = engine(store);
  const known = new Delivered();
  let complete = 0;
  ingest.onStored((ids) => history.notifyStored(delivery.checkpoints ? ids : []));
  for (const batch of sent) {
    await ingest.submit(encodeBatch(batch));
    known.take(batch);
    if (delivery.checkpoints && draw.chance(0.5)) await history.checkpointer.idle();
    if (!draw.chance(0.3) && batch !== sent.at(-1)) continue;
    const first = store.epochs()[0]?.joined ?? node.end;
    for (const t of timesOf(draw, node)) {
      if (t < first) continue;
      const cut = history.cutAt(t);
      judge(cut, node, known);
      complete += cut.complete ? 1 : 0;
    }
  }
  await history.checkpointer.idle();
  expect(history.checkpointer.failure).toBeUndefined();
  for (const { t } of node.events) judge(history.cutAt(t), node, known);
  expect(history.cutAt(node.end).incomplete.every(({ reason }) => reason === "not-captured")).toBe(
    true,
  );
  await judgeEvents(history, node, draw);
  await history.close();
  await ingest.close();
  return { complete };
}

/** A range that is called complete holds all that the node did in it; one that lacks some is not. */
async function judgeEvents(history: LiveHistory, node: OnDemandNode, draw: Draw): Promise<void> {
  for (let i = 0; i < 12; i += 1) {
    const from = draw.one(node.events).t;
    const to = Math.min(node.end, from + draw.below(60)) as Hlc;
    const page = await history.events({ from, to, limit: 10_000 });
    const did = node.events.filter(({ t }) => from <= t && t <= to).map(({ seq }) => seq);
    const told = page.events.map(({ event }) => event.seq);
    if (page.complete) expect([from, to, told]).toEqual([from, to, did]);
    if (told.length < did.length) expect([from, to, page.complete]).toEqual([from, to, false]);
    expect(page.complete).toBe(page.incomplete.length === 0);
  }
}

function shuffle<T>(draw: Draw, items: T[]): void {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const other = draw.below(i + 1);
    [items[i], items[other]] = [items[other] as T, items[i] as T];
  }
}

describe("cuts over what was not captured", () => {
  for (const order of ["as sent", "any"] as const) {
    for (const checkpoints of [true, false]) {
      it(`are true and complete only where all came: order ${order}, checkpoints ${checkpoints}`, async () => {
        let complete = 0;
        await fc.assert(
          fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
            complete += (await run(seed, 20 + (seed % 100), { order, checkpoints })).complete;
          }),
          { numRuns: 80 },
        );
        // That nothing is ever complete would be true, and no use.
        expect(complete).toBeGreaterThan(50);
      });
    }
  }
});

describe("an epoch's record of what was not captured", () => {
  it("stays one range, however long a node is quiet", async () => {
    const { ingest, store } = anIngest();
    await ingest.submit(encodeBatch(aBatch([joinRow()], { closed: atTick(10) })));
    for (let i = 0; i < 500; i += 1) {
      const dropped = [notCaptured(2 + i, 2 + i, i % 2 === 0 ? ["a"] : ["b", `c${i % 7}`])];
      const closed = atTick((2 + i) * 10 + 5);
      await ingest.submit(encodeBatch(aBatch([], { firstSeq: 3 + i, closed, dropped })));
    }
    expect(store.epochs()[0]?.lost).toMatchObject([
      {
        firstSeq: 2,
        lastSeq: 501,
        firstT: atTick(20),
        lastT: atTick(5_010),
        reason: "not-captured",
      },
    ]);
    expect(store.epochs()[0]?.watermark).toBe(atTick(5_015));
    await ingest.close();
  });

  it("is bounded with any number of captures, and folding some never makes a cut complete", async () => {
    const store = new MemoryStore();
    const { ingest } = anIngest({ store });
    const history = engine(store);
    ingest.onStored((ids) => history.notifyStored(ids));
    await ingest.submit(encodeBatch(aBatch([joinRow()], { closed: atTick(10) })));
    // Each capture: a keyframe and changes; then one change that is not captured.
    const captures = MAX_LOST_RANGES + 40;
    let seq = 2;
    for (let i = 0; i < captures; i += 1) {
      const firstSeq = seq;
      const rows = Array.from({ length: 6 }, (_, k) => {
        const t = atTick((firstSeq + k) * 10);
        const state = new Map([["x", i]]);
        return k === 0
          ? { t, kind: "keyframe" as const, log: "a", state }
          : { t, kind: "set" as const, log: "a", key: "y", value: k };
      });
      const dropped = [notCaptured(firstSeq + 6, firstSeq + 6, ["a"])];
      const island = aBatch(rows, { firstSeq, closed: atTick((firstSeq + 5) * 10) });
      const beat = aBatch([], {
        firstSeq: firstSeq + 7,
        closed: atTick((firstSeq + 6) * 10),
        dropped,
      });
      await ingest.submit(Buffer.concat([encodeBatch(island), encodeBatch(beat)]));
      seq += 7;
      if (i % 16 === 0) await history.checkpointer.idle();
    }
    await history.checkpointer.idle();
    expect(store.epochs()[0]?.lost).toHaveLength(MAX_LOST_RANGES);
    for (let i = 0; i < captures; i += 1) {
      const lostSeq = 2 + i * 7 + 6;
      const cut = history.cutAt(atTick(lostSeq * 10));
      expect([i, cut.complete]).toEqual([i, false]);
      expect(cut.incomplete[0]?.reason).toBe("not-captured");
    }
    await history.close();
    await ingest.close();
  });
});

function joinRow() {
  const at = { t: atTick(10), kind: "join" as const };
  return { ...at, service: "shop", tags: {}, instance: "i1" };
}

function notCaptured(first: number, last: number, logs: readonly string[]) {
  return aLostRange([first, last], { logs, reason: "not-captured" });
}
