/** An agent that ships over a hostile network, in virtual time. */
import { expect } from "vitest";
import type { Agent } from "../../../agent/agent.ts";
import type { Settings } from "../../../agent/config.ts";
import { HostileCollector } from "../../support/hostile-collector.ts";
import { type VirtualAgent, virtualAgent } from "../../support/virtual-agent.ts";

/** `closeAgents` ends it. */
export function shipping(seed: number, settings: Settings = {}): VirtualAgent<HostileCollector> {
  return virtualAgent((scheduler) => new HostileCollector(scheduler), seed, settings);
}

export function checkBooks(agent: Agent): void {
  const { recorded, acknowledged, dropped, queued } = agent.stats();
  expect(recorded).toBe(acknowledged + dropped + queued);
}
