/** Captures under way: where the collector goes away, where they cannot be, where the epoch ends. */
import { afterEach, describe, expect, it } from "vitest";
import { type AgentCommand, addMs, type CaptureReport } from "../../../agent/kernel/index.ts";
import { closeAgents } from "../../support/virtual-agent.ts";
import { expectBooksToClose, onDemand } from "./on-demand-scene.ts";

afterEach(closeAgents);

describe("captures under way", () => {
  it("leave room for heartbeats where every flush has events of theirs", async () => {
    const { agent, clock, collector, advance } = onDemand();
    const log = agent.log("l");
    const work = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 25) {
        log.set(`k${passed % 3}`, passed);
        await advance(25);
      }
    };
    await work(2_000);
    // Longer than from one flush to the next: at every flush a batch is on its way.
    collector.latencyMs = 120;
    collector.capture("long", clock.now(), addMs(clock.now(), 20_000));
    await work(2_000);
    const before = collector.requests.length;
    await work(10_000);
    const requests = collector.requests.slice(before);
    expect(requests.filter(({ eventCount }) => eventCount > 0).length).toBeGreaterThan(20);
    // Held for a second each, and the way there and back.
    const held = requests.filter(({ holdMs }) => holdMs > 0);
    expect(held.length).toBeGreaterThanOrEqual(6);
    expect(held.every(({ eventCount }) => eventCount === 0)).toBe(true);
    await work(12_000);
    expect(collector.reports.get("long")?.state).toBe("shipped");
    expectBooksToClose(agent);
  });

  it("are reported without their seqs, where the answer to the report is to begin anew", async () => {
    const { agent, clock, collector, advance } = onDemand();
    for (let i = 0; i < 60; i += 1) {
      agent.log("l").set("k", i);
      await advance(50);
    }
    const left = agent.epoch;
    const heard: CaptureReport[] = [];
    const send = collector.send.bind(collector);
    collector.send = async (batches, options) => {
      const isFirst = heard.length === 0;
      const reply = await send(batches, options);
      const report = collector.reports.get("c");
      if (report === undefined) return reply;
      heard.push(report);
      collector.reports.clear();
      if (!isFirst || reply.kind !== "acked") return reply;
      // A collector that lost what it had: the report was of an epoch that it does not know.
      const rejoin: AgentCommand = {
        ...{ command: "rejoin", node: "n1", reason: "unknown-epoch" },
        ...{ aboveEpoch: left, aboveT: "0000000000000000" },
      };
      return { kind: "acked", reply: { ...reply.reply, commands: [rejoin] } };
    };
    collector.capture("c", addMs(clock.now(), -1_000), clock.now());
    await advance(3_000);
    expect(agent.epoch).toBeGreaterThan(left);
    expect(heard[0]).toMatchObject({ state: "shipped", lastSeq: expect.any(Number) });
    expect(heard.length).toBeGreaterThan(1);
    expect(heard[1]).toMatchObject({ id: "c", state: "partial" });
    expect(heard[1]).not.toHaveProperty("firstSeq");
    expect(heard[1]).not.toHaveProperty("lastSeq");
    // Heard once: it is not told again.
    await advance(3_000);
    expect(heard.length).toBeLessThanOrEqual(3);
    expectBooksToClose(agent);
  });

  it("hold the window for a bounded time where the collector goes away, and are reported when it is back", async () => {
    const { agent, clock, collector, advance } = onDemand({ windowMs: 2_000 });
    const work = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 50) {
        agent.log("l").set("k", "x".repeat(8_000));
        await advance(50);
      }
    };
    await work(3_000);
    collector.capture("c", addMs(clock.now(), -1_000), addMs(clock.now(), 5_000));
    await work(200);
    collector.fate = () => "lost";
    await work(10_000);
    expect(agent.stats().windowEvents).toBeLessThan(250);
    await work(10_000);
    expect(agent.stats().windowEvents).toBeLessThan(60);
    expectBooksToClose(agent);
    collector.fate = () => "ok";
    await work(20_000);
    expect(collector.reports.get("c")?.state).toBe("partial");
    expect(agent.stats().queued).toBe(0);
    expectBooksToClose(agent);
  });

  it("are refused where they make no sense, or are too many", async () => {
    const { agent, clock, collector, advance } = onDemand();
    await advance(1_500);
    const asked = { command: "window", node: "n1", id: "c" } as const;
    const [early, late] = ["01a1fed600000000", "01a1fed700000000"];
    for (const bad of [
      { ...asked, from: late, to: early },
      { ...asked, from: "yesterday", to: late },
      { ...asked, id: "x".repeat(1_000), from: early, to: late },
      { ...asked, node: "n2", from: early, to: late },
    ]) {
      collector.command(bad);
      await advance(300);
    }
    expect(agent.stats().unsupportedCommands).toBe(4);
    for (let i = 0; i < 20; i += 1) {
      collector.capture(`c${i}`, clock.now(), addMs(clock.now(), 600_000));
    }
    await advance(1_500);
    expect(agent.stats().unsupportedCommands).toBe(8);
    await advance(63_000); // an end that lies too far ahead is brought forward
    expect(collector.reports.size).toBe(16);
    expect(new Set([...collector.reports.values()].map(({ state }) => state))).toEqual(
      new Set(["partial"]),
    );
  });

  // Simulator, seed 20265572: the epoch seemed to begin without the log, and cuts were called complete.
  it("of the beginning of an epoch leave a log that is too large for a keyframe unknown", async () => {
    const { agent, clock, collector, advance } = onDemand({ queueBytes: 65_536 });
    agent.log("small").set("k", 1);
    for (let i = 0; i < 20; i += 1) agent.log("large").set(`k${i}`, "x".repeat(4_000));
    agent.log("last").set("k", 1);
    await advance(1_000);
    const left = agent.epoch;
    collector.command({
      ...{ command: "rejoin", node: "n1", aboveEpoch: left, aboveT: "0000000000000000" },
      reason: "unknown-epoch",
    });
    await advance(1_000);
    expect(agent.epoch).toBeGreaterThan(left);
    collector.capture("c", addMs(clock.now(), -500), clock.now());
    await advance(2_000);
    expect(collector.reports.get("c")).toMatchObject({ state: "partial" });
    const state = collector.epoch(agent.epoch).stateAt(agent.stats().recorded - 1);
    expect(state.isKnown("large", "k1")).toBe(false);
    expect(state.isKnown("last", "k")).toBe(true);
    expectBooksToClose(agent);
  });

  it("of a time before the epoch promise nothing of it", async () => {
    const { agent, clock, collector, advance } = onDemand();
    for (let i = 0; i < 100; i += 1) {
      agent.log("l").set("k", i);
      await advance(20);
    }
    const [left, before] = [agent.epoch, clock.now()];
    await advance(100);
    collector.command({
      ...{ command: "rejoin", node: "n1", aboveEpoch: left, aboveT: "0000000000000000" },
      reason: "unknown-epoch",
    });
    await advance(1_500);
    collector.capture("before", addMs(before, -1_000), before);
    await advance(1_500);
    expect(agent.epoch).toBeGreaterThan(left);
    expect(collector.reports.get("before")?.state).toBe("outside-window");
    expect(agent.stats()).toMatchObject({ ownErrors: 0 });
    expectBooksToClose(agent);
  });

  it("end with the epoch, and say so", async () => {
    const { agent, clock, collector, advance } = onDemand();
    for (let i = 0; i < 100; i += 1) {
      agent.log("l").set("k", i);
      await advance(20);
    }
    const left = agent.epoch;
    collector.capture("cut off", addMs(clock.now(), -1_000), addMs(clock.now(), 5_000));
    await advance(500);
    collector.command({
      ...{ command: "rejoin", node: "n1", aboveEpoch: left, aboveT: "0000000000000000" },
      reason: "unknown-epoch",
    });
    await advance(1_500);
    expect(agent.epoch).toBeGreaterThan(left);
    expect(collector.reports.get("cut off")).toMatchObject({ state: "partial" });
    expect(collector.reports.get("cut off")?.firstSeq).toBeUndefined();
    const replay = collector.epoch(left);
    expect(replay.contiguousSeq).toBe(
      Math.max(...replay.lost.map(({ lastSeq }) => lastSeq), ...replay.events.keys()),
    );
    expectBooksToClose(agent);
  });
});
