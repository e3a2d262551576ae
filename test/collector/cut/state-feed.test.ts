/**
 * The feed of states against the naive oracle, on random histories with ties, holes, losses, restarts,
 * deletes, sets and messages: at every tick that matters, what is held, who is a member, what is missing;
 * what changed last before the range; what is in flight.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, toJsonForm } from "../../../agent/kernel/index.ts";
import type { FeedStep, StateFeed } from "../../../collector/cut/history.ts";
import type { CutState, Held } from "../../../collector/rql/interpret/cut-sequence.ts";
import { FoldedStates } from "../../../collector/rql/run/fold.ts";
import { reason } from "../../support/cut-oracle.ts";
import { type HistoryCase, openCase, rangeOf, SHAPES } from "../../support/history-case.ts";
import { atMs, join, set, tellHistory } from "../../support/told-history.ts";
import { naiveCuts, naiveLastChange, ticksOf } from "../rql/run/naive-cuts.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 30 });
const COLUMNS = ["stock", "ring", "odd"].flatMap((log) =>
  ["a", "b", "__proto__"].map((key) => ({ log, key })),
);

const rangeIn = (one: HistoryCase): readonly [Hlc, Hlc] => rangeOf(one, ticksOf(one));

async function stepsOf(feed: StateFeed): Promise<FeedStep[]> {
  const steps: FeedStep[] = [];
  for (let chunk = await feed.next(); chunk !== undefined; chunk = await feed.next()) {
    steps.push(...chunk.steps);
  }
  feed.close();
  return steps;
}

function heldText(held: Held | undefined): string {
  if (held === undefined || held.is === "absent") return "absent";
  return held.is === "lost" ? "lost" : JSON.stringify(toJsonForm(held.value));
}

/** A state in words, without what was not asked for. */
function told(
  { nodes, incomplete }: CutState,
  names: readonly string[],
  isNaive: boolean,
): unknown {
  return {
    nodes: [...nodes]
      .filter(([name]) => names.includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, node]) => [
        ...[name, node.service, node.epoch, node.status, node.isMember],
        COLUMNS.map(({ log, key }) => heldText(node.held(log, key))).join(" "),
      ]),
    incomplete: incomplete.map((one) => (isNaive ? one.logs?.[0] : reason(one))).sort(),
  };
}

describe("a feed of states", () => {
  for (const shape of SHAPES) {
    it(`is at every tick what a naive replay says: ${JSON.stringify(shape)}`, async () => {
      await fc.assert(
        fc.asyncProperty(seeds, fc.boolean(), async (seed, isNamed) => {
          const one = await openCase({ seed, ...shape });
          const { history, oracle, draw } = one;
          if (oracle.epochs.length === 0) return;
          const [from, to] = rangeIn(one);
          const names = oracle.nodeNames().filter(() => !isNamed || draw.chance(0.5));
          const nodes = isNamed ? { nodes: names } : {};
          const feed = history.feed({ from, to, columns: COLUMNS, ...nodes });
          const head = { from, to, nodes: feed.nodes, services: feed.services };
          const states = new FoldedStates({ ...head, columns: COLUMNS, lastChanges: [] });
          const steps = (await stepsOf(feed)).map((step) => states.take(step));
          expect(steps[0]?.t).toBe(from);
          expect(steps.map(({ t }) => t)).toEqual(
            [...new Set(steps.map(({ t }) => t))].sort((a, b) => a - b),
          );
          for (const expected of naiveCuts(one, { from, to, ...nodes }).cuts) {
            const state = steps.findLast(({ t }) => t <= expected.t) as CutState;
            expect([expected.t, told(state, names, false)]).toEqual([
              expected.t,
              told(expected, names, true),
            ]);
          }
        }),
        { numRuns: 8 },
      );
    });
  }

  it("knows when variables changed last before it, and what they held", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.nat(SHAPES.length - 1), async (seed, which) => {
        const one = await openCase({ seed, ...(SHAPES[which] as (typeof SHAPES)[number]) });
        if (one.oracle.epochs.length === 0) return;
        const [from, to] = rangeIn(one);
        const columns = COLUMNS.slice(0, 3);
        const feed = one.history.feed({ from, to, columns });
        const found = await feed.lastChanges(columns.map((_, index) => index));
        feed.close();
        for (const [node, name] of feed.nodes.entries()) {
          for (const [column, { log, key }] of columns.entries()) {
            const last = found.find((change) => change.node === node && change.column === column);
            const expected = naiveLastChange(one, name, log, key, from);
            const text = last && [last.at, heldText(last.previous)];
            expect([name, log, key, text]).toEqual([
              ...[name, log, key],
              expected && [expected.at, heldText(expected.previous)],
            ]);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it("tells sends and receives where it is asked to, and what is in flight as a cut does", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const one = await openCase({ seed, ...(SHAPES[2] as (typeof SHAPES)[number]) });
        const { history, oracle } = one;
        if (oracle.epochs.length === 0) return;
        const [from, to] = rangeIn(one);
        const feed = history.feed({ from, to, columns: [], messages: true });
        const steps = await stepsOf(feed);
        const spoken = steps.flatMap(({ t, messaging }) =>
          messaging.map((node) => `${t} ${feed.nodes[node]}`),
        );
        const expected = oracle.epochs.flatMap((run) => {
          const next = oracle.nextOf(run)?.record.joined ?? Infinity;
          const until = Math.min(next, run.record.end?.t ?? Infinity, to + 1);
          return run.events
            .filter(({ kind }) => kind === "send" || kind === "receive")
            .filter(({ t }) => t > from && t < until)
            .map(({ t }) => `${t} ${run.model.node}`);
        });
        expect([...new Set(spoken)].sort()).toEqual([...new Set(expected)].sort());
        for (const { t, inFlight } of steps) {
          const cut = history.cutAt(t);
          const isLost = cut.inFlightIncomplete.some(({ reason: why }) =>
            ["lost", "not-captured", "outside-retention"].includes(why),
          );
          const ends = cut.inFlight.map(({ from: sender, to: receiver }) => ({
            from: sender,
            to: receiver,
          }));
          expect([t, inFlight]).toEqual([t, isLost ? null : ends]);
        }
      }),
      { numRuns: 15 },
    );
  });

  it("gives long ranges bit by bit, and holds one state however long they are", async () => {
    const told = tellHistory();
    const rows = Array.from({ length: 20_000 }, (_, i) => set(atMs(i + 1), "l", "v", i));
    await told.tell("n1", 1, [join(atMs(0)), ...rows]);
    const feed = told.history.feed({
      from: atMs(0),
      to: atMs(20_000),
      columns: [{ log: "l", key: "v" }],
    });
    const sizes: number[] = [];
    for (let chunk = await feed.next(); chunk !== undefined; chunk = await feed.next()) {
      sizes.push(chunk.steps.length);
    }
    expect(sizes.reduce((a, b) => a + b)).toBe(20_001);
    expect(Math.max(...sizes)).toBeLessThan(2_100);
  });

  it("ends when its signal aborts, and after it was closed", async () => {
    const told = tellHistory();
    await told.tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)]);
    const open = () =>
      told.history.feed({ from: atMs(0), to: atMs(9), columns: [{ log: "l", key: "v" }] });
    await expect(open().next(AbortSignal.abort())).rejects.toMatchObject({ code: "cancelled" });
    const feed = open();
    feed.close();
    feed.close();
    expect(await feed.next()).toBeUndefined();
    expect(() => told.history.feed({ from: atMs(9), to: atMs(0), columns: [] })).toThrow(
      "ends before it begins",
    );
  });
});
