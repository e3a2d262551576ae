/** One agent at a time on a clock moved by hand, for tests of what a service holds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, vi } from "vitest";
import type { Agent } from "../../agent/agent.ts";
import { type AgentOptions, startAgent } from "../../agent/start.ts";
import { ManualClock, MemoryTransport } from "../../agent/testing.ts";

export interface AgentScene {
  /** Starts an agent without hooks, over a transport in memory. */
  start(options?: AgentOptions): {
    readonly agent: Agent;
    readonly clock: ManualClock;
    readonly transport: MemoryTransport;
  };
  /** A directory of its own. */
  aFolder(): string;
}

/** For the top of a file: what is started and made is closed and removed after each test. */
export function agentScene(): AgentScene {
  let running: Agent | undefined;
  const folders: string[] = [];
  afterEach(async () => {
    await running?.close();
    running = undefined;
    vi.restoreAllMocks();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return {
    start(options = {}) {
      const clock = new ManualClock("2026-11-21T16:00:00Z");
      const transport = new MemoryTransport();
      const base = { service: "cart", clock, transport, hooks: "none", quiet: true } as const;
      running = startAgent({ ...base, ...options });
      return { agent: running, clock, transport };
    },
    aFolder() {
      const folder = mkdtempSync(join(tmpdir(), "retroscope-agent-"));
      folders.push(folder);
      return folder;
    },
  };
}
