import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { EventsJson } from "../../collector/api/shapes.ts";
import type { ApiReader } from "../../ui/src/api/client.ts";
import { layOutLanes } from "../../ui/src/model/lane-layout.ts";
import { eventsIn, measure, SNAP_PX, snapped, stretchOf } from "../../ui/src/model/measure.ts";
import { readNodes } from "../../ui/src/model/nodes.ts";
import { TimeScale } from "../../ui/src/scale/time-scale.ts";
import { nodesOf, timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const scenario = makeScenario();
const end = (SCENARIO_START + SCENARIO_MS * TICKS_PER_MS) as Hlc;
const facts = readTimeline(timelineOf(scenario, SCENARIO_START, end, 1_000));
const layout = layOutLanes(readNodes(nodesOf(scenario)).nodes);
const MS = fc.integer({ min: 0, max: SCENARIO_MS });
const at = (ms: number) => (SCENARIO_START + ms * TICKS_PER_MS) as Hlc;

describe("measuring a stretch", () => {
  it("takes an end to the nearest event within reach, and leaves it alone where there is none", () => {
    fc.assert(
      fc.property(
        MS,
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 0, max: 800 }),
        (ms, spanMs, x) => {
          const scale = new TimeScale({ from: at(ms), to: at(ms + spanMs) }, 800);
          const t = snapped(facts, layout, scale, x);
          const away = scenario.events.map((event) => Math.abs(scale.x(event.t) - x));
          const nearest = Math.min(...away);
          if (nearest >= SNAP_PX) expect(t).toBe(scale.t(x));
          else expect(Math.abs(scale.x(t) - x)).toBeCloseTo(nearest, 6);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("counts the events in it, both ends included", () => {
    fc.assert(
      fc.property(MS, MS, (a, b) => {
        const range = stretchOf(at(a), at(b));
        const inside = scenario.events.filter(({ t }) => t >= range.from && t <= range.to);
        expect(eventsIn(facts, range)).toEqual({ count: inside.length, isExact: true });
      }),
      { numRuns: 200 },
    );
  });

  it("gives the residence of the requests that ended in it, each figure one that occurred", async () => {
    const client = {
      get: async <Answer>() =>
        ({
          events: [5, 1, 4, 2, 3].map((residenceUs) => ({ kind: "request", residenceUs })),
        }) as unknown as Answer & EventsJson,
    } as unknown as ApiReader;
    const range = stretchOf(at(0), at(1));
    expect(await measure(client, range, new AbortController().signal)).toEqual({
      requestCount: 5,
      isShortened: false,
      residence: { minUs: 1, p50Us: 3, p95Us: 5, p99Us: 5, maxUs: 5 },
    });
  });
});
