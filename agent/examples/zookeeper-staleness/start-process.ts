/**
 * What an observer and the writer do alike: read their settings from the environment, start the agent on a
 * clock that is set wrong by so much, connect to their one server, and say goodbye on SIGTERM.
 *
 * Every process also keeps a journal of its own, by which the answers are judged. A line a change, with
 * three times of it:
 *
 *     {"log":"replica","znode":"z1","version":17,"t":...,"wallMs":...,"trueMs":...}
 *
 * `t` is the stamp that the agent gave it; `wallMs` what the process's own wrong clock showed; `trueMs` the
 * machine's monotonic clock, which all processes on one machine share, and which no distributed system has.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { type Agent, type Hlc, startAgent } from "retroscope";
import { SkewedClock } from "retroscope/testing";
import { ZooKeeper } from "./zookeeper.ts";

/** How long a goodbye may take: longer than by default, as whoever asks for cuts waits for all of them. */
const GOODBYE_MS = 5_000;

export interface CaseProcess {
  readonly agent: Agent;
  readonly zookeeper: ZooKeeper;
  /** The znode under which this run's znodes stand. */
  readonly root: string;
  readonly znodes: readonly string[];
  /** Whether stamps travel in the znodes. */
  readonly isStamped: boolean;
  /** Where the writer answers observers; only with stamps. */
  readonly writerPort: number;
  /** Records that this process has a version of a znode now, and journals it. */
  note(log: LogName, znode: string, version: number): void;
  /** Runs `stop` on SIGTERM, then flushes the agent and exits. */
  onStop(stop: () => Promise<void>): void;
}

/** `replica`: what an observer's replica shows. `written`: what the writer has asked for. */
export type LogName = "replica" | "written";

export async function startProcess(service: string): Promise<CaseProcess> {
  const skewMs = Number(setting("CASE_SKEW_MS"));
  const isStamped = setting("CASE_STAMPED") === "yes";
  const agent = startAgent({
    service,
    node: setting("CASE_NODE"),
    collector: setting("RETROSCOPE_COLLECTOR"),
    clock: new SkewedClock(skewMs),
    hooks: isStamped ? ["http-client", "http-server"] : "none",
  });
  const logs = { replica: agent.log("replica"), written: agent.log("written") };
  const journal = openSync(setting("CASE_JOURNAL"), "a");
  const zookeeper = await ZooKeeper.open(setting("CASE_ZOOKEEPER"));
  return {
    agent,
    zookeeper,
    root: setting("CASE_ROOT"),
    znodes: setting("CASE_ZNODES").split(","),
    isStamped,
    writerPort: Number(setting("CASE_WRITER_PORT")),
    note(log, znode, version) {
      const t: Hlc = logs[log].set(znode, version);
      const wallMs = performance.timeOrigin + performance.now() + skewMs;
      const trueMs = Number(process.hrtime.bigint()) / 1e6;
      writeSync(journal, `${JSON.stringify({ log, znode, version, t, wallMs, trueMs })}\n`);
    },
    onStop(stop) {
      process.once("SIGTERM", async () => {
        await stop();
        zookeeper.close();
        await agent.flush();
        await agent.close({ budgetMs: GOODBYE_MS });
        closeSync(journal);
        process.exit(0);
      });
    },
  };
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set; start this with "npm run case:zookeeper"`);
  }
  return value;
}
