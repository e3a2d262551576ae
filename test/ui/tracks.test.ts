import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc, Json } from "../../agent/kernel/index.ts";
import type { EventLineJson } from "../../collector/api/shapes.ts";

import { stretchesOf } from "../../ui/src/model/tracks.ts";
import { stateAt, timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const scenario = makeScenario();
const end = (SCENARIO_START + SCENARIO_MS * 4096) as Hlc;
const VARIABLES = ["stock\napples", "stock\nversion", "cluster\nmembers", "cluster\nleader"];

describe("state tracks", () => {
  it("hold at every tick what a replay of everything holds there", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("store-1", "store-2", "store-3"),
        fc.constantFrom(...VARIABLES),
        fc.integer({ min: 0, max: SCENARIO_MS - 1_100 }),
        fc.integer({ min: 50, max: 1_000 }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        (node, variable, fromMs, spanMs, share) => {
          const [log = "", key = ""] = variable.split("\n");
          const from = (SCENARIO_START + fromMs * 4096) as Hlc;
          const to = (from + spanMs * 4096) as Hlc;
          const timeline = readTimeline(timelineOf(scenario, from, to, 1_000));
          const lane = timeline.lanes.get(node);
          if (lane === undefined || !timeline.exact) throw new Error("an exact lane");
          const name = `${node}\n${variable}`;
          const start = stateAt(scenario, from).get(name);
          const stretches = stretchesOf(lane, { log, key }, start, timeline);
          const t = from + Math.floor(share * (to - from));
          const found = stretches.find((one) => one.from <= t && t < one.to)?.value;
          expect(sorted(found)).toEqual(sorted(stateAt(scenario, t).get(name)));
          for (const [i, one] of stretches.entries()) {
            expect(one.to).toBeGreaterThan(one.from);
            expect(stretches[i + 1]?.from ?? end).toBeGreaterThanOrEqual(one.to);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("join writes of the same value, begin anew with a run, and take a keyframe as it is", () => {
    const from = SCENARIO_START;
    const line = (ms: number, kind: string, fields: Record<string, Json> = {}) => ({
      t: (from + ms * 4096) as Hlc,
      line: { kind, log: "kv", key: "a", ...fields } as unknown as EventLineJson,
    });
    const timeline = readTimeline(timelineOf(scenario, from, end, 100));
    const lane = timeline.lanes.get("store-1");
    if (lane === undefined || lane.exact === null) throw new Error("an exact lane");
    const changes = [
      line(1, "set", { value: { x: 1, y: 2 } }),
      line(2, "set", { value: { y: 2, x: 1 } }),
      line(3, "set", { key: "b", value: 9 }),
      line(4, "join"),
      line(6, "keyframe", { state: { a: 5, b: 6 } }),
      line(8, "delete"),
    ];
    const known = { ...lane, exact: { ...lane.exact, changes } };
    const range = { from, to: (from + 10 * 4096) as Hlc };
    const ms = stretchesOf(known, { log: "kv", key: "a" }, undefined, range).map((one) => [
      (one.from - from) / 4096,
      (one.to - from) / 4096,
      one.value,
    ]);
    expect(ms).toEqual([
      [1, 4, { x: 1, y: 2 }],
      [6, 8, 5],
    ]);
  });
});

/** Members of a set have no order. */
function sorted(value: Json | undefined): unknown {
  const members = (value as { $set?: Json[] } | undefined)?.$set;
  return members === undefined ? value : [...members].sort();
}
