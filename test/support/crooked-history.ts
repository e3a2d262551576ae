/**
 * Small histories whose clocks contradict their messages: any send may be received anywhere, also
 * long before it by the timestamps. And the largest consistent cut inside a moment, found by trying
 * every combination of positions: the oracle of the UI's bent cuts.
 */
import fc from "fast-check";
import type { Hlc } from "../../agent/kernel/index.ts";
import type { Scenario, ScenarioEvent } from "./ui-scenario.ts";

interface Draft {
  readonly ticks: readonly (readonly number[])[];
  readonly pairs: readonly (readonly [number, number, number, number])[];
}

/** Up to `nodeCount` nodes with up to `most` events each, between ticks 10 and 60. */
export function crookedHistories(nodeCount = 4, most = 5): fc.Arbitrary<Scenario> {
  const ticks = fc.array(
    fc.uniqueArray(fc.integer({ min: 10, max: 60 }), { minLength: 1, maxLength: most }),
    { minLength: 2, maxLength: nodeCount },
  );
  const pair = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat());
  const pairs = fc.array(pair, { maxLength: 8 });
  return fc.record({ ticks, pairs }).map(scenarioOf);
}

function scenarioOf({ ticks, pairs }: Draft): Scenario {
  const lanes = ticks.map((times, place) =>
    times
      .toSorted((a, b) => a - b)
      .map(
        (t, i): ScenarioEvent => ({
          ...{ node: `n${place}`, service: "crooked", epoch: 1, seq: i + 2, t: t as Hlc },
          ...{ kind: "set", fields: { log: "l", key: `k${i % 3}`, value: t } },
        }),
      ),
  );
  for (const [a, i, b, j] of pairs) {
    const [from, to] = [lanes[a % lanes.length], lanes[b % lanes.length]];
    if (from === undefined || to === undefined || from === to) continue;
    const send = from[i % from.length];
    const receive = to[j % to.length];
    if (send?.kind !== "set" || receive?.kind !== "set") continue; // each event is used once
    from[i % from.length] = { ...send, kind: "send", fields: { to: receive.node } };
    to[j % to.length] = {
      ...{ ...receive, kind: "receive", fields: { from: send.node } },
      send: { node: send.node, seq: send.seq },
    };
  }
  const joins = lanes.map(
    (_, place): ScenarioEvent => ({
      ...{ node: `n${place}`, service: "crooked", epoch: 1, seq: 1, t: 1 as Hlc },
      ...{ kind: "join", fields: {} },
    }),
  );
  const nodes = lanes.map((_, place) => ({
    ...{ node: `n${place}`, service: "crooked", epoch: 1, closed: 100 as Hlc },
  }));
  const events = [...joins, ...lanes.flat()].sort((a, b) => a.t - b.t);
  return { events, nodes, unchecked: [] };
}

/** How many events each node has inside, by trying everything. */
export function largestCutByTrying(scenario: Scenario, asked: number): ReadonlyMap<string, number> {
  const nodes = scenario.nodes.map(({ node }) => node);
  const inside = nodes.map((node) =>
    scenario.events.filter((event) => event.node === node && event.t <= asked),
  );
  const best = new Map(nodes.map((node) => [node, 0]));
  const counts = nodes.map(() => 0);
  const isConsistent = (): boolean => {
    const held = new Set<string>();
    const needed: string[] = [];
    nodes.forEach((node, place) => {
      for (const event of inside[place]?.slice(0, counts[place]) ?? []) {
        held.add(`${node}/${event.seq}`);
        if (event.send !== undefined) needed.push(`${event.send.node}/${event.send.seq}`);
      }
    });
    return needed.every((send) => held.has(send));
  };
  const tryFrom = (place: number): void => {
    const node = nodes[place];
    if (node === undefined) {
      if (!isConsistent()) return;
      nodes.forEach((one, i) => {
        best.set(one, Math.max(best.get(one) ?? 0, counts[i] ?? 0));
      });
      return;
    }
    for (let count = 0; count <= (inside[place]?.length ?? 0); count += 1) {
      counts[place] = count;
      tryFrom(place + 1);
    }
  };
  tryFrom(0);
  return best;
}
