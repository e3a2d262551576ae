/** On-demand mode: little travels until somebody asks or calls. */
import { afterEach, describe, expect, it } from "vitest";
import { addMs, parseHlc } from "../../../agent/kernel/index.ts";
import { closeAgents } from "../../support/virtual-agent.ts";
import { expectBooksToClose, onDemand } from "./on-demand-scene.ts";

afterEach(closeAgents);

describe("an on-demand node that nobody asks", () => {
  it("sends its join, a heartbeat a second and its goodbye, and leaves no hole", async () => {
    const { agent, collector, advance } = onDemand();
    const log = agent.log("l");
    for (let i = 0; i < 200; i += 1) {
      log.set("k", i);
      log.set(`k${i % 7}`, "x".repeat(50));
      await advance(50);
      expectBooksToClose(agent);
    }
    const replay = collector.epoch(agent.epoch);
    expect([...replay.events.values()].map(({ kind }) => kind)).toEqual(["join"]);
    expect(collector.requests.length).toBeLessThanOrEqual(13);
    expect(
      replay.lost.every(({ reason, logs }) => reason === "not-captured" && logs?.join() === "l"),
    ).toBe(true);
    expect(collector.streams).toEqual(new Set(["on-demand"]));
    await advance(1_100);
    const { recorded, kept, drops, queued } = agent.stats();
    expect({ drops, queued, kept }).toEqual({ drops: {}, queued: 0, kept: recorded - 1 });
    expect(replay.contiguousSeq).toBe(recorded);
    const closing = agent.close();
    await advance(100);
    await closing;
    expect([...replay.events.values()].map(({ kind }) => kind)).toEqual(["join", "leave"]);
    expect(replay.contiguousSeq).toBe(agent.stats().recorded);
    expectBooksToClose(agent);
  });

  it("lets go of what ages, and counts it", async () => {
    const { agent, advance } = onDemand({ windowMs: 5_000 });
    for (let i = 0; i < 300; i += 1) {
      agent.log("l").set("k", i);
      await advance(50);
    }
    const { drops, windowEvents } = agent.stats();
    expect(drops["aged-out"]).toBeGreaterThan(180);
    expect(windowEvents).toBeLessThan(130);
    expectBooksToClose(agent);
  });
});

describe("a trigger", () => {
  it.each(["all", "on-demand"] as const)(
    "is told at once, beside a heartbeat that is held open, and until it is heard (stream %s)",
    async (stream) => {
      const { agent, collector, scheduler, advance } = onDemand({ stream });
      agent.log("l").set("k", 1);
      await advance(1_300);
      expect(collector.heldCount).toBe(1);
      collector.fate = () => "lost";
      const t = agent.trigger("too slow");
      await advance(100);
      expect(collector.triggers.size).toBe(0);
      collector.fate = () => "ok";
      await advance(25_000);
      expect([...collector.triggers.values()]).toMatchObject([{ reason: "too slow" }]);

      while (collector.heldCount > 0) await advance(25);
      while (collector.heldCount === 0) await advance(25);
      const askedMs = scheduler.nowMs();
      const second = agent.trigger("again");
      await advance(25);
      expect(collector.triggers.size).toBe(2);
      expect(collector.heldCount).toBe(1);
      expect(scheduler.nowMs() - askedMs).toBe(25);
      const told = [...collector.triggers.values()].map((one) => parseHlc(one.t));
      expect(told).toEqual([t, second]);
      const count = collector.requests.length;
      await advance(200);
      expect(collector.requests.length).toBeLessThanOrEqual(count + 1);
      if (stream === "all") {
        const marks = [...collector.epoch(agent.epoch).events.values()].filter(
          (e) => e.kind === "mark",
        );
        expect(marks.map(({ t: at }) => at)).toEqual([t, second]);
      }
      expectBooksToClose(agent);
    },
  );

  it("is taken once a second; the others are marked and counted", async () => {
    const { agent, collector, advance } = onDemand();
    await advance(200);
    for (let i = 0; i < 40; i += 1) {
      agent.trigger(`t${i}`);
      await advance(100);
    }
    expect(collector.triggers.size).toBe(4);
    expect(agent.stats().refusedTriggers).toBe(36);
    expect(agent.stats().counts["mark"]).toBe(40);
  });
});

describe("a node that ships everything", () => {
  it("reports a capture when its end has been shipped", async () => {
    const { agent, clock, collector, advance } = onDemand({ stream: "all" });
    agent.log("l").set("k", 1);
    await advance(500);
    collector.capture("c", addMs(clock.now(), -300), addMs(clock.now(), 1_000));
    await advance(800);
    expect(collector.reports.size).toBe(0);
    agent.log("l").set("k", 2);
    await advance(2_000);
    expect(collector.reports.get("c")?.state).toBe("shipped");
  });
});
