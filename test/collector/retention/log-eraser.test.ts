/** Erasing logs: nothing of them is left in any answer, and all else is as it was. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import "../../support/seed.ts";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { encodeBatch } from "../../../agent/kernel/index.ts";
import { withoutLogs } from "../../../collector/store/erased-blocks.ts";
import { isSegment } from "../../../collector/store/segment-header.ts";
import { readStored } from "../../../collector/store/segment-reader.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { blocksOf, sealed, stored } from "../../support/segments.ts";
import { atTick } from "../ingest/support.ts";
import { aScene, type Scene } from "./support.ts";

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});

const BATCH_EVENTS = 6;
const VARIABLES = 3;

/** Event `seq` at tick 10 seq: seq 1 joins; of three, one sets log "secret", one "open", one sends. */
function rowOf(seq: number): Row {
  const t = atTick(seq * 10);
  if (seq === 1) return { t, kind: "join", service: "kv", tags: {}, instance: "i" };
  if (seq % 3 === 1) {
    const plain = { to: null, peer: "p", id: null, replaces: null, failed: false, streamed: false };
    return { t, kind: "send", channel: "http", ...plain };
  }
  const log = seq % 3 === 2 ? "secret" : "open";
  return {
    t,
    kind: "set",
    log,
    key: `k${Math.floor(seq / 3) % VARIABLES}`,
    value: `${log} ${seq}`,
  };
}

async function ship(scene: Scene, n: number): Promise<void> {
  const firstSeq = n * BATCH_EVENTS + 1;
  const rows = Array.from({ length: BATCH_EVENTS }, (_, i) => rowOf(firstSeq + i));
  const closed = atTick((firstSeq + BATCH_EVENTS - 1) * 10);
  await scene.ingest.submit(
    encodeBatch(aBatch(rows, { node: "n1", epoch: 1_000, firstSeq, closed })),
  );
  await scene.history.idle();
}

/** All that is shown of a log at a tick; undefined: nothing is known of that time. */
function shown(scene: Scene, log: string, tick: number): Record<string, unknown> | undefined {
  try {
    const cut = scene.history.cutAt(atTick(tick));
    return Object.fromEntries(cut.nodes.get("n1")?.logs.get(log) ?? []);
  } catch {
    return undefined;
  }
}

/** What a log holds at a tick by the plan, of what was set after `afterSeq`. */
function planned(log: string, tick: number, afterSeq = 0): Record<string, unknown> {
  const state: Record<string, unknown> = {};
  for (let seq = afterSeq + 1; seq * 10 <= tick; seq += 1) {
    const row = rowOf(seq);
    if (row.kind === "set" && row.log === log) state[row.key] = row.value;
  }
  return state;
}

describe("erasing a log", () => {
  it("leaves nothing of it in any answer, and every other log as it was: sealed, pruned, and come later", async () => {
    const shape = fc.record({
      before: fc.integer({ min: 1, max: 8 }),
      after: fc.integer({ min: 0, max: 4 }),
      isPruned: fc.boolean(),
      segmentEvents: fc.constantFrom(4, 16, 1_000),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ before, after, isPruned, segmentEvents }) => {
        const limits = { segmentEvents, roundChanges: 4 };
        const scene = aScene({ retentionMs: 60_000 }, undefined, undefined, limits);
        for (let n = 0; n < before; n += 1) {
          await ship(scene, n);
          scene.timers.advance(1_000);
        }
        if (isPruned) {
          // About half of what came.
          scene.timers.advance(60_000 - before * 500);
          await scene.keeping.retention.round();
        }
        const last = before * BATCH_EVENTS;
        const ticks = Array.from({ length: last + 2 }, (_, i) => i * 10 + 5);
        const openBefore = ticks.map((tick) => shown(scene, "open", tick));
        const eventsBefore = await scene.history.events({
          ...{ from: atTick(0), to: atTick(1e6), limit: 1_000, selection: {} },
        });
        const hadAny = ticks.some(
          (tick) => Object.keys(shown(scene, "secret", tick) ?? {}).length > 0,
        );
        const erased = await scene.keeping.eraser.erase({ logs: ["secret"] });
        await scene.history.idle();
        if (hadAny) expect([...erased.nodes.keys()]).toEqual(["n1"]);
        for (let n = before; n < before + after; n += 1) await ship(scene, n);
        expect(ticks.map((tick) => shown(scene, "open", tick)).slice(0, last)).toEqual(
          openBefore.slice(0, last),
        );
        for (const tick of ticks.slice(0, last)) {
          expect([tick, shown(scene, "secret", tick) ?? {}]).toEqual([tick, {}]);
        }
        const end = (before + after) * BATCH_EVENTS * 10 + 5;
        expect(shown(scene, "secret", end) ?? {}).toEqual(planned("secret", end, last));
        const cut = scene.history.cutAt(atTick(end));
        const isKnown = Object.keys(planned("secret", end, last)).length === VARIABLES;
        if (hadAny && !isKnown) {
          expect(cut.incomplete.map(({ reason }) => reason)).toContain("lost");
        }
        const { events } = await scene.history.events({
          ...{ from: atTick(0), to: atTick(last * 10), limit: 1_000, selection: {} },
        });
        const isSecret = ({ event }: (typeof events)[number]): boolean =>
          "log" in event && event.log === "secret";
        expect(events.map(({ event }) => event)).toEqual(
          eventsBefore.events.filter((one) => !isSecret(one)).map(({ event }) => event),
        );
        await scene.close();
      }),
      { numRuns: 15 },
    );
  });

  it("before a time leaves what came later, and takes all of the block in which the time lies", async () => {
    const scene = aScene({}, undefined, undefined, { segmentEvents: 1_000 });
    scenes.push(scene);
    for (let n = 0; n < 4; n += 1) await ship(scene, n);
    const time = (2 * BATCH_EVENTS + 4) * 10;
    await scene.keeping.eraser.erase({ logs: ["secret"], before: atTick(time) });
    const end = 4 * BATCH_EVENTS * 10;
    expect(shown(scene, "secret", end)).toEqual(planned("secret", end, 3 * BATCH_EVENTS));
    expect(shown(scene, "open", end)).toEqual(planned("open", end));
    // Twice is once.
    const again = await scene.keeping.eraser.erase({ logs: ["secret"], before: atTick(time) });
    expect(again.pieceCount).toBe(0);
  });

  it("of one node leaves the others alone, and a keyframe makes the log known again", async () => {
    const scene = aScene({});
    scenes.push(scene);
    await scene.ship(0);
    await scene.ship(0, "n2");
    await scene.keeping.eraser.erase({ node: "n1", logs: ["stock"] });
    const at = atTick(100) as Hlc;
    const lost = scene.history.cutAt(at);
    expect(lost.nodes.get("n1")?.logs.get("stock")).toBeUndefined();
    expect(lost.nodes.get("n2")?.logs.get("stock")?.size).toBe(3);
    expect(lost.incomplete).toMatchObject([{ node: "n1", reason: "lost" }]);
    const state = new Map([["v0", 7]]);
    const keyframe: Row = { t: atTick(110), kind: "keyframe", log: "stock", state };
    const fields = { node: "n1", epoch: 1_000, firstSeq: 11, closed: atTick(110) };
    await scene.ingest.submit(encodeBatch(aBatch([keyframe], fields)));
    const healed = scene.history.cutAt(atTick(110), { nodes: ["n1"] });
    expect(Object.fromEntries(healed.nodes.get("n1")?.logs.get("stock") ?? [])).toEqual({ v0: 7 });
    expect(healed.complete).toBe(true);
  });
});

describe("a piece without a log", () => {
  const batches = [0, 1].map((n) => {
    const firstSeq = n * BATCH_EVENTS + 1;
    const rows = Array.from({ length: BATCH_EVENTS }, (_, i) => rowOf(firstSeq + i));
    return stored(aBatch(rows, { firstSeq }));
  });
  const order = { logs: new Set(["secret"]), before: undefined };

  it.each(["a batch", "a segment"])("is written again with all else: %s", (what) => {
    const whole = sealed(batches);
    const [piece, source] =
      what === "a batch"
        ? ([batches[0] as (typeof batches)[0], blocksOf(whole)] as const)
        : ([whole.segment, blocksOf(whole)] as const);
    const found = withoutLogs(piece, source, order);
    if (found === undefined) throw new Error("nothing was found");
    const { write, fromT, blockCount } = found;
    expect([fromT, blockCount]).toEqual([atTick(20), 1]);
    expect(isSegment(write.segment.bytes)).toBe(true);
    const { rows, damaged } = readStored(write.segment, blocksOf(write));
    expect(damaged.map(({ log }) => log)).toEqual(["secret"]);
    expect(rows.events.variables.map(({ log }) => log)).not.toContain("secret");
    expect(rows.events.count).toBe(what === "a batch" ? 4 : 8);
    // No value, and no least or greatest one, is in any byte of it.
    const all = Buffer.concat([write.segment.bytes, ...write.blocks]).toString("latin1");
    expect(all).not.toMatch(/secret \d/);
    expect(withoutLogs(write.segment, blocksOf(write), order)).toBeUndefined();
  });
});
