/** Whatever happens: what captures ship is the naive replay at every moment of them. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Agent } from "../../../agent/agent.ts";
import { addMs } from "../../../agent/kernel/index.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { closeAgents } from "../../support/virtual-agent.ts";
import {
  expectBooksToClose,
  expectThePast,
  note,
  onDemand,
  type Past,
  timesOf,
} from "./on-demand-scene.ts";

afterEach(closeAgents);

describe("whatever happens", () => {
  it("what a capture ships is the naive replay at every moment of it, and the books close", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom(65_536, 400_000, 8_000_000),
        fc.constantFrom(2_000, 8_000, 60_000),
        fc.constantFrom(0, 0.15),
        async (seed, windowBytes, windowMs, badness) => {
          const { agent, clock, collector, advance } = onDemand({ windowBytes, windowMs }, seed);
          const random = seededRandom(seed);
          const pick = (n: number) => Math.floor(random() * n);
          collector.fate = () =>
            random() >= badness ? "ok" : random() < 0.5 ? "lost" : "reply lost";
          const past: Past = [];
          let asked = 0;
          for (let round = 0; round < 60; round += 1) {
            work(agent, pick, past);
            if (random() < 0.15) {
              const from = addMs(clock.now(), -pick(9_000));
              const to = addMs(from, pick(9_000));
              asked += 1;
              collector.capture(`c${asked}`, from, to);
            }
            await advance(pick(5) * 100);
            expectBooksToClose(agent);
          }
          collector.fate = () => "ok";
          await advance(40_000);
          expectBooksToClose(agent);
          expect(agent.stats().ownErrors).toBe(0);
          expect(collector.epoch(agent.epoch).contiguousSeq).toBeGreaterThanOrEqual(
            agent.stats().recorded - 100,
          );
          if (badness === 0) expect(collector.reports.size).toBe(asked);
          for (const report of collector.reports.values()) {
            if (report.state === "outside-window") continue;
            if (report.state === "partial" && badness > 0) continue; // it may lack what was given up
            expectThePast(collector, agent.epoch, past, timesOf(report));
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 120_000);

  function work(agent: Agent, pick: (n: number) => number, past: Past): void {
    for (let i = pick(30); i > 0; i -= 1) {
      const log = agent.log(`log${pick(2 + past.length / 100)}`);
      const key = `k${pick(6)}`;
      switch (pick(9)) {
        case 0:
          note(agent, past, log.delete(key));
          break;
        case 1:
          note(agent, past, log.add(`set${pick(2)}`, pick(5)));
          break;
        case 2:
          note(agent, past, log.remove(`set${pick(2)}`, pick(5)));
          break;
        case 3:
          note(agent, past, log.set(`set${pick(2)}`, new Set([pick(9), "x"])));
          break;
        case 4:
          note(agent, past, log.set(key, { n: pick(9), text: "漢".repeat(pick(200)) }));
          break;
        case 5:
          note(agent, past, log.set(key, "y".repeat(pick(8) === 0 ? 20_000 : 900))); // some are cut short
          break;
        case 6:
          note(
            agent,
            past,
            log.commit((tx) => {
              tx.set(key, pick(9));
              tx.delete("other");
              tx.set("third", pick(9));
            }),
          );
          break;
        case 7:
          note(agent, past, agent.mark("noted"));
          break;
        default:
          note(agent, past, log.set(key, pick(1_000)));
      }
    }
  }
});
