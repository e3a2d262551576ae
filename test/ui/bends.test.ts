import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { ApiReader, Query } from "../../ui/src/api/client.ts";
import { bendPath } from "../../ui/src/model/bend-path.ts";
import { bendsInside, type Edge } from "../../ui/src/model/bends.ts";
import { bentCut, MAX_RECEIVES } from "../../ui/src/model/bent-cut.ts";
import { layOutLanes } from "../../ui/src/model/lane-layout.ts";
import { readNodes } from "../../ui/src/model/nodes.ts";
import { TimeScale } from "../../ui/src/scale/time-scale.ts";
import { crookedHistories, largestCutByTrying } from "../support/crooked-history.ts";
import { cutAt, eventsIn, nodesOf } from "../support/naive-history.ts";
import type { Scenario } from "../support/ui-scenario.ts";

const TIMES = fc.integer({ min: 5, max: 65 });
const signal = new AbortController().signal;

function edgesOf({ events }: Scenario): Edge[] {
  return events.flatMap((receive) => {
    const send = events.find((e) => e.node === receive.send?.node && e.seq === receive.send.seq);
    if (send === undefined) return [];
    const [id, sender, receiver] = [`${send.node}/1/${send.seq}`, send.node, receive.node];
    return [{ id, sender, sentAt: send.t, receiver, receivedAt: receive.t }];
  });
}

/** Answers `/api/cut` and `/api/events` from the scenario; counts the questions. */
function clientOf(scenario: Scenario, asked: string[] = []): ApiReader {
  return {
    get: async <Answer>(path: string, query: Query) => {
      asked.push(path);
      const time = (name: string) => parseHlc(String(query[name])) as number;
      if (path === "/api/cut") {
        return cutAt(scenario, time("at"), { node: String(query["node"]) }) as Answer;
      }
      expect([path, query["kind"]]).toEqual(["/api/events", "receive"]);
      const limit = Number(query["limit"]);
      return eventsIn(scenario, time("from"), time("to"), [], limit, ["receive"]) as Answer;
    },
  } as ApiReader;
}

/** Events of each node up to its own tick. */
function countsOf(scenario: Scenario, lastInside: (node: string) => number) {
  return new Map(
    scenario.nodes.map(({ node }) => [
      node,
      scenario.events.filter((e) => e.node === node && e.t <= lastInside(node)).length,
    ]),
  );
}

describe("the bends of an inconsistent cut", () => {
  it("make the largest consistent cut inside the asked one, as trying every cut finds it", () => {
    fc.assert(
      fc.property(crookedHistories(), TIMES, (scenario, asked) => {
        const bends = bendsInside(asked as Hlc, edgesOf(scenario));
        const found = countsOf(scenario, (node) => bends.get(node)?.at ?? asked);
        expect(found).toEqual(largestCutByTrying(scenario, asked));
      }),
      { numRuns: 600 },
    );
  });

  it("name the message that each bent node goes back for, and none for a consistent cut", () => {
    fc.assert(
      fc.property(crookedHistories(), TIMES, (scenario, asked) => {
        const bends = bendsInside(asked as Hlc, edgesOf(scenario));
        const lastInside = (node: string): number => bends.get(node)?.at ?? asked;
        for (const [node, { at, message }] of bends) {
          expect(message.receiver).toBe(node);
          expect(message.receivedAt).toBe(at + 1);
          expect(message.sentAt).toBeGreaterThan(lastInside(message.sender));
        }
        expect(bends.size === 0).toBe(cutAt(scenario, asked).consistent);
      }),
      { numRuns: 300 },
    );
  });
});

describe("an inconsistent cut, read from the collector", () => {
  it("shows bent nodes as of their own ticks, and what is in flight across the bent line", async () => {
    await fc.assert(
      fc.asyncProperty(crookedHistories(), TIMES, async (scenario, asked) => {
        const json = cutAt(scenario, asked);
        const bent = await bentCut(clientOf(scenario), asked as Hlc, json, signal);
        if (!("bends" in bent)) throw new Error(bent.why);
        const best = largestCutByTrying(scenario, asked);
        const inside = new Set<unknown>();
        for (const [node, count] of best) {
          const mine = scenario.events.filter((e) => e.node === node);
          for (const event of mine.slice(0, count)) inside.add(event);
          const t = mine[count - 1]?.t ?? 0;
          expect(bent.json.nodes[node]?.logs).toEqual(cutAt(scenario, t).nodes[node]?.logs);
        }
        const received = scenario.events.filter((e) => inside.has(e)).flatMap((e) => e.send ?? []);
        const flying = scenario.events
          .filter((e) => e.kind === "send" && inside.has(e))
          .filter((e) => !received.some(({ node, seq }) => node === e.node && seq === e.seq));
        const ids = flying.map(({ node, seq }) => `${node}/1/${seq}`);
        expect(bent.json.inFlight.map(({ id }) => id).sort()).toEqual(ids.sort());
      }),
      { numRuns: 200 },
    );
  });

  it("stays straight, and says why, where more was received than is read for one cut", async () => {
    const asked = 100 as Hlc;
    const scenario: Scenario = { events: [], nodes: [], unchecked: [] };
    const violation = {
      send: { node: "a", epoch: 1, seq: 2, at: { hlc: formatHlc(200 as Hlc), time: "" } },
      receive: { node: "b", epoch: 1, seq: 2, at: { hlc: formatHlc(50 as Hlc), time: "" } },
      channel: { from: "a", to: "b" },
    };
    const json = { ...cutAt(scenario, asked), consistent: false, violations: [violation] };
    const tooMany: ApiReader = {
      get: async <Answer>(_path: string, query: Query) => {
        expect(query["limit"]).toBe(MAX_RECEIVES);
        return { ...eventsIn(scenario, 51, 100, [], 1), next: "more" } as Answer;
      },
    } as ApiReader;
    const bent = await bentCut(tooMany, asked, json, signal);
    expect(bent).toEqual({ asked, why: "more than 10,000 receives" });
    const totals = { incomplete: 0, violations: 2, inFlight: 0 };
    const asks: string[] = [];
    const listed = await bentCut(clientOf(scenario, asks), asked, { ...json, totals }, signal);
    expect(listed).toEqual({ asked, why: "more violations than are listed" });
    expect(asks).toEqual([]);
  });
});

describe("the thick line", () => {
  it("steps aside at the lanes of bent nodes only, and is whole from top to bottom", () => {
    fc.assert(
      fc.property(crookedHistories(), TIMES, (scenario, asked) => {
        const layout = layOutLanes(readNodes(nodesOf(scenario)).nodes);
        const scale = new TimeScale({ from: 0 as Hlc, to: 100 as Hlc }, 800);
        const bends = bendsInside(asked as Hlc, edgesOf(scenario));
        const path = bendPath(layout, scale, asked as Hlc, bends, 50);
        expect(path[0]).toEqual({ x: scale.x(asked), y: 0 });
        expect(path.at(-1)).toEqual({ x: scale.x(asked), y: Math.max(50, layout.height) });
        path.slice(1).forEach((point, i) => {
          const before = path[i] as (typeof path)[number];
          expect(point.x === before.x || point.y === before.y).toBe(true);
          expect(point.y).toBeGreaterThanOrEqual(before.y);
        });
        for (const { nodes, lifelineY } of layout.lanes) {
          const above = path.findLastIndex(({ y }) => y <= lifelineY);
          const at = bends.get(nodes[0]?.node ?? "")?.at ?? asked;
          expect(path[above]?.x).toBe(scale.x(at));
        }
      }),
      { numRuns: 200 },
    );
  });
});
