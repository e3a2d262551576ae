/**
 * Walks against the naive oracle: at every cut the state, the members and what is missing are those of
 * a replay from the beginning, and between two cuts nothing changes; rows against a loop over all ticks
 * that matter. Then what a walk promises its caller: early ends, cancelling, reads that end.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, RetroError, toJsonForm, type Value } from "../../../agent/kernel/index.ts";
import type { WalkRow, WalkView } from "../../../collector/cut/history.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { type Asked, type CutOracle, reason } from "../../support/cut-oracle.ts";
import {
  type HistoryCase,
  openCase,
  randomAsked,
  rangeOf,
  SHAPES,
} from "../../support/history-case.ts";
import { plainText } from "../../support/step-oracle.ts";
import { noReads, watched } from "../../support/store-over.ts";
import { atMs, join, receive, send, set, tellHistory } from "../../support/told-history.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 30 });

/** Members with their state, and what is missing: as the view tells it. */
function seen(view: WalkView, oracle: CutOracle, asked: Asked): unknown {
  const nodes = view.nodes.map((node) => {
    const logs: Record<string, Record<string, unknown>> = {};
    for (const log of logsOf(oracle, asked)) {
      for (const [key, value] of view.variables(node, log)) {
        if (asked.keys?.length && !asked.keys.includes(key)) continue;
        logs[log] ??= Object.create(null) as Record<string, unknown>;
        logs[log][key] = toJsonForm(value);
      }
    }
    return [node, logs];
  });
  return { nodes, incomplete: view.incomplete.map(reason).sort(), complete: view.complete };
}

function expected(oracle: CutOracle, t: number, asked: Asked): unknown {
  const members = oracle
    .nodeNames(asked)
    .filter((node) => oracle.isMember(oracle.runAt(node, t), t));
  const nodes = members.map((node) => {
    const run = oracle.runAt(node, t) as NonNullable<ReturnType<CutOracle["runAt"]>>;
    return [node, oracle.stateOf(run, t, asked)];
  });
  const incomplete = oracle.incomplete(t, asked);
  return { nodes, incomplete, complete: incomplete.length === 0 };
}

function logsOf(oracle: CutOracle, asked: Asked): string[] {
  if (asked.logs?.length) return [...asked.logs];
  const events = oracle.epochs.flatMap((run) => run.events);
  return [...new Set(events.flatMap((event) => ("log" in event ? [event.log] : [])))].sort();
}

const rangeIn = (one: HistoryCase): readonly [Hlc, Hlc] => rangeOf(one, one.model.times);

describe("a walk", () => {
  for (const shape of SHAPES) {
    it(`shows at every cut what a naive replay says: ${JSON.stringify(shape)}`, async () => {
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const one = await openCase({ seed, ...shape });
          const { history, oracle, model } = one;
          if (oracle.epochs.length === 0) return;
          const asked = randomAsked(one);
          const [from, to] = rangeIn(one);
          const cuts: Hlc[] = [];
          const times = model.times.filter((t) => t >= from && t <= to);
          let at = 0;
          let before: unknown;
          for await (const view of history.walk({ from, to, ...asked })) {
            cuts.push(view.time);
            // Up to here the state was that of the cut before.
            for (; at < times.length && (times[at] as number) < view.time; at += 1) {
              const { nodes } = expected(oracle, times[at] as number, asked) as { nodes: unknown };
              expect([times[at], nodes]).toEqual([times[at], before]);
            }
            const told = seen(view, oracle, asked);
            expect([view.time, told]).toEqual([view.time, expected(oracle, view.time, asked)]);
            before = (told as { nodes: unknown }).nodes;
            expect(view.consistent).toBe(oracle.violations(view.time, asked).length === 0);
          }
          for (; at < times.length; at += 1) {
            const { nodes } = expected(oracle, times[at] as number, asked) as { nodes: unknown };
            expect([times[at], nodes]).toEqual([times[at], before]);
          }
          expect(cuts[0]).toBe(from);
          expect(cuts).toEqual([...new Set(cuts)].sort((a, b) => a - b));
        }),
        { numRuns: 15 },
      );
    });
  }

  it("tells whether a variable is known, and in flight what a cut tells", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const one = await openCase({ seed, ...(SHAPES[2] as (typeof SHAPES)[number]) });
        const { history, oracle } = one;
        if (oracle.epochs.length === 0) return;
        const [from, to] = rangeIn(one);
        for await (const view of history.walk({ from, to })) {
          const t = view.time;
          expect(view.inFlight()).toEqual(history.cutAt(t).inFlight);
          for (const node of view.nodes) {
            const run = oracle.runAt(node, t) as NonNullable<ReturnType<CutOracle["runAt"]>>;
            const items = oracle.items(run, t);
            for (const { log, key } of oracle.variablesOf(run)) {
              const cell = oracle.cell(items, log, key);
              expect([
                view.unknown(node, log, key),
                view.get(node, log, key) !== undefined,
              ]).toEqual([cell.state === "lost" ? "lost" : undefined, cell.state === "value"]);
            }
          }
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe("rows of a walk", () => {
  it("are the stretches in which the predicate holds, complete where every cut of them is", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.nat(SHAPES.length - 1), async (seed, which) => {
        const one = await openCase({ seed, ...(SHAPES[which] as (typeof SHAPES)[number]) });
        const { history, oracle, model, draw } = one;
        if (oracle.epochs.length === 0) return;
        const [from, to] = rangeIn(one);
        const [log, key] = [draw.one(["stock", "ring", "odd"]), draw.one(["a", "b", "__proto__"])];
        const holds = (count: number): boolean => count % 2 === 1;
        const rows: WalkRow<string>[] = [];
        const options = { from, to, select: (view: WalkView) => textOf(view.values(log, key)) };
        for await (const row of history.walk(options, () => undefined)) rows.push(row);
        expect(rows).toEqual([]);
        for await (const row of history.walk(options, (view) =>
          holds(view.values(log, key).size),
        )) {
          rows.push(row);
        }
        const times = model.times.filter((t) => t >= from && t <= to);
        const truth = (t: number): boolean => holds(heldAt(oracle, t, log, key).size);
        expect(rows.map(({ n }) => n)).toEqual(rows.map((_, i) => i + 1));
        for (const t of times) {
          const row = rows.find((one) => one.from <= t && (t < one.to || one.open));
          expect([t, row !== undefined]).toEqual([t, truth(t)]);
        }
        for (const row of rows) {
          expect(row.sinceStart).toBe(row.from === from);
          expect(row.open).toBe(truth(to) && row === rows.at(-1));
          expect(row.values).toBe(textOf(heldAt(oracle, row.from, log, key)));
          const inside = times.filter((t) => t >= row.from && (t < row.to || row.open));
          const missing = inside.flatMap((t) =>
            oracle.incomplete(t, {}).map((text) => `${t} ${text}`),
          );
          expect([row.from, row.to, row.complete, missing.slice(0, 3)]).toEqual([
            row.from,
            row.to,
            missing.length === 0,
            missing.slice(0, 3),
          ]);
        }
      }),
      { numRuns: 30, examples: [[377_613_771, 1]] },
    );
  });

  it("come one by one, per cut if asked, at most so many", async () => {
    const { history, tell } = tellHistory();
    const rows = [join(atMs(0)), ...[1, 5, 6, 2, 7].map((v, i) => set(atMs(10 + i), "l", "k", v))];
    await tell("n1", 1, rows, { closed: atMs(100) });
    const options = { from: atMs(0), to: atMs(100) };
    const isBig = (view: WalkView): boolean => (view.get("n1", "l", "k") as number) > 4;
    const shown = async (more: object): Promise<unknown[]> => {
      const found = [];
      for await (const { from, to, open, by } of history.walk({ ...options, ...more }, isBig)) {
        found.push([from, to, open, by]);
      }
      return found;
    };
    expect(await shown({})).toEqual([
      [atMs(11), atMs(13), false, ["n1"]],
      [atMs(14), atMs(100), true, ["n1"]],
    ]);
    expect(await shown({ limit: 1 })).toEqual([[atMs(11), atMs(13), false, ["n1"]]]);
    expect(await shown({ eachChange: true })).toEqual(
      [11, 12, 14].map((ms) => [atMs(ms), atMs(ms), false, ["n1"]]),
    );
  });
});

function heldAt(oracle: CutOracle, t: number, log: string, key: string): Map<string, Value> {
  const held = new Map<string, Value>();
  for (const node of oracle.nodeNames()) {
    const run = oracle.runAt(node, t);
    if (!oracle.isMember(run, t)) continue;
    const cell = oracle.cell(oracle.items(run, t), log, key);
    if (cell.state === "value") held.set(node, cell.value);
  }
  return held;
}

function textOf(values: ReadonlyMap<string, Value>): string {
  return [...values].map(([node, value]) => `${node} ${plainText(toJsonForm(value))}`).join("\n");
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("who walks", () => {
  const twoNodes = async () => {
    const told = tellHistory({ limits: { roundChanges: 10 } });
    for (const node of ["a", "b"])
      await told.tell(node, 1, [join(atMs(0)), set(atMs(1), "l", "k", 0)]);
    for (let i = 1; i <= 50; i += 1) {
      await told.tell("a", 1 + 2 * i, [
        set(atMs(i * 10), "l", "k", i),
        send(atMs(i * 10 + 1), "b"),
      ]);
    }
    return told;
  };

  it("may name times as everywhere, and begins with what is known", async () => {
    const { history, timers } = await twoNodes();
    timers.advanceMs(Date.UTC(2030, 0, 1));
    const [first] = await collect(history.walk({ from: "-10000000m", to: "now", logs: ["l"] }));
    expect(first?.time).toBe(atMs(500));
    await expect(collect(history.walk({ from: "now", to: "-5s" }))).rejects.toThrow(
      "before it begins",
    );
    await expect(collect(history.walk({ from: "soon", to: "now" }))).rejects.toThrow(RetroError);
  });

  it("is told of a name that is not walked, and of what a predicate throws, with the cut", async () => {
    const { history } = await twoNodes();
    const options = { from: atMs(0), to: atMs(20), logs: ["l"] };
    const wrongLog = history.walk(options, (view) => view.get("a", "m", "k") === 1);
    await expect(collect(wrongLog)).rejects.toMatchObject({
      code: "predicate-failed",
      message: expect.stringContaining('log "m" is not walked'),
      cause: { code: "bad-parameter", hint: "Walked are l." },
    });
    const thrown = history.walk(options, (view) => {
      if (view.time === atMs(10)) throw new TypeError("no ring");
      return false;
    });
    await expect(collect(thrown)).rejects.toMatchObject({
      message: expect.stringMatching(/no ring$/),
      details: { at: atMs(10) },
    });
    await expect(collect(history.walk({ ...options, nodes: ["c"] }))).rejects.toMatchObject({
      code: "unknown-node",
    });
  });

  it("may stop early or be cancelled, and leaves no read of the store open", async () => {
    const reads = noReads();
    const store = watched(new MemoryStore(), reads);
    const { history, tell } = tellHistory({ store });
    for (const node of ["a", "b"]) await tell(node, 1, [join(atMs(0)), set(atMs(1), "l", "k", 0)]);
    for (let i = 1; i <= 50; i += 1) await tell("a", 2 + i, [set(atMs(i * 10), "l", "k", i)]);
    let cuts = 0;
    for await (const view of history.walk({ from: atMs(1), to: atMs(900) })) {
      cuts += 1;
      // Whatever the caller waits for, the store is let go.
      await new Promise((resolve) => setImmediate(resolve));
      expect(reads.open).toBe(0);
      if (view.time === atMs(100)) break;
    }
    expect(cuts).toBe(11);
    const abort = new AbortController();
    const walked = collect(
      history.walk({ from: atMs(1), to: atMs(900), signal: abort.signal }, ({ time }) => {
        if (time === atMs(50)) abort.abort();
        return false;
      }),
    );
    await expect(walked).rejects.toMatchObject({ code: "cancelled" });
    expect(reads.open).toBe(0);
  });

  it("reads each batch of the range once, and nothing of it again per cut", async () => {
    const reads = noReads();
    const store = watched(new MemoryStore(), reads);
    const { history, tell } = tellHistory({ store });
    await tell("a", 1, [join(atMs(0))]);
    for (let i = 0; i < 200; i += 1) {
      const rows = Array.from({ length: 20 }, (_, j) => set(atMs(1 + i * 20 + j), "l", `k${j}`, i));
      await tell("a", 2 + i * 20, rows);
    }
    await history.checkpointer.idle();
    reads.batches = 0;
    let cuts = 0;
    for await (const { complete } of history.walk({ from: atMs(0), to: atMs(9_000) })) {
      if (cuts < 4_000) expect(complete).toBe(true);
      cuts += 1;
    }
    expect(cuts).toBe(4_001);
    // Once, and the one where a pause was once more.
    expect(reads.batches).toBeLessThan(2 * 202);
  });

  it("sees who sends, and calls a cut that heard of a stranger incomplete from then on", async () => {
    const { history, tell } = tellHistory();
    const rows = [
      join(atMs(0)),
      set(atMs(1), "l", "k", 1),
      receive(atMs(5), "stranger", 1, 9, atMs(4)),
      set(atMs(10), "l", "k", 2),
    ];
    await tell("a", 1, rows, { closed: atMs(100) });
    const cuts = [];
    for await (const { time, complete } of history.walk({ from: atMs(0), to: atMs(20) })) {
      cuts.push([time, complete]);
    }
    expect(cuts).toEqual([
      [atMs(0), true],
      [atMs(1), true],
      [atMs(10), false],
    ]);
  });
});
