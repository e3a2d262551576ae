/** What the shipper does with what is dropped, refused or too large, and while there is nothing to send. */
import { afterEach, describe, expect, it } from "vitest";
import { closeAgents } from "../../support/virtual-agent.ts";
import { checkBooks, shipping } from "./virtual-shipping.ts";

afterEach(closeAgents);

describe("the shipper", () => {
  it("declares what it dropped of an epoch that it left, however often the declaration is dropped too", async () => {
    const { collector, agent, advance } = shipping(5, { queueBytes: 64 * 1024 });
    await advance(200);
    const left = agent.epoch;
    collector.fate = () => "failed";
    for (let i = 0; i < 20; i += 1) {
      agent.log("l").set("k", `${i}`.repeat(1_000));
      await advance(50);
    }
    void agent.sayGoodbye();
    const endedSeq = agent.stats().recorded;
    await advance(1_000);
    for (let i = 0; i < 400; i += 1) {
      agent.log("l").set("k", `${i}`.repeat(1_000));
      await advance(50);
    }
    expect(agent.epoch).toBeGreaterThan(left);
    collector.fate = () => "ok";
    await advance(60_000);
    const replay = collector.epoch("n1", left);
    expect(replay.isLost(endedSeq)).toBe(true);
    expect(replay.contiguousSeq).toBe(endedSeq);
    checkBooks(agent);
  });

  it("declares what it dropped in the next batch, then frames the logs that lost something", async () => {
    const { collector, agent, advance } = shipping(1, { queueBytes: 64 * 1024 });
    await advance(200);
    collector.fate = () => "failed";
    for (let i = 0; i < 400; i += 1) {
      agent.log("big").set(`k${i % 3}`, "x".repeat(2_000));
      agent.log("small").set("n", i);
      await advance(50);
    }
    const { drops } = agent.stats();
    expect(drops["overflow"]).toBeGreaterThan(100);
    collector.fate = () => "ok";
    await advance(60_000);
    const replay = collector.epoch("n1", agent.epoch);
    expect(replay.lost.length).toBeGreaterThan(0);
    const lostUpTo = Math.max(...replay.lost.map((range) => range.lastSeq));
    const frames = [...replay.events.values()].filter(
      (event) => event.kind === "keyframe" && event.seq > lostUpTo,
    );
    expect(new Set(frames.map((event) => (event.kind === "keyframe" ? event.log : "")))).toEqual(
      new Set(["big", "small"]),
    );
    checkBooks(agent);
  });

  it("sends a heartbeat each second while idle, and no event waits behind one that is held", async () => {
    const { collector, agent, advance } = shipping(2);
    await advance(500);
    const before = collector.sentAtMs.length;
    await advance(10_000);
    const heartbeats = collector.holds.slice(before).filter((hold) => hold > 0).length;
    expect(heartbeats).toBeGreaterThanOrEqual(8);
    expect(heartbeats).toBeLessThanOrEqual(11);
    agent.log("l").set("k", 1);
    await advance(300);
    expect(agent.stats().queued).toBe(0);
    const replay = collector.epoch("n1", agent.epoch);
    const closed = replay.promises.map((promise) => promise.closed);
    expect(closed).toEqual([...closed].sort((a, b) => a - b));
  });

  it("keeps quiet for a token that is refused: once a minute", async () => {
    const { collector, agent, advance } = shipping(3);
    collector.fate = () => "unauthorized";
    await advance(10 * 60_000);
    expect(collector.sentAtMs.length).toBeGreaterThanOrEqual(9);
    expect(collector.sentAtMs.length).toBeLessThanOrEqual(12);
    expect(agent.health).toBe("degraded");
    expect(agent.healthReason).toContain("token");
  });

  it("parts a batch that is too large, and gives up one that cannot be parted", async () => {
    const { collector, agent, advance } = shipping(4);
    await advance(200);
    collector.maxBytes = 6_000;
    for (let i = 0; i < 60; i += 1) agent.log("l").set(`k${i}`, "x".repeat(500));
    agent.log("l").set("whole", "y".repeat(8_000));
    await advance(20_000);
    checkBooks(agent);
    const { drops, queued } = agent.stats();
    expect(queued).toBe(0);
    expect(drops["refused"]).toBeGreaterThan(0);
    const replay = collector.epoch("n1", agent.epoch);
    expect(replay.contiguousSeq).toBe(agent.stats().recorded);
    const values = [...replay.events.values()].filter((event) => event.kind === "set").length;
    expect(values).toBe(60);
  });

  it("finds the one batch that is refused among others", async () => {
    const { collector, agent, advance } = shipping(5);
    await advance(200);
    collector.fate = () => "failed";
    for (let i = 0; i < 5; i += 1) {
      agent.log("l").set("k", i);
      await advance(120);
    }
    let count = 0;
    collector.fate = () => {
      count += 1;
      return count <= 2 ? "refused" : "ok"; // all of them; then the first alone
    };
    await advance(30_000);
    expect(agent.stats().drops).toEqual({ refused: 1 });
    checkBooks(agent);
  });
});
