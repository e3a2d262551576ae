/**
 * The books and the promises under a bad network, seeded: nothing created is unaccounted for, and what a
 * collector can reconstruct is the agent's own past.
 */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Agent } from "../../../agent/agent.ts";
import { canonicalText, type Hlc } from "../../../agent/kernel/index.ts";
import type { Fate, HostileCollector } from "../../support/hostile-collector.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { closeAgents, sortedLogs } from "../../support/virtual-agent.ts";
import { checkBooks, shipping } from "./virtual-shipping.ts";

afterEach(closeAgents);

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
          const { collector, agent, advance } = shipping(seed, { queueBytes });
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
