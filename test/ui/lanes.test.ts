import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../agent/kernel/index.ts";
import { withoutHidden } from "../../ui/src/model/hidden-traffic.ts";
import { layOutLanes, PINNED_GROUP } from "../../ui/src/model/lane-layout.ts";
import { ALL_LANES, hiddenNodes } from "../../ui/src/model/lane-verbs.ts";
import { readNodes } from "../../ui/src/model/nodes.ts";
import type { MessageFacts } from "../../ui/src/model/timeline-facts.ts";
import { nodesOf } from "../support/naive-history.ts";
import { makeScenario } from "../support/ui-scenario.ts";

const NODES = ["a", "b", "c", "h", "i"];
const TIME = fc.integer({ min: 1, max: 60 });
const MESSAGES = fc.array(
  fc
    .tuple(fc.constantFrom(...NODES), fc.constantFrom(...NODES), TIME, TIME, fc.nat(8))
    .filter(([from, to]) => from !== to)
    .map(
      ([from, to, one, two, lost]): MessageFacts => ({
        ...{ from, to, sentAt: Math.min(one, two) as Hlc, count: 1 },
        receivedAt: lost === 0 ? null : ((Math.max(one, two) + 1) as Hlc),
      }),
    ),
  { maxLength: 14 },
);

/** The earliest time on each node that `node` at `t` comes before, by following every message. */
function reached(messages: readonly MessageFacts[], node: string, t: number): Map<string, number> {
  const times = new Map([[node, t]]);
  for (let moved = true; moved; ) {
    moved = false;
    for (const { from, to, sentAt, receivedAt } of messages) {
      const since = times.get(from);
      if (to === null || receivedAt === null || since === undefined) continue;
      // What is sent at the moment of a receive was not caused by it.
      const isAfter = from === node ? sentAt >= since : sentAt > since;
      if (isAfter && receivedAt < (times.get(to) ?? Number.POSITIVE_INFINITY)) {
        times.set(to, receivedAt);
        moved = true;
      }
    }
  }
  return times;
}

describe("hidden lanes", () => {
  it("leave every order of visible events as it was: dashed lines stand for what went through", () => {
    const hidden = new Set(["h", "i"]);
    fc.assert(
      fc.property(MESSAGES, fc.constantFrom("a", "b", "c"), TIME, (messages, node, t) => {
        const shown = withoutHidden(messages, hidden);
        for (const { from, to } of shown) {
          expect(hidden.has(from) || hidden.has(to ?? "")).toBe(false);
        }
        const before = reached(messages, node, t);
        const after = reached(shown, node, t);
        for (const one of ["a", "b", "c"]) {
          if (one !== node) expect([one, after.get(one)]).toEqual([one, before.get(one)]);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("keep messages between visible nodes as they are", () => {
    fc.assert(
      fc.property(MESSAGES, (messages) => {
        const shown = withoutHidden(messages, new Set(["h"]));
        const direct = messages.filter(({ from, to }) => from !== "h" && to !== "h");
        expect(shown.filter(({ isJoined }) => isJoined !== true)).toEqual(direct);
      }),
    );
  });
});

describe("the lanes that a person arranged", () => {
  const nodes = readNodes(nodesOf(makeScenario())).nodes;
  const names = (options: Parameters<typeof layOutLanes>[1]) =>
    layOutLanes(nodes, options).rows.map((row) =>
      row.type === "lane" ? row.nodes[0]?.node : row.type === "heading" ? row.service : row.type,
    );

  it("stand pinned above all services, in their order, and the hidden ones in one line", () => {
    expect(names({ pinned: ["store-3", "store-1"], hidden: new Set(["store-2"]) })).toEqual([
      ...[PINNED_GROUP, "store-3", "store-1"],
      ...["gateway", "gateway-1", "hidden"],
    ]);
  });

  it("stand in the order they were given inside their services", () => {
    expect(names({ order: ["store-3", "store-2"] })).toEqual([
      ...["gateway", "gateway-1", "store", "store-3", "store-2", "store-1"],
    ]);
  });

  it("are those whose name or service holds the filter's text", () => {
    const matching = (filter: string) => {
      const hidden = hiddenNodes(nodes, { ...ALL_LANES, filter });
      return nodes.map(({ node }) => node).filter((node) => !hidden.has(node));
    };
    expect(matching("STORE-2")).toEqual(["store-2"]);
    expect(matching("gate")).toEqual(["gateway-1"]);
    expect(matching(" ")).toHaveLength(nodes.length);
    expect(matching("nobody")).toEqual([]);
  });
});
