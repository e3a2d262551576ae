/**
 * What every process of the example does at its start and end: reads its settings from the
 * environment, starts the agent on a skewed clock, opens its journal, and says goodbye on SIGTERM.
 */
import { type Agent, startAgent } from "retroscope";
import { SkewedClock } from "retroscope/testing";
import { Journal } from "./journal.ts";
import { type Peers, readPeers } from "./peers.ts";

/** How long a goodbye may take: longer than by default, as whoever asks for cuts waits for all of them. */
const GOODBYE_MS = 5_000;

export interface ExampleProcess {
  readonly node: string;
  readonly agent: Agent;
  readonly journal: Journal;
  readonly peers: Peers;
  readonly port: number;
  /** Runs `stop` on SIGTERM, then flushes the agent, ends the journal and exits. */
  onStop(stop: () => Promise<void>): void;
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; start this with "npm run demo"`);
  return value;
}

export function startProcess(service: string): ExampleProcess {
  const node = setting("EXAMPLE_NODE");
  const skewMs = Number(process.env["EXAMPLE_SKEW_MS"] ?? 0);
  const journal = new Journal({
    file: setting("EXAMPLE_JOURNAL"),
    node,
    wallMs: () => Date.now() + skewMs,
  });
  const agent = startAgent({
    service,
    node,
    collector: setting("RETROSCOPE_COLLECTOR"),
    clock: new SkewedClock(skewMs),
    requests: process.env["EXAMPLE_STALLS"] !== undefined,
  });
  return {
    node,
    agent,
    journal,
    peers: readPeers(setting("EXAMPLE_PEERS")),
    port: Number(setting("EXAMPLE_PORT")),
    onStop(stop) {
      process.once("SIGTERM", async () => {
        await stop();
        await agent.flush();
        await agent.close({ budgetMs: GOODBYE_MS });
        const { recorded, dropped } = agent.stats();
        journal.end(recorded, dropped, agent.epoch);
        process.exit(0);
      });
    },
  };
}
