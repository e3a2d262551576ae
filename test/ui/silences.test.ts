import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { layOutLanes } from "../../ui/src/model/lane-layout.ts";
import { readNodes } from "../../ui/src/model/nodes.ts";
import { MIN_SILENCE_PX, silencesIn } from "../../ui/src/model/silences.ts";
import { TimeScale } from "../../ui/src/scale/time-scale.ts";
import { nodesOf, timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import type { Scenario } from "../support/ui-scenario.ts";

const SPAN_MS = 10_000;
const WIDTH = 1_000;

/** Two nodes with marks at these milliseconds. */
function marksAt(times: readonly number[]): Scenario {
  const nodes = ["a", "b"].map((node) => ({
    ...{ node, service: "s", epoch: 1, closed: (SPAN_MS * TICKS_PER_MS) as Hlc },
  }));
  const events = times
    .toSorted((a, b) => a - b)
    .map((ms, i) => ({
      ...{ node: i % 2 === 0 ? "a" : "b", service: "s", epoch: 1, seq: i + 1 },
      ...{ t: (ms * TICKS_PER_MS) as Hlc, kind: "mark", fields: { text: "" } },
    }));
  return { events, nodes, unchecked: [] };
}

const TIMES = fc.uniqueArray(fc.integer({ min: 1, max: SPAN_MS - 1 }), { maxLength: 14 });

describe("silences", () => {
  it("are every stretch between two events that is wide enough, and hold no event", () => {
    fc.assert(
      fc.property(TIMES, fc.boolean(), (times, isDense) => {
        const scenario = marksAt(times);
        const json = timelineOf(scenario, 0, SPAN_MS * TICKS_PER_MS, WIDTH);
        const lanes = json.lanes.map((lane) => ({ ...lane, events: null }));
        const facts = readTimeline(isDense ? { ...json, exact: false, lanes } : json);
        const layout = layOutLanes(readNodes(nodesOf(scenario)).nodes);
        const to = (SPAN_MS * TICKS_PER_MS) as Hlc;
        const scale = new TimeScale({ from: 0 as Hlc, to }, WIDTH);
        const folds = silencesIn(facts, layout, scale);
        const sorted = times.toSorted((a, b) => a - b);
        const wide = sorted.slice(1).flatMap((ms, i) => {
          const pixels = (ms - (sorted[i] as number)) / (SPAN_MS / WIDTH);
          return pixels >= MIN_SILENCE_PX + 3 ? [pixels] : [];
        });
        expect(folds.length).toBeGreaterThanOrEqual(wide.length);
        for (const { from, to: end } of folds) {
          expect(end).toBeGreaterThan(from);
          const inside = sorted.filter(
            (ms) => ms * TICKS_PER_MS >= from && ms * TICKS_PER_MS <= end,
          );
          expect(inside).toEqual([]);
          // Something lies on both sides, in view.
          expect(sorted.some((ms) => ms * TICKS_PER_MS < from)).toBe(true);
          expect(sorted.some((ms) => ms * TICKS_PER_MS > end)).toBe(true);
        }
        folds.slice(1).forEach((fold, i) => {
          expect(fold.from).toBeGreaterThan(folds[i]?.to ?? 0);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("of a hidden lane do not count: what is not drawn does not keep a silence open", () => {
    const scenario = marksAt([1_000, 5_000, 9_000]); // a, b, a
    const facts = readTimeline(timelineOf(scenario, 0, SPAN_MS * TICKS_PER_MS, WIDTH));
    const nodes = readNodes(nodesOf(scenario)).nodes;
    const to = (SPAN_MS * TICKS_PER_MS) as Hlc;
    const scale = new TimeScale({ from: 0 as Hlc, to }, WIDTH);
    expect(silencesIn(facts, layOutLanes(nodes), scale)).toHaveLength(2);
    const onlyA = layOutLanes(nodes.filter(({ node }) => node === "a"));
    expect(silencesIn(facts, onlyA, scale)).toHaveLength(1);
  });
});
