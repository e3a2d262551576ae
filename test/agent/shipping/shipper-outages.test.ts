/** Outages, and endings: what is tried, what is said, what a flush waits for. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { closeAgents } from "../../support/virtual-agent.ts";
import { checkBooks, shipping } from "./virtual-shipping.ts";

afterEach(closeAgents);

describe("the shipper", () => {
  it("counts what is left when it is closed, and says goodbye first", async () => {
    const { collector, agent, advance } = shipping(9);
    agent.log("l").set("k", 1);
    const closing = agent.close();
    await advance(600);
    await closing;
    await agent.close();
    const replay = collector.epoch("n1", agent.epoch);
    expect([...replay.events.values()].at(-1)?.kind).toBe("leave");
    expect(agent.health).toBe("off");
    checkBooks(agent);

    const dead = shipping(10);
    dead.collector.fate = () => "lost";
    dead.agent.log("l").set("k", 1);
    const ending = dead.agent.close();
    await dead.advance(600);
    await ending;
    expect(dead.agent.stats().drops).toEqual({ shutdown: 3 });
    expect(dead.collector.isClosed).toBe(true);
    expect(dead.scheduler.timerCount).toBeLessThanOrEqual(1); // the lost request's own deadline
    checkBooks(dead.agent);
  });

  it("looks every two seconds in an outage's first minute, then every five, then every thirty", async () => {
    const { collector, agent, advance } = shipping(15);
    const requestsIn = async (ms: number): Promise<number> => {
      const before = collector.sentAtMs.length;
      for (let done = 0; done < ms; done += 100) await advance(100);
      return collector.sentAtMs.length - before;
    };
    collector.fate = () => "failed";
    expect(await requestsIn(10_000)).toBeGreaterThanOrEqual(8);
    expect(await requestsIn(50_000)).toBeGreaterThanOrEqual(25);
    const inNineMinutes = await requestsIn(540_000);
    expect(inNineMinutes).toBeGreaterThanOrEqual(105);
    expect(inNineMinutes).toBeLessThanOrEqual(220);
    expect(await requestsIn(600_000)).toBeLessThanOrEqual(45);
    collector.fate = () => "ok";
    await advance(31_000);
    expect(agent.health).toBe("ok");
    collector.fate = () => "failed"; // the next outage begins anew
    expect(await requestsIn(12_000)).toBeGreaterThanOrEqual(6);
  });

  it("tells a person once that the collector is away and once that it is back", async () => {
    const lines: string[] = [];
    const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    const { collector, agent, advance } = shipping(16, { quiet: false });
    await advance(400);
    let failures = 0;
    collector.fate = () => {
      failures += 1;
      return failures === 1 ? "failed" : "ok"; // one failure alone is no outage
    };
    agent.log("l").set("k", 1);
    await advance(1_000);
    expect(failures).toBeGreaterThan(1);
    expect(lines).toEqual([]);
    collector.fate = () => "failed";
    for (let i = 0; i < 120; i += 1) await advance(1_000);
    collector.fate = () => "ok";
    await advance(10_000);
    stderr.mockRestore();
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /cannot ship to the collector hostile \(connection reset\); trying on/,
    );
    expect(lines[1]).toMatch(/the collector hostile takes batches again, after 12\d s/);
  });

  it("flush is over at once when its own cutting turns the agent off", async () => {
    const { agent, clock } = shipping(18);
    agent.log("l").set("k", 1);
    vi.spyOn(clock, "now").mockImplementation(() => {
      throw new Error("no time");
    });
    for (let i = 0; i < 4; i += 1) agent.mark("x");
    expect(agent.stats().ownErrors).toBe(4);
    expect(await agent.flush({ timeoutMs: 5_000 })).toBe(false); // virtual time stands still
    expect(agent.health).toBe("off");
    checkBooks(agent);
  });

  it("flush waits for the collector's word, and says when it did not come", async () => {
    const { collector, agent, advance } = shipping(11);
    agent.log("l").set("k", 1);
    const flushed = agent.flush();
    await advance(100);
    expect(await flushed).toBe(true);
    collector.fate = () => "failed";
    agent.log("l").set("k", 2);
    const failing = agent.flush({ timeoutMs: 300 });
    await advance(400);
    expect(await failing).toBe(false);
  });
});
