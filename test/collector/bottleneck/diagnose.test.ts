/** Detection and attribution on a queue model: what is flagged, whom it is charged to, and why. */
import { describe, expect, it } from "vitest";
import { diagnose } from "../../../collector/bottleneck/diagnose.ts";
import type { Episode } from "../../../collector/bottleneck/episode-shape.ts";
import {
  CHAIN,
  type ChainNode,
  type SimulatedFault,
  type SimulationOptions,
  START_US,
  simulate,
} from "../../support/queue-simulator.ts";

const SECONDS = 13;
const FAULT_AT_US: number = START_US + 9_345_000;

function episodesOf(options: Partial<SimulationOptions>): readonly Episode[] {
  const recordings = simulate({ seed: 7, seconds: SECONDS, perSecond: 300, ...options });
  const range = { fromUs: START_US, untilUs: START_US + SECONDS * 1e6 };
  return diagnose(recordings, range).episodes;
}

function fault(kind: SimulatedFault["kind"], node: ChainNode, ms: number): SimulatedFault {
  return { kind, node, startUs: FAULT_AT_US, endUs: FAULT_AT_US + ms * 1_000 };
}

const STALLS: ReadonlyArray<readonly [SimulatedFault["kind"], cause: string]> = [
  ["run", "run"],
  ["gc", "gc"],
  ["freeze", "freeze"],
];

describe("diagnose", () => {
  it("finds nothing where nothing happened", () => {
    for (const seed of [1, 2]) expect(episodesOf({ seed })).toEqual([]);
  });

  for (const [kind, cause] of STALLS) {
    for (const node of CHAIN) {
      for (const ms of [50, 200]) {
        it(`charges a ${kind} stall of ${ms} ms in ${node} to it, and to ${cause}`, () => {
          const episodes = episodesOf({ faults: [fault(kind, node, ms)] });
          expect(episodes.map(({ tier }) => tier)).toEqual([{ service: node, node: `${node}-1` }]);
          const [episode] = episodes;
          expect(episode?.class).toBe("fault");
          expect(episode?.status).toBe("closed");
          expect(episode?.causes[0]?.cause).toBe(cause);
          expect(Math.abs((episode?.onsetUs ?? 0) - FAULT_AT_US)).toBeLessThan(20_000);
          expect(episode?.durationMs).toBeGreaterThan(0.8 * ms);
          expect(episode?.durationMs).toBeLessThan(1.2 * ms + 10);
          expect(episode?.unexplainedMs).toBeLessThan(0.2 * ms);
        });
      }
    }
  }

  for (const node of ["service", "store"] as const) {
    it(`charges a sleep in ${node} to it, although callers wait longest`, () => {
      const [episode, ...others] = episodesOf({ faults: [fault("sleep", node, 150)] });
      expect(others).toEqual([]);
      expect(episode?.tier.node).toBe(`${node}-1`);
      expect(episode?.causes[0]?.cause).toBe("downstream");
      expect(Math.abs((episode?.onsetUs ?? 0) - FAULT_AT_US)).toBeLessThan(20_000);
    });

    it(`charges a link to ${node} that holds everything back to the link`, () => {
      const [episode, ...others] = episodesOf({ faults: [fault("network", node, 150)] });
      expect(others).toEqual([]);
      expect(episode?.tier.edge?.to).toBe(`${node}-1`);
      expect(episode?.causes.map(({ cause }) => cause)).toEqual(["network"]);
    });
  }

  it("charges a blocked loop to its process and not to the network, though its own timing is healthy", () => {
    const recordings = simulate({
      ...{ seed: 3, seconds: SECONDS, perSecond: 300, faults: [fault("run", "store", 150)] },
    });
    const store = recordings.find(({ service }) => service === "store");
    const slow = store?.requests.filter(({ startUs, endUs }) => endUs - startUs > 100_000) ?? [];
    // What its own handler timing shows is next to nothing: the requests lay in its socket.
    expect(slow.length).toBeLessThan(5);
    const { episodes } = diagnose(recordings, {
      fromUs: START_US,
      untilUs: START_US + SECONDS * 1e6,
    });
    expect(episodes.map(({ tier }) => tier.node)).toEqual(["store-1"]);
    expect(episodes[0]?.causes.some(({ cause }) => cause === "network")).toBe(false);
  });

  it("takes slow requests that meet by chance for no bottleneck, and still finds a stall among them", () => {
    const slow = { node: "service", share: 0.02, us: 60_000 } as const;
    const seconds = 40;
    const range = { fromUs: START_US, untilUs: START_US + seconds * 1e6 };
    const calm = simulate({ seed: 11, seconds, perSecond: 300, slow });
    expect(diagnose(calm, range).episodes).toEqual([]);
    const faults = [fault("sleep", "service", 100)];
    const struck = diagnose(simulate({ seed: 11, seconds, perSecond: 300, slow, faults }), range);
    expect(struck.episodes.map(({ tier }) => tier.node)).toEqual(["service-1"]);
  });

  it("calls a burst a burst", () => {
    const burst = { startUs: FAULT_AT_US, endUs: FAULT_AT_US + 300_000, factor: 5 };
    const episodes = episodesOf({ bursts: [burst] });
    expect(episodes.length).toBeGreaterThan(0);
    for (const episode of episodes) expect(episode.class).toBe("burst");
  });

  it("tells stalls of two tiers a second apart as two", () => {
    const first = fault("run", "store", 100);
    const second = { ...fault("gc", "gateway", 100), startUs: first.startUs + 1e6 };
    const faults = [first, { ...second, endUs: second.startUs + 100_000 }];
    expect(episodesOf({ faults }).map(({ tier }) => tier.service)).toEqual(["store", "gateway"]);
  });

  it("says the same of skewed clocks, and bounds the skew", () => {
    const faults = [fault("run", "store", 150)];
    const [episode, ...others] = episodesOf({
      faults,
      skewUs: { service: 100_000, store: -100_000 },
    });
    expect(others).toEqual([]);
    expect(episode?.tier.node).toBe("store-1");
    expect(episode?.skew.boundMs).toBeLessThan(2);
    const raw = (episode?.onsetUs ?? 0) - FAULT_AT_US;
    expect(Math.abs(raw + 100_000)).toBeLessThan(20_000);
    expect(Math.abs((episode?.adjustedOnsetUs ?? 0) - FAULT_AT_US)).toBeLessThan(20_000);
  });

  it("names the way from the entry to what is charged", () => {
    const [episode] = episodesOf({ faults: [fault("run", "store", 200)] });
    expect(episode?.path.map(({ from, to }) => [from, to])).toEqual([
      ["gateway", "service"],
      ["service", "store"],
    ]);
  });
});
