import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../agent/kernel/index.ts";
import { eventsInView } from "../../ui/src/model/events-in-view.ts";
import { overviewColumns } from "../../ui/src/model/overview-columns.ts";
import { draggedView, EDGE_PX, holdAt } from "../../ui/src/model/overview-drag.ts";
import { windowOn } from "../../ui/src/paint/paint-overview.ts";
import { clearColumns, emptyColumns, gatherLane } from "../../ui/src/paint/pixel-columns.ts";
import { MIN_SPAN_TICKS, TimeScale } from "../../ui/src/scale/time-scale.ts";
import { timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const scenario = makeScenario();
const end = (SCENARIO_START + SCENARIO_MS * 4_096) as Hlc;
const isDrawn = (kind: string) => !["join", "leave", "keyframe"].includes(kind);

/** All of the scenario in cells that are powers of two, as the collector gives them. */
function dense(pixels: number) {
  const ticks = 2 ** Math.ceil(Math.log2((end - SCENARIO_START) / pixels));
  const from = Math.floor(SCENARIO_START / ticks) * ticks;
  const json = timelineOf(scenario, from, from + pixels * ticks - 1, pixels);
  return readTimeline({
    ...json,
    exact: false,
    lanes: json.lanes.map((lane) => ({ ...lane, events: null })),
  });
}

describe("the minimap", () => {
  it("counts every event once, keeps the worst latency and every mark, however few its pixels", () => {
    const requests = scenario.events.filter(({ kind }) => kind === "request");
    const worst = Math.max(...requests.map(({ fields }) => Number(fields["residenceUs"])));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_500 }), fc.boolean(), (width, isExact) => {
        const timeline = isExact
          ? readTimeline(timelineOf(scenario, SCENARIO_START, end, 1_000))
          : dense(1_024);
        const scale = new TimeScale({ from: timeline.from, to: timeline.to }, width);
        const columns = overviewColumns(timeline, scale);
        const sum = (column: Float64Array) => column.reduce((all, one) => all + one, 0);
        const drawn = scenario.events.filter(({ kind }) => isExact || isDrawn(kind));
        expect(sum(columns.counts)).toBe(drawn.length);
        expect(sum(columns.requests)).toBe(requests.length);
        expect(columns.worstUs).toBe(worst);
        expect(columns.worst[columns.worst.indexOf(worst)]).toBe(worst);
        expect(columns.marks.some((mark) => mark === 1)).toBe(true);
      }),
    );
  });

  it("moves the view, or the edge that was gripped, with the pointer", () => {
    const scale = new TimeScale({ from: 0 as Hlc, to: 1_000_000_000 as Hlc }, 1_000);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 900 }),
        fc.integer({ min: 30, max: 400 }),
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 0, max: 1_000 }),
        (left, width, press, to) => {
          const view = { from: scale.t(left), to: scale.t(left + width) };
          const hold = holdAt(scale, view, windowOn(scale, view), press);
          const nearLeft = Math.abs(press - left) <= EDGE_PX;
          const nearRight = Math.abs(press - left - width) <= EDGE_PX;
          expect(hold.part).toBe(nearLeft ? "from" : nearRight ? "to" : "whole");
          const moved = draggedView(scale, view, hold, to);
          const span = view.to - view.from;
          if (hold.part === "whole") {
            expect(moved.to - moved.from).toBe(span);
            const isInside = press >= left && press <= left + width;
            const grip = isInside ? scale.t(press) - (view.from + view.to) / 2 : 0;
            const middle = (moved.from + moved.to) / 2;
            expect(Math.abs(middle + grip - scale.t(to))).toBeLessThanOrEqual(1);
          } else {
            const kept = hold.part === "from" ? "to" : "from";
            expect(moved[kept]).toBe(view[kept]);
            expect(moved.to - moved.from).toBeGreaterThanOrEqual(MIN_SPAN_TICKS);
          }
        },
      ),
    );
  });

  it("draws a narrow view wide enough to grab, in its place", () => {
    const scale = new TimeScale({ from: 0 as Hlc, to: 1_000_000_000 as Hlc }, 1_000);
    const { x, width } = windowOn(scale, { from: 500_000_000 as Hlc, to: 500_000_100 as Hlc });
    expect(width).toBeGreaterThanOrEqual(10);
    expect(Math.abs(x + width / 2 - 500)).toBeLessThan(1);
  });
});

describe("dense lanes", () => {
  it("hold, pixel by pixel, the sums and the worst of the cells that begin there", () => {
    const timeline = dense(4_096);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0.3, max: 0.5, noNaN: true }),
        (start, share) => {
          const span = timeline.to - timeline.from;
          const from = Math.round(timeline.from + start * span) as Hlc;
          const view = { from, to: Math.round(from + share * span) as Hlc };
          // No cell is wider than a pixel.
          const width = Math.floor((view.to - view.from) / timeline.bucketTicks / 1.3);
          const scale = new TimeScale(view, width);
          const columns = emptyColumns(width);
          columns.changes.fill(7);
          clearColumns(columns);
          for (const lane of timeline.lanes.values()) {
            clearColumns(columns);
            gatherLane(columns, scale, lane);
            const mine = scenario.events.filter(({ node }) => node === lane.node);
            for (const place of [3, Math.floor(width / 2), width - 3]) {
              const [low, high] = [scale.t(place), scale.t(place + 1)];
              const cellOf = (t: number) =>
                timeline.from +
                Math.floor((t - timeline.from) / timeline.bucketTicks) * timeline.bucketTicks;
              const here = mine.filter(({ t }) => cellOf(t) >= low && cellOf(t) < high);
              const changes = here.filter(({ kind }) => /^(set|delete|add|remove)$/.test(kind));
              expect(columns.changes[place]).toBe(changes.length);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("fill all pixels of a cell that is wider than a pixel, and none beside it", () => {
    const timeline = dense(64);
    const width = 1_280;
    const scale = new TimeScale({ from: timeline.from, to: timeline.to }, width);
    const columns = emptyColumns(width);
    const lane = timeline.lanes.get("store-1");
    if (lane === undefined) throw new Error("store-1 has a lane");
    gatherLane(columns, scale, lane);
    const { starts, ends, changes } = lane.buckets;
    for (const [i, start] of starts.entries()) {
      const middle = Math.floor(scale.x((start + (ends[i] as number)) / 2));
      expect(columns.changes[middle]).toBe(changes[i]);
    }
  });
});

describe("the count of events in view", () => {
  it("is what counting them one by one gives", () => {
    const exact = readTimeline(timelineOf(scenario, SCENARIO_START, end, 1_000));
    fc.assert(
      fc.property(fc.integer({ min: -500, max: SCENARIO_MS }), fc.nat(4_000), (fromMs, spanMs) => {
        const from = (SCENARIO_START + fromMs * 4_096) as Hlc;
        const view = { from, to: (from + spanMs * 4_096) as Hlc };
        const counted = scenario.events.filter(({ t }) => t >= view.from && t <= view.to);
        expect(eventsInView(exact, view)).toBe(counted.length);
      }),
    );
  });
});
