/**
 * The books and the promises under a bad network, seeded: nothing created is unaccounted for, and what a
 * collector can reconstruct is the agent's own past.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Agent } from "../../../agent/agent.ts";
import { resolveConfig, type Settings } from "../../../agent/config.ts";
import { canonicalText, type Hlc } from "../../../agent/kernel/index.ts";
import { ManualClock } from "../../../agent/testing.ts";
import { type Fate, HostileCollector } from "../../support/hostile-collector.ts";
import { seededRandom, VirtualScheduler } from "../../support/virtual-scheduler.ts";

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) void agent.close();
});

function build(seed: number, settings: Settings = {}) {
  const scheduler = new VirtualScheduler(seed);
  const clock = new ManualClock("2026-11-21T16:00:00Z");
  const collector = new HostileCollector(scheduler);
  const around = { env: {}, pid: 1, script: "t", threadId: 0, isFork: false };
  const config = resolveConfig(
    { service: "s", node: "n1", hooks: "none", quiet: true, ...settings },
    around,
  );
  const agent = new Agent(config, { clock, transport: collector, scheduler });
  agents.push(agent);
  /** Virtual timers and the physical clock move together. */
  const advance = async (ms: number): Promise<void> => {
    clock.advanceMs(ms);
    await scheduler.advance(ms);
  };
  return { scheduler, clock, collector, agent, advance };
}

function checkBooks(agent: Agent): void {
  const { recorded, acknowledged, dropped, queued } = agent.stats();
  expect(recorded).toBe(acknowledged + dropped + queued);
}

/** A service at work: what it did, by its own account, with the stamps it was given. */
function work(
  agent: Agent,
  random: () => number,
  count: number,
  history: Map<number, string>,
): void {
  const pick = (n: number) => Math.floor(random() * n);
  for (let i = 0; i < count; i += 1) {
    const log = agent.log(`log${pick(3)}`);
    const key = `k${pick(5)}`;
    let t: Hlc;
    switch (pick(6)) {
      case 0:
        t = log.delete(key);
        break;
      case 1:
        t = log.add(`set${pick(2)}`, pick(4));
        break;
      case 2:
        t = log.set(key, { n: pick(100), text: "x".repeat(pick(300)) });
        break;
      case 3:
        t = log.commit((tx) => {
          tx.set(key, pick(9));
          tx.set("other", pick(9));
        });
        break;
      default:
        t = log.set(key, pick(1_000));
    }
    history.set(t, JSON.stringify(sortedLogs(agent.snapshot().logs)));
  }
}

function sortedLogs(logs: object): unknown {
  return Object.entries(logs)
    .map(([log, state]) => [
      log,
      Object.entries(state as object)
        .map(([key, value]) => [key, canonicalText(value)])
        .sort(),
    ])
    .sort();
}

const badFates: readonly Fate[] = [
  "lost",
  "reply lost",
  "429",
  "failed",
  "refused",
  "too large",
  "acks none",
  "never answers",
];

describe("under a hostile network", () => {
  it("accounts for every event, always, and what is known at each `closed` is the agent's past", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom(0.1, 0.4, 0.8),
        fc.constantFrom(64 * 1024, 8 * 1024 * 1024),
        async (seed, badness, queueBytes) => {
          const { collector, agent, advance } = build(seed, { queueBytes });
          const random = seededRandom(seed);
          const history = new Map<number, string>();
          collector.fate = () =>
            random() < badness ? (badFates[Math.floor(random() * badFates.length)] as Fate) : "ok";
          for (let round = 0; round < 30; round += 1) {
            work(agent, random, Math.floor(random() * 40), history);
            if (random() < 0.1) {
              collector.commands.push({ command: "keyframe", node: "n1", logs: null });
            }
            await advance(Math.floor(random() * 400));
            checkBooks(agent);
            expect(agent.stats().queueBytes).toBeLessThanOrEqual(queueBytes + 1024 * 1024);
          }
          // Faults stop: all must drain in bounded time, a Retry-After and a dead request included.
          collector.fate = () => "ok";
          await advance(120_000);
          checkBooks(agent);
          expect(agent.stats().queued).toBe(0);
          expect(agent.health).toBe("ok");
          expect(collector.maxOutstanding).toBe(1);
          expect(collector.changedBytesCount).toBe(0);

          const replay = collector.epoch("n1", agent.epoch);
          const { recorded, acknowledged, dropped } = agent.stats();
          expect(replay.contiguousSeq).toBe(recorded);
          expect(replay.events.size).toBeGreaterThanOrEqual(acknowledged);
          const lostCount = Array.from({ length: recorded }, (_, i) => i + 1).filter((seq) =>
            replay.isLost(seq),
          ).length;
          expect(lostCount).toBeLessThanOrEqual(dropped);
          comparePromises(replay, history);
          // After a drop came keyframes, so in the end everything is known again.
          const final = replay.stateAt(recorded);
          for (const [log, key] of final.keys) expect(final.isKnown(log, key)).toBe(true);
          expect(sortedLogs(final.logs)).toEqual(sortedLogs(agent.snapshot().logs));
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  /** At each promise that holds without a gap, the variables known there have the agent's own values. */
  function comparePromises(
    replay: ReturnType<HostileCollector["epoch"]>,
    history: ReadonlyMap<number, string>,
  ): void {
    const stamps = [...history.keys()].sort((a, b) => a - b);
    for (const { lastSeq, closed } of replay.promises) {
      const broken = [...replay.events.values()].filter((event) =>
        event.seq > lastSeq ? event.t <= closed : event.t > closed,
      );
      expect(broken).toEqual([]);
      const state = replay.stateAt(lastSeq);
      const last = stamps.filter((t) => t <= closed).at(-1);
      if (last === undefined) continue;
      const own = new Map(JSON.parse(history.get(last) ?? "[]") as [string, [string, string][]][]);
      for (const [log, variables] of own) {
        for (const [key, text] of variables) {
          if (!state.isKnown(log, key)) continue;
          const value = state.value(log, key);
          expect(value === undefined ? undefined : canonicalText(value)).toBe(text);
        }
      }
    }
  }
});

describe("the shipper", () => {
  it("declares what it dropped of an epoch that it left, however often the declaration is dropped too", async () => {
    const { collector, agent, advance } = build(5, { queueBytes: 64 * 1024 });
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
    const { collector, agent, advance } = build(1, { queueBytes: 64 * 1024 });
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
    const { collector, agent, advance } = build(2);
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
    const { collector, agent, advance } = build(3);
    collector.fate = () => "unauthorized";
    await advance(10 * 60_000);
    expect(collector.sentAtMs.length).toBeGreaterThanOrEqual(9);
    expect(collector.sentAtMs.length).toBeLessThanOrEqual(12);
    expect(agent.health).toBe("degraded");
    expect(agent.healthReason).toContain("token");
  });

  it("parts a batch that is too large, and gives up one that cannot be parted", async () => {
    const { collector, agent, advance } = build(4);
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
    const { collector, agent, advance } = build(5);
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

  it("opens an epoch above what the collector knows, in answer to the join and on command", async () => {
    const { collector, agent, advance, clock } = build(6);
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
    const { collector, agent, advance } = build(7);
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
    const { collector, agent, advance } = build(8);
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

  it("counts what is left when it is closed, and says goodbye first", async () => {
    const { collector, agent, advance } = build(9);
    agent.log("l").set("k", 1);
    const closing = agent.close();
    await advance(600);
    await closing;
    await agent.close();
    const replay = collector.epoch("n1", agent.epoch);
    expect([...replay.events.values()].at(-1)?.kind).toBe("leave");
    expect(agent.health).toBe("off");
    checkBooks(agent);

    const dead = build(10);
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

  it("asks again for a word about epochs that came too soon after another", async () => {
    const { collector, agent, advance } = build(14);
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

  it("looks every two seconds in an outage's first minute, then every five, then every thirty", async () => {
    const { collector, agent, advance } = build(15);
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
    const { collector, agent, advance } = build(16, { quiet: false });
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

  it("goes on in a further epoch where something is recorded after a goodbye", async () => {
    const { collector, agent, advance } = build(17);
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

  it("flush is over at once when its own cutting turns the agent off", async () => {
    const { agent, clock } = build(18);
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
    const { collector, agent, advance } = build(11);
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

describe("a transport that breaks its promises", () => {
  const breaking: ReadonlyArray<readonly [what: string, send: () => unknown]> = [
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
    ["resolves to nothing", () => Promise.resolve(undefined)],
    ["resolves to nonsense", () => Promise.resolve({ kind: "perhaps" })],
    ["returns no promise", () => undefined],
  ];
  it.each(breaking)(
    "turns the agent off after five times, and nothing reaches the host: %s",
    async (_what, send) => {
      const { agent, advance, collector } = build(12);
      collector.send = send as never;
      for (let i = 0; i < 50; i += 1) {
        expect(() => agent.log("l").set("k", i)).not.toThrow();
        await advance(2_000);
      }
      expect(agent.health).toBe("off");
      expect(agent.healthReason).toContain("5 own errors");
      expect(() => agent.log("l").set("k", 1)).not.toThrow();
    },
  );

  const lying: ReadonlyArray<readonly [what: string, reply: unknown]> = [
    ["no acks", { kind: "acked", reply: {} }],
    ["a reply of nothing", { kind: "acked", reply: null }],
    ["acks of nothing", { kind: "acked", reply: { acks: [null, 1, {}], commands: "all" } }],
    [
      "acks of another node",
      {
        kind: "acked",
        reply: { acks: [{ node: "x", epoch: 1, firstSeq: 1, lastSeq: 9 }], commands: [] },
      },
    ],
  ];
  it.each(lying)("is not believed without an ack: %s", async (_what, reply) => {
    const { agent, advance, collector } = build(13);
    collector.send = () => Promise.resolve(reply as never);
    agent.log("l").set("k", 1);
    await advance(5_000);
    expect(agent.stats().acknowledged).toBe(0);
    expect(agent.stats().ownErrors).toBe(0);
    checkBooks(agent);
  });
});
