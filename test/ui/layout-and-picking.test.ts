import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  layOutLanes,
  MAX_LANE_HEIGHT,
  MIN_LANE_HEIGHT,
  TRACK_HEIGHT,
} from "../../ui/src/model/lane-layout.ts";
import { MAX_LINES, messageLines } from "../../ui/src/model/message-lines.ts";
import { readNodes, wasThere } from "../../ui/src/model/nodes.ts";
import { pick, REACH_PX } from "../../ui/src/paint/picking.ts";
import { TimeScale } from "../../ui/src/scale/time-scale.ts";
import { nodesOf, timelineOf } from "../support/naive-history.ts";
import { readTimeline } from "../support/naive-timeline.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const scenario = makeScenario();
const nodes = readNodes(nodesOf(scenario)).nodes;
const end = SCENARIO_START + SCENARIO_MS * 4096;

function viewOf(fromMs: number, toMs: number, width = 1_000) {
  const from = (SCENARIO_START + fromMs * 4096) as typeof SCENARIO_START;
  const to = (SCENARIO_START + toMs * 4096) as typeof SCENARIO_START;
  return new TimeScale({ from, to }, width);
}

describe("the layout of lanes", () => {
  it("groups nodes by service and gives each pixel row to one lane at most", () => {
    const layout = layOutLanes(nodes);
    expect(
      layout.rows.map((row) =>
        row.type === "lane" ? row.nodes[0]?.node : row.type === "heading" ? row.service : row.count,
      ),
    ).toEqual(["gateway", "gateway-1", "store", "store-1", "store-2", "store-3"]);
    for (const [i, row] of layout.rows.entries()) {
      const next = layout.rows[i + 1];
      expect(row.y + row.height).toBe(next?.y ?? layout.height);
    }
    for (const lane of layout.lanes) expect(layout.laneAt(lane.lifelineY)).toBe(lane);
    expect(layout.laneAt(0)).toBeUndefined();
  });

  it("shows a folded service as one lane that still stands for all its nodes", () => {
    const layout = layOutLanes(nodes, { foldedServices: ["store"] });
    expect(layout.lanes).toHaveLength(2);
    expect(layout.laneOf("store-3")).toBe(layout.laneOf("store-1"));
    expect(layout.laneOf("nobody")).toBeUndefined();
  });

  it("shares the room among few lanes and keeps a least height for many", () => {
    fc.assert(
      fc.property(fc.nat(4_000), (room) => {
        const { laneHeight } = layOutLanes(nodes, { room });
        expect(laneHeight).toBeGreaterThanOrEqual(MIN_LANE_HEIGHT);
        expect(laneHeight).toBeLessThanOrEqual(MAX_LANE_HEIGHT);
      }),
    );
  });

  it("folds nodes that are not in the view into one line, with their service; they can be shown", () => {
    const absent = new Set(["gateway-1", "store-2"]);
    const folded = layOutLanes(nodes, { absent });
    expect(folded.lanes.map(({ nodes: [one] }) => one?.node)).toEqual(["store-1", "store-3"]);
    expect(folded.rows.filter(({ type }) => type === "heading")).toHaveLength(1);
    expect(folded.rows.at(-1)).toMatchObject({ type: "absent", count: 2, isShown: false });
    expect(folded.laneAt(folded.height - 1)).toBeUndefined();
    const shown = layOutLanes(nodes, { absent, showAbsent: true });
    expect(shown.lanes).toHaveLength(4);
    expect(shown.rows.at(-1)).toMatchObject({ type: "absent", count: 2, isShown: true });
  });

  it("takes a node for absent only where no run of it touches the view", () => {
    const [node] = nodes;
    if (node === undefined) throw new Error("four nodes");
    const t = (ms: number) => (SCENARIO_START + ms * 4096) as typeof SCENARIO_START;
    const epochs = [
      { joined: t(0), end: t(100) },
      { joined: t(200), end: null },
    ];
    const there = (from: number, to: number) =>
      wasThere({ ...node, epochs }, { from: t(from), to: t(to) });
    expect([there(-50, -1), there(-50, 0), there(100, 150), there(101, 199)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([there(101, 200), there(5_000, 6_000)]).toEqual([true, true]);
  });

  it("gives each state track its strip below the requests, inside the lane", () => {
    for (const trackCount of [1, 2, 3]) {
      const layout = layOutLanes(nodes, { trackCount });
      for (const { y, height, requestY, trackY } of layout.lanes) {
        expect(trackY).toBeGreaterThan(requestY + 8);
        expect(y + height - trackY).toBeGreaterThanOrEqual(trackCount * TRACK_HEIGHT);
      }
    }
  });

  it("gives every node a colour by its place among the sorted ids", () => {
    expect(nodes.map(({ node, hue }) => [node, hue])).toEqual([
      ["gateway-1", 0],
      ["store-1", 1],
      ["store-2", 2],
      ["store-3", 3],
    ]);
  });
});

describe("picking", () => {
  const layout = layOutLanes(nodes);

  it("finds exactly what a naive search over all drawn glyphs finds", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: SCENARIO_MS - 500 }),
        fc.integer({ min: 5, max: 2_000 }),
        fc.double({ min: 0, max: 1_000, noNaN: true }),
        fc.nat(3),
        (fromMs, spanMs, x, laneIndex) => {
          const scale = viewOf(fromMs, fromMs + spanMs);
          const timeline = readTimeline(timelineOf(scenario, SCENARIO_START, end, 1_000));
          const lane = layout.lanes[laneIndex];
          if (lane === undefined) throw new Error("four lanes");
          const picked = pick(timeline, layout, scale, x, lane.lifelineY);
          const [node] = lane.nodes;
          const near = scenario.events
            .filter((event) => event.node === node?.node && event.kind !== "request")
            .map((event) => Math.abs(scale.x(event.t) - x))
            .filter((distance) => distance <= REACH_PX);
          if (near.length === 0) expect(picked).toBeUndefined();
          else {
            expect(picked?.type).toBe("event");
            expect(Math.abs((picked?.x ?? 0) - x)).toBeCloseTo(Math.min(...near), 6);
          }
        },
      ),
    );
  });

  it("counts what lies behind a dense column as the events themselves do", () => {
    const json = timelineOf(scenario, SCENARIO_START, end, 500);
    const dense = readTimeline({
      ...json,
      exact: false,
      lanes: json.lanes.map((lane) => ({ ...lane, events: null })),
    });
    const scale = viewOf(0, SCENARIO_MS, 500);
    const lane = layout.laneOf("store-1");
    if (lane === undefined) throw new Error("store-1 has a lane");
    for (let x = 0; x < 500; x += 7) {
      const picked = pick(dense, layout, scale, x, lane.lifelineY);
      if (picked?.type !== "column") continue;
      const counted = scenario.events.filter(
        ({ node, t, kind }) =>
          node === "store-1" && t >= picked.from && t <= picked.to && kind !== "join",
      ).length;
      expect(picked.count).toBe(counted);
    }
  });

  it("says why a stretch is hatched", () => {
    const lagging = makeScenario("lagging");
    const timeline = readTimeline(timelineOf(lagging, SCENARIO_START, end, 1_000));
    const scale = viewOf(0, SCENARIO_MS);
    const lane = layout.laneOf("store-3");
    const picked = pick(timeline, layout, scale, 950, lane?.lifelineY ?? 0);
    expect(picked).toMatchObject({ type: "gap", node: "store-3", reason: "lagging" });
  });
});

describe("message lines", () => {
  it("are bounded, and bundling loses no message", () => {
    const busy = makeScenario("none", 4_000);
    const timeline = readTimeline(timelineOf(busy, SCENARIO_START, end, 1_000));
    const lines = messageLines(timeline, layOutLanes(nodes), viewOf(-100, SCENARIO_MS + 100));
    expect(lines.length).toBeLessThanOrEqual(MAX_LINES);
    expect(lines.reduce((sum, { count }) => sum + count, 0)).toBe(timeline.messages.length);
  });

  it("end open where no receive is known", () => {
    const scale = viewOf(0, SCENARIO_MS);
    const json = timelineOf(scenario, SCENARIO_START, end, 1_000);
    const [first] = json.messages;
    if (first === undefined) throw new Error("the scenario has messages");
    const timeline = readTimeline({ ...json, messages: [{ ...first, receivedAt: null }] });
    expect(messageLines(timeline, layOutLanes(nodes), scale)[0]?.isOpen).toBe(true);
  });
});
