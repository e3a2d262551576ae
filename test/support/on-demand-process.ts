/**
 * A service in a process of its own that ships on demand and changes state a thousand times a second. It
 * speaks with the test over IPC: its own snapshots are what captures are judged by.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const SOURCE = `
const { startAgent, formatHlc } = await import(process.env.SDK);
const agent = startAgent({
  service: "counter",
  node: process.env.NODE_ID,
  collector: process.env.COLLECTOR,
  stream: process.env.STREAM,
});
const stock = agent.log("stock");
let count = 0;
// By the clock, not by the timer: timers are late when the machine is busy.
const startMs = Date.now();
setInterval(() => {
  for (const due = Date.now() - startMs; count < due; count += 1) {
    stock.set("v" + (count % 50), count);
    if (count % 10 === 0) agent.log("sparse").set("last", { count });
    if (count % 100 === 0) stock.delete("v7");
  }
}, 5);
process.on("message", ({ at, trigger }) => {
  if (trigger !== undefined) return process.send({ at: formatHlc(agent.trigger(trigger)) });
  try {
    process.send({ logs: agent.snapshot({ at }).logs });
  } catch (error) {
    process.send({ error: String(error) });
  }
});
process.send({ ready: true });
`;

export interface OnDemandProcess {
  readonly node: string;
  /** Its own snapshot at a hex stamp. */
  snapshot(at: string): Promise<Record<string, Record<string, unknown>>>;
  /** Triggers; the stamp of it. */
  trigger(reason: string): Promise<string>;
  close(): Promise<void>;
}

export interface ProcessOptions {
  readonly folder: string;
  /** The bundled SDK. */
  readonly sdk: string;
  readonly collector: string;
  readonly node: string;
  readonly stream?: "all" | "on-demand";
}

export async function startOnDemand(options: ProcessOptions): Promise<OnDemandProcess> {
  const { folder, sdk, collector, node, stream = "on-demand" } = options;
  const app = join(folder, `${node}.mjs`);
  writeFileSync(app, SOURCE);
  const child: ChildProcess = fork(app, {
    env: {
      ...process.env,
      RETROSCOPE_QUIET: "1",
      ...{ SDK: pathToFileURL(sdk).href, COLLECTOR: collector, NODE_ID: node, STREAM: stream },
    },
  });
  const ask = async (message: object): Promise<Record<string, unknown>> => {
    const [answer] = await Promise.all([once(child, "message"), child.send(message)]);
    return answer[0] as Record<string, unknown>;
  };
  await once(child, "message");
  return {
    node,
    async snapshot(at) {
      const answer = await ask({ at });
      if (answer["logs"] === undefined) throw new Error(String(answer["error"]));
      return answer["logs"] as Record<string, Record<string, unknown>>;
    },
    async trigger(reason) {
      return (await ask({ trigger: reason }))["at"] as string;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
