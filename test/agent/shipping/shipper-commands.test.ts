/** What a collector tells a shipper to do, and further epochs. */
import { afterEach, describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { closeAgents } from "../../support/virtual-agent.ts";
import { checkBooks, shipping } from "./virtual-shipping.ts";

afterEach(closeAgents);

describe("the shipper", () => {
  it("opens an epoch above what the collector knows, in answer to the join and on command", async () => {
    const { collector, agent, advance, clock } = shipping(6);
    const first = agent.epoch;
    const ahead = (clock.now() + 4096 * 1_000) as Hlc;
    collector.known = { epoch: first + 50, t: ahead };
    agent.log("l").set("k", 1);
    await advance(10);
    collector.known = undefined;
    await advance(500);
    expect(agent.epoch).toBeGreaterThan(first + 50);
    const replay = collector.epoch("n1", agent.epoch);
    expect(replay.events.get(1)?.kind).toBe("join");
    expect(replay.events.get(1)?.t).toBeGreaterThan(ahead);
    expect(replay.stateAt(replay.contiguousSeq).logs).toEqual({ l: { k: 1 } });
    expect(collector.epoch("n1", first).contiguousSeq).toBeGreaterThanOrEqual(2);

    await advance(10_000);
    const second = agent.epoch;
    collector.commands.push({
      command: "rejoin",
      node: "n1",
      aboveEpoch: second + 10,
      aboveT: "0000000000000000",
      reason: "unknown-epoch",
    });
    await advance(3_000);
    expect(agent.epoch).toBeGreaterThan(second + 10);
    checkBooks(agent);
  });

  it("takes another id when another process has its own", async () => {
    const { collector, agent, advance } = shipping(7);
    agent.log("l").set("k", 1);
    await advance(500);
    collector.commands.push({ command: "node-in-use", node: "n1" });
    await advance(3_000);
    expect(agent.node).toBe(`n1.${process.pid}`);
    const replay = collector.epoch(agent.node, agent.epoch);
    expect(replay.stateAt(replay.contiguousSeq).logs).toEqual({ l: { k: 1 } });
    expect(agent.stamp({})).toBeGreaterThan(0);
  });

  it("obeys slow and poll, and counts commands it does not know", async () => {
    const { collector, agent, advance } = shipping(8);
    await advance(500);
    collector.commands.push(
      { command: "poll", node: "n1", forMs: 5_000 },
      { command: "window", node: "n1", id: "c", from: "0", to: "1" },
      { command: "explode", node: "n1" } as never,
      { command: "keyframe", node: "another", logs: null },
      null as never,
    );
    await advance(3_000);
    expect(agent.stats().unsupportedCommands).toBe(4);
    collector.commands.push({ command: "slow", node: "n1", intervalMs: 2_000 });
    await advance(2_500);
    const before = collector.holds.filter((hold) => hold === 0).length;
    for (let i = 0; i < 40; i += 1) {
      agent.log("l").set("k", i);
      await advance(100);
    }
    expect(collector.holds.filter((hold) => hold === 0).length - before).toBeLessThanOrEqual(5);
  });

  it("asks again for a word about epochs that came too soon after another", async () => {
    const { collector, agent, advance } = shipping(14);
    await advance(500);
    const first = agent.epoch;
    collector.known = { epoch: first + 100_000, t: 1 as Hlc };
    collector.commands.push({
      command: "rejoin",
      node: "n1",
      aboveEpoch: first,
      aboveT: "0000000000000000",
      reason: "unknown-epoch",
    });
    await advance(2_000);
    // The join of this epoch was answered with a higher one, within 5 s of the epoch's beginning.
    expect(agent.epoch).toBeGreaterThan(first);
    expect(agent.epoch).toBeLessThan(first + 100_000);
    await advance(5_000);
    expect(agent.epoch).toBeGreaterThan(first + 100_000);
    checkBooks(agent);
  });

  it("goes on in a further epoch where something is recorded after a goodbye", async () => {
    const { collector, agent, advance } = shipping(17);
    agent.log("l").set("k", 1);
    const first = agent.epoch;
    const leaving = agent.sayGoodbye();
    await advance(100);
    await leaving;
    const before = collector.sentAtMs.length;
    await advance(5_000);
    await agent.sayGoodbye();
    expect(collector.sentAtMs.length).toBe(before); // no sign of life after a goodbye
    expect(agent.health).toBe("ok");
    agent.log("l").set("other", 2);
    await advance(1_000);
    expect(agent.epoch).toBeGreaterThan(first);
    const [left, on] = [collector.epoch("n1", first), collector.epoch("n1", agent.epoch)];
    expect([...left.events.values()].at(-1)?.kind).toBe("leave");
    expect([...on.events.values()].slice(0, 3).map((event) => event.kind)).toEqual([
      "join",
      "keyframe",
      "set",
    ]);
    expect(on.stateAt(on.contiguousSeq).logs).toEqual({ l: { k: 1, other: 2 } });
    checkBooks(agent);

    const again = agent.sayGoodbye();
    await advance(100);
    await again;
    const ending = agent.close();
    await advance(100);
    await ending;
    expect([...on.events.values()].filter((event) => event.kind === "leave")).toHaveLength(1);
    expect(agent.stats()).toMatchObject({ queued: 0, dropped: 0 });
    checkBooks(agent);
  });
});
