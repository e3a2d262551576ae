/** Nodes, logs and variables, extent and live watermark, against the random histories' own records. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Value, ValueSet } from "../../../agent/kernel/index.ts";
import { openCase, SHAPES } from "../../support/history-case.ts";

const seeds = fc.integer({ min: 0, max: 2 ** 30 });
const shape = SHAPES[2] as (typeof SHAPES)[number];

function typeOf(value: Value): string {
  if (value === null) return "null";
  if (value instanceof ValueSet) return "set";
  return Array.isArray(value) ? "array" : typeof value;
}

describe("what there is", () => {
  it("names every node with its runs, and the lowest watermark of those that go on", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { history, oracle } = await openCase({ seed, ...shape });
        const nodes = history.nodes();
        expect(nodes.map(({ node }) => node)).toEqual(oracle.nodeNames());
        for (const { node, status, epochs, eventCount } of nodes) {
          const runs = oracle.runsOf(node);
          expect(status).toBe(oracle.statusNow(node));
          expect(epochs.map(({ epoch }) => epoch)).toEqual(runs.map(({ model }) => model.epoch));
          expect(eventCount).toBe(runs.reduce((sum, { events }) => sum + events.length, 0));
        }
        const going = oracle
          .nodeNames()
          .flatMap((node) => oracle.runsOf(node).slice(-1))
          .filter(({ record, model }) => record.end === null && !model.imported);
        const lowest = Math.min(...going.map(({ record }) => record.watermark));
        expect(history.liveWatermark()).toBe(going.length === 0 ? undefined : lowest);
      }),
      { numRuns: 40 },
    );
  });

  it("counts the changes of every log in a range, and lists its variables at the end", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { history, oracle, draw, model } = await openCase({ seed, ...shape });
        if (oracle.epochs.length === 0) return;
        const [from, to] = [draw.one(model.times), draw.one(model.times)].sort((a, b) => a - b);
        if (from === undefined || to === undefined) return;
        for (const one of await history.schema({ from, to })) {
          const runs = oracle.runsOf(one.node);
          const changes = runs.flatMap(({ events }) =>
            events.filter(
              (event) =>
                "log" in event &&
                event.kind !== "keyframe" &&
                event.log === one.log &&
                event.t >= from &&
                event.t <= to,
            ),
          );
          expect([one.node, one.log, one.changeCount]).toEqual([one.node, one.log, changes.length]);
          const run = oracle.runAt(one.node, to);
          if (!oracle.isMember(run, to)) continue;
          const items = oracle.items(run, to);
          const held = oracle.variablesOf(run).flatMap(({ log, key }) => {
            const cell = oracle.cell(items, log, key);
            return log === one.log && cell.state === "value"
              ? [{ key, type: typeOf(cell.value) }]
              : [];
          });
          expect(one.variables).toEqual(held.sort((a, b) => (a.key < b.key ? -1 : 1)));
        }
      }),
      { numRuns: 40 },
    );
  });
});
