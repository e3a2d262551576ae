/** Small pure parts of the page: typed times, flags on the ruler, the first span, who disagrees. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, parseTime, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CutJson, EventLineJson } from "../../collector/api/shapes.ts";
import { describeEvent, receiverOf } from "../../ui/src/model/event-words.ts";
import { firstSpanTicks } from "../../ui/src/model/first-span.ts";
import { flightDoubt } from "../../ui/src/model/reasons.ts";
import { disagreements } from "../../ui/src/model/state-rows.ts";

import { readTypedTime } from "../../ui/src/model/typed-time.ts";
import { flagBeside, flagMiddle } from "../../ui/src/scale/flag-places.ts";
import { cutAt, eventsIn, timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const at = (text: string): Hlc => parseTime(text, 0 as Hlc);
const scenario = makeScenario();
const end = (SCENARIO_START + SCENARIO_MS * TICKS_PER_MS) as Hlc;

describe("a typed time", () => {
  const now = at("2026-11-21T16:00:00Z");
  const day = at("2026-11-20T12:00:00Z");
  const read = (typed: string) => readTypedTime(typed, day, now);

  it("is taken in every form; a time of day is one of the day on screen", () => {
    expect(read("16:00")).toEqual({ t: at("2026-11-20T16:00:00Z") });
    expect(read(" 9:30:15.25 ")).toEqual({ t: at("2026-11-20T09:30:15.250Z") });
    expect(read("15:59:58.123+0a7")).toEqual({ t: at("2026-11-20T15:59:58.123Z+0a7") });
    expect(read("-5s")).toEqual({ t: now - 5_000 * TICKS_PER_MS });
    expect(read("2026-11-21T15:00:00+01:00")).toEqual({ t: at("2026-11-21T14:00:00Z") });
  });

  it("says what is wrong: no time, in the future, seconds for milliseconds", () => {
    expect(read("half past four")).toMatchObject({ problem: expect.stringContaining("16:00:00") });
    expect(read("2026-11-21T19:00:00Z")).toEqual({
      problem: "That is 3 h in the future: nothing can be known of it yet.",
    });
    expect(read("1795263820")).toMatchObject({ problem: expect.stringContaining("1795263820000") });
    // A clock that is a little ahead of the collector's last answer is no future.
    expect(read("2026-11-21T16:00:05Z")).toHaveProperty("t");
  });
});

describe("the flags of two cuts", () => {
  const flag = fc.record({
    x: fc.double({ min: -2_000, max: 3_000, noNaN: true }),
    width: fc.integer({ min: 20, max: 110 }),
  });

  it("never cover each other and stay on the ruler, wherever the cuts are", () => {
    fc.assert(
      fc.property(flag, flag, fc.integer({ min: 340, max: 2_000 }), (one, two, room) => {
        const moving = flagMiddle(two, room);
        const fixed = flagBeside(one, two, room);
        for (const [middle, { width }] of [
          [moving, two],
          [fixed, one],
        ] as const) {
          expect(middle - width / 2).toBeGreaterThanOrEqual(-1e-9);
          expect(middle + width / 2).toBeLessThanOrEqual(room + 1e-9);
        }
        expect(Math.abs(fixed - moving)).toBeGreaterThanOrEqual((one.width + two.width) / 2);
      }),
    );
  });

  it("stand over their lines where there is room", () => {
    expect(flagBeside({ x: 100, width: 80 }, { x: 300, width: 80 }, 800)).toBe(100);
  });
});

describe("the first view of a live system", () => {
  const rows = (everyMs: number) => {
    const timeline = readTimeline(timelineOf(scenario, SCENARIO_START, end, 1_000));
    const from = SCENARIO_START;
    const to = (from + 10_000 * TICKS_PER_MS) as Hlc;
    const lane = timeline.lanes.get("store-1");
    if (lane === undefined) throw new Error("store-1 has a lane");
    const starts = Float64Array.from(
      { length: Math.floor(10_000 / everyMs) },
      (_, i) => from + i * everyMs * TICKS_PER_MS,
    );
    const buckets = { ...lane.buckets, starts };
    return firstSpanTicks(
      { ...timeline, lanes: new Map([["store-1", { ...lane, buckets }]]) },
      { from, to },
      800,
    );
  };

  it("shows the less the busier it is, so that single events can be told apart", () => {
    const seconds = [1_000, 250, 100, 45, 20, 5].map((every) => rows(every) / TICKS_PER_MS / 1_000);
    expect(seconds).toEqual([10, 10, 2, 1, 0.5, 0.5]);
  });

  it("shows all ten seconds of a system in which nothing happens", () => {
    const timeline = readTimeline(timelineOf(makeScenario("empty"), SCENARIO_START, end, 1_000));
    expect(firstSpanTicks(timeline, { from: SCENARIO_START, to: end }, 800)).toBe(
      10_000 * TICKS_PER_MS,
    );
  });
});

describe("disagreement between the nodes of a service", () => {
  it("counts the variables that its members do not all hold alike", () => {
    const cut = cutAt(scenario, SCENARIO_START + 5_000 * TICKS_PER_MS);
    const logs = (values: Record<string, number>) => ({ kv: values });
    const [one] = Object.values(cut.nodes);
    if (one === undefined) throw new Error("a node");
    const node = (service: string, values: Record<string, number>) => ({
      ...one,
      service,
      logs: logs(values),
    });
    const json: CutJson = {
      ...cut,
      members: ["a-1", "a-2", "b-1"],
      nodes: {
        "a-1": node("a", { x: 1, y: 2, z: 3 }),
        "a-2": node("a", { x: 1, y: 5 }),
        "b-1": node("b", { x: 9 }),
        // Gone: it takes no part.
        "a-3": node("a", { x: 7 }),
      },
    };
    expect(disagreements(json)).toEqual([{ service: "a", nodeCount: 2, count: 2 }]);
  });
});

describe("words", () => {
  it("never say twice what an event is", () => {
    const { events } = eventsIn(scenario, SCENARIO_START, end, [], 10_000);
    expect(new Set(events.map(({ kind }) => kind)).size).toBeGreaterThan(6);
    for (const event of events) {
      const words = describeEvent(event).split(/\s+/);
      expect(words.filter((word, i) => i > 0 && word === words[i - 1])).toEqual([]);
    }
  });

  it("name the receiver of a send where the timeline knows it, not its address", () => {
    const timeline = readTimeline(timelineOf(scenario, SCENARIO_START, end, 1_000));
    const { events } = eventsIn(scenario, SCENARIO_START, end, [], 10_000);
    const sends = events.filter(({ kind }) => kind === "send");
    expect(sends.length).toBeGreaterThan(100);
    for (const send of sends) {
      const bare = { ...send, to: null, peer: "127.0.0.1:59910" } as unknown as EventLineJson;
      expect(describeEvent(bare, receiverOf(bare, timeline))).toBe(`send to ${send["to"]}`);
    }
  });

  it("say why more messages may be in flight", () => {
    const cut = cutAt(scenario, end);
    expect(flightDoubt(cut)).toBeUndefined();
    expect(flightDoubt({ ...cut, inFlightComplete: false })).toMatch(/missing from the record/);
    const incomplete = [{ node: "store-2", reason: "lagging" }];
    expect(flightDoubt({ ...cut, inFlightComplete: false, incomplete })).toMatch(/store-2/);
  });
});
