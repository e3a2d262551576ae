/** Keyframes have to fit into window and queue on their way; where they do not, asking again must end. */
import { afterEach, describe, expect, it } from "vitest";
import { Agent } from "../../../agent/agent.ts";
import { resolveConfig, type Settings } from "../../../agent/config.ts";
import { Reframing } from "../../../agent/shipping/reframing.ts";
import { ManualClock } from "../../../agent/testing.ts";
import { HostileCollector } from "../../support/hostile-collector.ts";
import type { EpochReplay } from "../../support/replay.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) void agent.close();
});

function build(settings: Settings) {
  const scheduler = new VirtualScheduler(1);
  const clock = new ManualClock("2026-11-21T16:00:00Z");
  const collector = new HostileCollector(scheduler);
  const around = { env: {}, pid: 1, script: "t", threadId: 0, isFork: false };
  const given: Settings = { service: "s", node: "n1", hooks: "none", quiet: true, ...settings };
  const agent = new Agent(resolveConfig(given, around), { clock, transport: collector, scheduler });
  agents.push(agent);
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advanceMs(50);
      await scheduler.advance(50);
    }
  };
  return { agent, collector, advance };
}

/** So many logs of five variables of 6 KB each: 30 KB a keyframe. */
async function fill(agent: Agent, advance: (ms: number) => Promise<void>, logCount = 8) {
  for (let i = 0; i < logCount; i += 1) {
    for (let key = 0; key < 5; key += 1) {
      agent.log(`log${i}`).set(`k${key}`, `${i}${key}`.repeat(3_000));
      await advance(100);
    }
  }
}

function keyframes(replay: EpochReplay): string[] {
  return [...replay.events.values()].flatMap((e) => (e.kind === "keyframe" ? [e.log] : []));
}

function expectAllKnown(agent: Agent, replay: EpochReplay): void {
  const state = replay.stateAt(replay.contiguousSeq);
  for (const [log, key] of state.keys) expect(state.isKnown(log, key)).toBe(true);
  expect(JSON.parse(JSON.stringify(state.logs))).toEqual(
    JSON.parse(JSON.stringify(agent.snapshot().logs)),
  );
}

describe("a state that is larger than", () => {
  it("the window: keyframes of all logs that are asked for are made in turn, and lose nothing", async () => {
    const { agent, collector, advance } = build({ windowBytes: 65_536 });
    await fill(agent, advance);
    const before = agent.stats();
    collector.commands.push({ command: "keyframe", node: "n1", logs: null });
    await advance(20_000);
    const { recorded, drops } = agent.stats();
    expect(drops).toEqual({});
    expect(recorded - before.recorded).toBeLessThanOrEqual(16);
    const replay = collector.epoch("n1", agent.epoch);
    expect(new Set(keyframes(replay)).size).toBe(8);
    expectAllKnown(agent, replay);
    expect(agent.health).toBe("ok");
  });

  it("the queue: one epoch stays open, its join arrives, and all becomes known", async () => {
    const { agent, collector, advance } = build({ queueBytes: 65_536 });
    await fill(agent, advance);
    collector.commands.push({
      ...{ command: "rejoin", node: "n1", aboveEpoch: agent.epoch, aboveT: "0000000000000000" },
      reason: "unknown-epoch",
    });
    await advance(30_000);
    expect(agent.stats().drops["overflow"] ?? 0).toBe(0);
    expect(collector.epochs.size).toBe(2);
    const replay = collector.epoch("n1", agent.epoch);
    expect(replay.events.get(1)?.kind).toBe("join");
    expect(keyframes(replay)).toHaveLength(8);
    expectAllKnown(agent, replay);
  });

  it("any keyframe may be: it is given up, what was lost stays declared, and health says so", async () => {
    const { agent, collector, advance } = build({ windowBytes: 65_536 });
    for (let key = 0; key < 20; key += 1) {
      agent.log("large").set(`k${key}`, "x".repeat(6_000));
      await advance(100);
    }
    agent.log("small").set("n", 1);
    await advance(1_000);
    collector.commands.push({
      ...{ command: "rejoin", node: "n1", aboveEpoch: agent.epoch, aboveT: "0000000000000000" },
      reason: "unknown-epoch",
    });
    await advance(3_000);
    const before = agent.stats();
    await advance(60_000);
    expect(agent.stats().recorded - before.recorded).toBeLessThanOrEqual(2);
    expect(agent.healthReason).toContain('log "large" is too large for a keyframe');
    const replay = collector.epoch("n1", agent.epoch);
    expect(keyframes(replay)).toEqual(["small"]);
    expect(replay.lost.map(({ logs }) => logs)).toEqual([["large"]]);

    for (let key = 1; key < 20; key += 1) agent.log("large").delete(`k${key}`);
    await advance(12_000);
    expect(agent.health).toBe("ok");
    expectAllKnown(agent, replay);
  });
});

describe("keyframes after losses", () => {
  it("come at once after the first, and ever more seldom while the losses go on", () => {
    const reframing = new Reframing();
    const asked: number[] = [];
    for (let ms = 0; ms <= 200_000; ms += 50) {
      reframing.ask(["l"]);
      if (reframing.takeDue(ms) !== undefined) asked.push(ms);
    }
    expect(asked.slice(0, 4)).toEqual([0, 500, 1_500, 3_500]);
    expect(asked.length).toBeLessThan(14);
    const last = asked.at(-1) ?? 0;
    expect(last).toBeGreaterThan(170_000 - 30_000);
    expect(reframing.takeDue(last + 60_000)).toEqual(["l"]);
    reframing.ask(null);
    expect(reframing.takeDue(last + 60_000)).toBeUndefined();
    expect(reframing.takeDue(last + 60_500)).toBeNull(); // calm before: as if it were the first
  });
});
