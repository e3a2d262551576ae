/** What an episode sets off, and how a storm of them is kept from becoming one of captures. */
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import {
  CAPTURES_PER_MINUTE,
  EpisodeActions,
  type EpisodePort,
  MAX_PINS,
} from "../../../collector/bottleneck/episode-actions.ts";
import type { Episode } from "../../../collector/bottleneck/episode-shape.ts";
import { hlcOfUs } from "../../../collector/bottleneck/unix-us.ts";

const START_US: number = Date.UTC(2026, 10, 21, 16) * 1_000;

function anEpisode(atMs: number, overrides: Partial<Episode> = {}): Episode {
  const onsetUs = START_US + atMs * 1_000;
  return {
    id: `ep-${atMs}`,
    status: "closed",
    revision: 1,
    class: "fault",
    onsetUs,
    endUs: onsetUs + 100_000,
    adjustedOnsetUs: onsetUs,
    leadUs: 0,
    durationMs: 100,
    drainMs: 0,
    tier: { service: "stock", node: "stock-1" },
    severity: { requestMs: 500, requests: 5, worstMs: 100 },
    triggers: [],
    causes: [{ cause: "gc", node: "stock-1", ms: 100, share: 1, score: 1, evidence: [] }],
    unexplainedMs: 0,
    candidates: [],
    path: [],
    skew: { boundMs: 6, orderUsed: true, reference: "gateway-1" },
    signals: { unavailable: [] },
    ...overrides,
  };
}

/** A collector that notes what it is asked for, at a time moved by hand. */
function aCollector(earlier: readonly string[] = []): {
  readonly actions: EpisodeActions;
  readonly pins: { name: string; at: Hlc }[];
  readonly released: string[];
  readonly captures: { from: Hlc; to: Hlc }[];
  nowMs: number;
} {
  const noted = {
    ...{ pins: [] as { name: string; at: Hlc }[], released: [] as string[], nowMs: 0 },
    captures: [] as { from: Hlc; to: Hlc }[],
  };
  const port: EpisodePort = {
    pinned: () => [...earlier],
    pin: async (name, at) => {
      noted.pins.push({ name, at });
      return true;
    },
    release: async (name) => {
      noted.released.push(name);
    },
    capture: async (from, to) => {
      noted.captures.push({ from, to });
      return `cap-${noted.captures.length}`;
    },
  };
  const actions = new EpisodeActions(port, () => noted.nowMs);
  return Object.assign(noted, { actions });
}

describe("an episode", () => {
  it("pins the cut at its onset minus the clock bound, once, and asks for windows around it", async () => {
    const collector = aCollector();
    const episode = anEpisode(10_000);
    await collector.actions.told(episode);
    await collector.actions.told({ ...episode, revision: 2 });
    expect(collector.pins).toEqual([
      { name: "episode ep-10000", at: hlcOfUs(episode.onsetUs - 6_000) },
    ]);
    expect(collector.captures).toEqual([
      { from: hlcOfUs(episode.onsetUs - 2e6), to: hlcOfUs(episode.endUs + 1e6) },
    ]);
    expect(collector.actions.of(episode.id)).toMatchObject({
      pin: "pinned",
      complete: true,
      captureId: "cap-1",
    });
  });

  it("that was captured while open is captured again for its end", async () => {
    const collector = aCollector();
    const open = anEpisode(10_000, { status: "open" });
    await collector.actions.told(open);
    collector.nowMs += 400;
    await collector.actions.told({ ...open, status: "closed", endUs: open.endUs + 500_000 });
    expect(collector.captures).toHaveLength(2);
    expect(collector.captures[1]?.to).toBe(hlcOfUs(open.endUs + 1_500_000));
  });

  it("of a tier and cause that was captured a moment ago is left out, and says so", async () => {
    const collector = aCollector();
    await collector.actions.told(anEpisode(10_000));
    collector.nowMs += 4_000;
    await collector.actions.told(anEpisode(14_000));
    expect(collector.captures).toHaveLength(1);
    expect(collector.actions.of("ep-14000")?.left).toBe("limit");
    const elsewhere = { service: "cart", node: "cart-1" };
    await collector.actions.told(anEpisode(15_000, { tier: elsewhere }));
    collector.nowMs += 1_500;
    await collector.actions.told(anEpisode(16_000));
    expect(collector.captures).toHaveLength(3);
  });

  it("that lies in a capture that was asked for already is merged into it", async () => {
    const collector = aCollector();
    await collector.actions.told(anEpisode(10_000, { endUs: START_US + 14e6 }));
    collector.nowMs += 6_000;
    await collector.actions.told(anEpisode(12_000));
    expect(collector.captures).toHaveLength(1);
    expect(collector.actions.of("ep-12000")).toMatchObject({ captureId: "cap-1", left: "merged" });
  });

  it("of a storm is captured 12 times a minute, and no more", async () => {
    const collector = aCollector();
    for (let i = 0; i < 30; i += 1) {
      const tier = { service: "s", node: `n${i}` };
      await collector.actions.told(anEpisode(10_000 + i * 20_000, { tier }));
      collector.nowMs += 1_000;
    }
    expect(collector.captures).toHaveLength(CAPTURES_PER_MINUTE);
    collector.nowMs += 60_000;
    await collector.actions.told(anEpisode(900_000));
    expect(collector.captures).toHaveLength(CAPTURES_PER_MINUTE + 1);
  });

  it("beyond 200 pins lets the oldest go", async () => {
    const collector = aCollector();
    for (let i = 0; i <= MAX_PINS; i += 1) await collector.actions.told(anEpisode(i * 1_000));
    expect(collector.released).toEqual(["episode ep-0"]);
    expect(collector.actions.of("ep-0")?.pin).toBe("released");
    expect(collector.actions.of("ep-1000")?.pin).toBe("pinned");
  });

  it("releases pins of an earlier run of the collector first", async () => {
    const earlier = Array.from({ length: MAX_PINS }, (_, i) => `episode ep-old-${i}`);
    const collector = aCollector(earlier);
    await collector.actions.told(anEpisode(1_000));
    expect(collector.released).toEqual(["episode ep-old-0"]);
  });

  it("of a storm that is told at once is pinned and captured within the limits all the same", async () => {
    const collector = aCollector();
    const storm = Array.from({ length: MAX_PINS + 50 }, (_, i) =>
      anEpisode(i * 20_000, { tier: { service: "s", node: `n${i}` } }),
    );
    await Promise.all(storm.map((episode) => collector.actions.told(episode)));
    expect(collector.pins.length - collector.released.length).toBeLessThanOrEqual(MAX_PINS);
    expect(collector.captures).toHaveLength(CAPTURES_PER_MINUTE);
  });

  it("goes on without its pin where there is no room", async () => {
    const port: EpisodePort = {
      pinned: () => [],
      pin: () => Promise.reject(new Error("no room")),
      release: () => Promise.resolve(),
      capture: () => Promise.resolve(undefined),
    };
    const actions = new EpisodeActions(port, () => 0);
    await actions.told(anEpisode(1_000));
    expect(actions.of("ep-1000")).toMatchObject({
      pin: "refused",
      captureId: null,
      left: "nobody",
    });
  });
});
