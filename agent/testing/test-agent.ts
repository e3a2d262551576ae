/** An agent for one test: real in all, but for its clock and its collector. */
import type { Agent } from "../agent.ts";
import { refuse } from "../config-error.ts";
import type { RetroEvent } from "../kernel/index.ts";
import { MemoryTransport } from "../shipping/memory-transport.ts";
import { type AgentOptions, getAgent, startAgent } from "../start.ts";
import { ManualClock } from "./manual-clock.ts";

const HINT =
  "Close it at the end of the test that started it, failed or not: " +
  "t.after(() => test.close()), afterEach, or `await using`.";

/** What `startTestAgent` gives. */
export interface TestAgent extends AsyncDisposable {
  readonly agent: Agent;
  readonly clock: ManualClock;
  readonly transport: MemoryTransport;
  /** Ships what was recorded, and returns all that arrived since the start, in order. */
  events(): Promise<readonly RetroEvent[]>;
  /** Ends the agent, so that the next test can start one. */
  close(): Promise<void>;
}

/**
 * Starts the agent of this process on a clock that the test moves and a collector in memory; quiet, and
 * without hooks unless asked for. Code under test finds it by `getAgent()` and `startAgent()`.
 *
 * @throws RetroError `bad-config` if an agent runs already: close that one first
 *
 * @example
 * it("sells apples", async (t) => {
 *   const test = startTestAgent();
 *   t.after(() => test.close()); // node:test; elsewhere afterEach, try/finally, or `await using test`
 *   sellApples(1); // the code under test
 *   assertState(test.agent.snapshot().logs, { stock: { apples: 11 } });
 * });
 */
export function startTestAgent(options: Omit<AgentOptions, "clock" | "transport"> = {}): TestAgent {
  if (getAgent().health !== "off") {
    refuse("startTestAgent", "found an agent that runs in this process already", HINT);
  }
  const clock = new ManualClock("2026-01-01T00:00:00Z");
  const transport = new MemoryTransport();
  const agent = startAgent({
    ...{ service: "test", node: "test", hooks: "none", quiet: true },
    ...options,
    ...{ clock, transport },
  });
  const close = async (): Promise<void> => {
    transport.recover();
    await agent.close();
  };
  return {
    ...{ agent, clock, transport },
    events: async () => {
      await agent.flush();
      return transport.events;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
