/** Agents in virtual time, each over a transport that the test makes. */
import { Agent } from "../../agent/agent.ts";
import { resolveConfig, type Settings } from "../../agent/config.ts";
import { canonicalText } from "../../agent/kernel/index.ts";
import type { Transport } from "../../agent/shipping/transport.ts";
import { ManualClock } from "../../agent/testing.ts";
import { VirtualScheduler } from "./virtual-scheduler.ts";

export interface VirtualAgent<Collector> {
  readonly agent: Agent;
  readonly clock: ManualClock;
  readonly scheduler: VirtualScheduler;
  readonly collector: Collector;
  /** Virtual timers and the physical clock move together. */
  advance(ms: number): Promise<void>;
}

const agents: Agent[] = [];

/** Node `n1` of service `s`. Timers and clock move by `stepMs` at a time; end it with `closeAgents`. */
export function virtualAgent<Collector extends Transport>(
  collectorOf: (scheduler: VirtualScheduler) => Collector,
  seed: number,
  settings: Settings,
  stepMs: number = Number.POSITIVE_INFINITY,
): VirtualAgent<Collector> {
  const scheduler = new VirtualScheduler(seed);
  const clock = new ManualClock("2026-11-21T16:00:00Z");
  const collector = collectorOf(scheduler);
  const around = { env: {}, pid: 1, script: "t", threadId: 0, isFork: false };
  const config = resolveConfig(
    { service: "s", node: "n1", hooks: "none", quiet: true, ...settings },
    around,
  );
  const agent = new Agent(config, { clock, transport: collector, scheduler });
  agents.push(agent);
  const advance = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advanceMs(Math.min(stepMs, left));
      await scheduler.advance(Math.min(stepMs, left));
    }
  };
  return { agent, clock, scheduler, collector, advance };
}

/** For `afterEach`. */
export function closeAgents(): void {
  for (const agent of agents.splice(0)) void agent.close();
}

/** All logs of a snapshot in one order, whatever order they were written in. */
export function sortedLogs(logs: object): unknown {
  return Object.entries(logs)
    .map(([log, state]) => [
      log,
      Object.entries(state as object)
        .map(([key, value]) => [key, canonicalText(value)])
        .sort(),
    ])
    .sort();
}
