/**
 * One run on the ensemble: a collector, an observer per replica, a writer; now and then a follower is
 * stopped for 200 ms. Everything is waited for: that all replicas show all znodes before the load, that
 * they have caught up after it, that all have said goodbye before anything is asked.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createCollector } from "retroscope/collector";
import { freePort, type ProcessGroup, waitFor } from "../processes.ts";
import type { Ensemble, EnsembleServer } from "./ensemble.ts";
import { type JournalLine, readJournals } from "./read-journals.ts";
import { type Question, type Recorded, readRecorded } from "./recorded.ts";
import { ZooKeeper } from "./zookeeper.ts";

export interface RunPlan {
  /** Of the run, and of the znode under which its znodes stand. */
  readonly name: string;
  /** Whether stamps travel in the znodes. */
  readonly isStamped: boolean;
  /** How far each observer's clock is off; the writer's is right. */
  readonly skewsMs: readonly number[];
  readonly question: Question;
  /** Of the load. */
  readonly durationMs: number;
  readonly updatesPerSecond: number;
  /** From 0 to 1, for the times and replicas of pauses. */
  readonly random: () => number;
}

/** A server was stopped for a moment; by the machine's true clock. */
export interface Pause {
  readonly replica: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface RunResult {
  readonly plan: RunPlan;
  readonly journal: readonly JournalLine[];
  readonly recorded: Recorded;
  readonly pauses: readonly Pause[];
}

const PAUSE_MS = 200;
const FIRST_PAUSE_MS = 500;
/** From the end of a pause to the next one, and up to as much again. */
const BETWEEN_PAUSES_MS = 500;
const READY_WAIT_MS = 30_000;
const SETTLE_WAIT_MS = 20_000;
const GOODBYE_WAIT_MS = 40_000;
/** Longer than the largest offset of a clock, so that every goodbye is later than every reading. */
const QUIET_MS = 600;
const WRITER = "writer";

/** Ends what it has started, but for the servers; if it is left by an error the group ends the rest. */
export async function runOnce(
  group: ProcessGroup,
  directory: string,
  ensemble: Ensemble,
  plan: RunPlan,
): Promise<RunResult> {
  const { replicas, znodes } = plan.question;
  const folder = join(directory, plan.name);
  mkdirSync(folder);
  const fileOf = (node: string): string => join(folder, `${node}.journal`);
  const collector = await createCollector({ data: join(folder, "data"), port: 0, quiet: true });
  try {
    await makeZnodes(ensemble, plan);
    const writerPort = await freePort();
    const start = (node: string, file: string, server: EnsembleServer, skewMs: number): void => {
      const own = { node, zookeeper: server.address, journal: fileOf(node), skewMs, writerPort };
      group.start(node, built(file), [], settingsOf(plan, collector.url, own));
    };
    for (const [i, server] of ensemble.servers.entries()) {
      start(replicas[i] as string, "observer.js", server, plan.skewsMs[i] ?? 0);
    }
    await waitFor("every replica shows every znode", READY_WAIT_MS, async () => {
      return replicas.every((one) => newestOf(one, fileOf).size === znodes.length);
    });
    // Its own server is never stopped: the load goes on meanwhile.
    start(WRITER, "writer.js", ensemble.leader, 0);
    await waitFor(
      "the writer writes",
      READY_WAIT_MS,
      async () => newestOf(WRITER, fileOf).size > 0,
    );
    const pauses = await pauseFollowers(group, ensemble, plan);
    await group.stop(WRITER);
    await waitFor("every replica has caught up", SETTLE_WAIT_MS, async () => {
      const written = [...newestOf(WRITER, fileOf)];
      return replicas.every((one) => {
        const newest = newestOf(one, fileOf);
        return written.every(([znode, version]) => newest.get(znode) === version);
      });
    });
    await delay(QUIET_MS);
    await group.stopAll(replicas);
    await waitFor("everybody has said goodbye", GOODBYE_WAIT_MS, async () => {
      const nodes = collector.history.nodes();
      return nodes.length === replicas.length + 1 && nodes.every(({ status }) => status === "left");
    });
    const recorded = await readRecorded(collector, plan.question);
    return { plan, journal: readJournals([...replicas, WRITER], fileOf), recorded, pauses };
  } finally {
    await collector.close();
  }
}

async function makeZnodes(ensemble: Ensemble, plan: RunPlan): Promise<void> {
  const root = `/${plan.name}`;
  const zookeeper = await ZooKeeper.open(ensemble.leader.address);
  try {
    await zookeeper.ensure(root);
    for (const name of plan.question.znodes) await zookeeper.ensure(`${root}/${name}`);
  } finally {
    zookeeper.close();
  }
}

/** Stops a follower now and then until the load's time is over. */
async function pauseFollowers(
  group: ProcessGroup,
  ensemble: Ensemble,
  { durationMs, random, question }: RunPlan,
): Promise<readonly Pause[]> {
  const endMs = trueMs() + durationMs;
  const pauses: Pause[] = [];
  let nextMs = trueMs() + FIRST_PAUSE_MS;
  while (nextMs + PAUSE_MS < endMs) {
    await delay(nextMs - trueMs());
    const at = Math.floor(random() * ensemble.followers.length);
    const server = ensemble.followers[at] as EnsembleServer;
    const fromMs = trueMs();
    await group.pause(server.name, PAUSE_MS);
    const toMs = trueMs();
    const replica = question.replicas[ensemble.servers.indexOf(server)] as string;
    pauses.push({ replica, fromMs, toMs });
    nextMs = toMs + BETWEEN_PAUSES_MS * (1 + random());
  }
  await delay(Math.max(0, endMs - trueMs()));
  return pauses;
}

/** The machine's clock, the same in all processes (start-process.ts). */
function trueMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What a process must know (start-process.ts reads it). */
function settingsOf(
  plan: RunPlan,
  collectorUrl: string,
  own: {
    readonly node: string;
    readonly zookeeper: string;
    readonly journal: string;
    readonly skewMs: number;
    readonly writerPort: number;
  },
): Record<string, string> {
  return {
    RETROSCOPE_COLLECTOR: collectorUrl,
    CASE_NODE: own.node,
    CASE_ZOOKEEPER: own.zookeeper,
    CASE_JOURNAL: own.journal,
    CASE_SKEW_MS: String(own.skewMs),
    CASE_WRITER_PORT: String(own.writerPort),
    CASE_ROOT: `/${plan.name}`,
    CASE_ZNODES: plan.question.znodes.join(","),
    CASE_STAMPED: plan.isStamped ? "yes" : "no",
    CASE_RATE: String(plan.updatesPerSecond),
  };
}

/** The newest version of each znode in a process's journal. */
function newestOf(node: string, fileOf: (node: string) => string): Map<string, number> {
  return new Map(readJournals([node], fileOf).map(({ znode, version }) => [znode, version]));
}

function built(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
