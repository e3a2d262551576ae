/**
 * `--stalls`: plants a stall of 150 ms into one replica after the other, and asks the collector what it was.
 *
 *     6 s of calm, so that it is known what is usual | store-2 computes | 2.5 s | store-3 is stopped | 2.5 s | ...
 *
 * Where the machine is busy the next one waits for some calm, but not for ever: whoever looks on is to see something.
 * What is planted is known here alone: the agents and the collector are told of no stall. It is asked once while all
 * runs, for whoever looks on, and once more when every node has said goodbye: that answer is the one that is judged
 * (stall-verdict.ts).
 */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type ProcessGroup, waitFor } from "../processes.ts";
import { HostWatch } from "./host-watch.ts";
import { STALL_MS, type StallReport } from "./stall-on-signal.ts";
import { plantedText, toldText } from "./stall-text.ts";
import {
  judgeStall,
  others,
  type PlantedStall,
  STALL_KINDS,
  type StallKind,
  type StallResult,
  type ToldEpisode,
  USUAL_SHARE,
} from "./stall-verdict.ts";

export interface StallOptions {
  readonly url: string;
  readonly group: ProcessGroup;
  readonly nodes: readonly string[];
  /** Where a node says what it did. */
  readonly reportFile: (node: string) => string;
  readonly print: (line: string) => void;
  /** None is begun that would not be over, and told of, by then. Absent: they go on. */
  readonly durationMs?: number | undefined;
  /** Ends it in the middle of what it does: then it rejects. */
  readonly signal: AbortSignal;
}

/** What is usual must be known first: rules that compare need 5 s. */
const CALM_MS = 6_000;
const EACH_MS = 2_500;
/** A stall's agents ship within a second; its second's load a second later. */
const TOLD_WITHIN_MS = 3_000;
/** Shorter runs have no room for one. In whole seconds, as a person would type it. */
export const LEAST_STALLS_MS: number =
  Math.ceil((CALM_MS + STALL_MS + TOLD_WITHIN_MS) / 1_000) * 1_000;
const ASK_EACH_MS = 500;
/** For calm, before each. */
const CALM_WAIT_MS = 15_000;
/** After that nothing more is printed while it runs; the end judges all the same. */
const ASK_WAIT_MS = 10_000;
/** How long a process may take to come to its stall, and to say so. */
const REPORT_WAIT_MS = 5_000;
/** A machine that stands still so shortly before or after has its part in it. */
const AROUND_MS = 150;
/** What is usual is learnt from what was before. */
const BEFORE_MS = 5_000;
/** A node's clock is at most so far off, and what begins in a range is asked for by its own. */
const CLOCKS_MS = 1_000;
/** As of here episodes are of stalls; shorter ones happen on any machine. */
const LEAST_MS = STALL_MS / 3;

/** Plants stalls until the time is over; resolves to all of them. Rejects if nobody answers. */
export async function plantStalls(options: StallOptions): Promise<PlantedStall[]> {
  const { nodes, group, print, signal, durationMs = Number.POSITIVE_INFINITY } = options;
  const endMs = performance.now() + durationMs;
  // The collector may be behind: what it is told counts, not when.
  const watched = [...group.pids()].filter(([name]) => name !== "collector");
  const host = new HostWatch(new Map(watched));
  const planted: PlantedStall[] = [];
  const asking: Promise<void>[] = [];
  try {
    await delay(Math.min(CALM_MS, durationMs), undefined, { signal });
    for (let i = 0; performance.now() + STALL_MS + TOLD_WITHIN_MS <= endMs; i += 1) {
      // The next replica each time, the next kind each time; every pair comes once they have gone round.
      const node = nodes[(i + 1 + Math.floor(i / STALL_KINDS.length)) % nodes.length] as string;
      await waitForCalm(options, host, endMs);
      const begun = performance.now();
      const stall = await strike(options, host, node, STALL_KINDS[i % STALL_KINDS.length] ?? "run");
      planted.push(stall);
      print(plantedText(stall));
      asking.push(tellOf(options, stall, endMs));
      await delay(Math.max(0, EACH_MS - (performance.now() - begun)), undefined, { signal });
    }
    await Promise.all(asking);
    return planted;
  } finally {
    host.close();
    // Whoever still asks is let go by the signal, and has nobody to tell.
    for (const one of asking) one.catch(() => undefined);
  }
}

/** Until stalls are rare enough for one more to stand out; at most so long, and while there is time for it. */
async function waitForCalm(
  { print, signal }: StallOptions,
  host: HostWatch,
  endMs: number,
): Promise<void> {
  const lastMs = Math.min(performance.now() + CALM_WAIT_MS, endMs - STALL_MS - TOLD_WITHIN_MS);
  for (let isSaid = false; performance.now() + ASK_EACH_MS < lastMs; isSaid = true) {
    const nowMs = Date.now();
    const share = host.waitedShare(nowMs - BEFORE_MS, nowMs);
    if (share === null || share <= USUAL_SHARE) return;
    const percent = Math.round(100 * share);
    if (!isSaid) print(`  the machine is busy (no CPU free for ${percent} % of the time): waiting`);
    await delay(ASK_EACH_MS, undefined, { signal });
  }
}

async function strike(
  { group, reportFile, signal }: StallOptions,
  host: HostWatch,
  node: string,
  kind: StallKind,
): Promise<PlantedStall> {
  const askedMs = Date.now();
  const before = reportsIn(reportFile(node)).length;
  let report: StallReport | undefined;
  if (kind === "freeze") {
    const begun = performance.now();
    await group.pause(node, STALL_MS);
    report = { startMs: askedMs, lastedMs: performance.now() - begun, waitedMs: null };
  } else {
    group.signal(node, kind === "run" ? "SIGUSR2" : "SIGHUP");
    const isReported = async () => reportsIn(reportFile(node)).length > before;
    await waitFor(`${node} stands still`, REPORT_WAIT_MS, isReported).catch(() => undefined);
    report = reportsIn(reportFile(node))[before];
  }
  // What the machine does just after belongs to it.
  await delay(AROUND_MS, undefined, { signal });
  const { startMs, lastedMs, waitedMs } = report ?? NEVER(askedMs);
  const lastMs = startMs + (lastedMs ?? REPORT_WAIT_MS);
  const hostLateMs = host.lateMs(startMs - AROUND_MS, lastMs + AROUND_MS);
  const waitedShareBefore = host.waitedShare(startMs - BEFORE_MS, startMs);
  return { node, kind, startMs, lastedMs, waitedMs, hostLateMs, waitedShareBefore };
}

const NEVER = (startMs: number): Pick<PlantedStall, "startMs" | "lastedMs" | "waitedMs"> => {
  return { startMs, lastedMs: null, waitedMs: null };
};

function reportsIn(file: string): StallReport[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return []; // it has had none yet
  }
  // What follows the last line break is still being written.
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as StallReport);
}

/** Prints what is told of it, as soon as anything is. */
async function tellOf(options: StallOptions, stall: PlantedStall, endMs: number): Promise<void> {
  const untilMs = Math.min(endMs, performance.now() + ASK_WAIT_MS);
  while (performance.now() + ASK_EACH_MS < untilMs) {
    await delay(ASK_EACH_MS, undefined, { signal: options.signal });
    // A collector that is being started again has nothing to say yet.
    const episodes = await episodesAround(options.url, stall.startMs, stall.startMs).catch(
      () => [],
    );
    const { told } = judgeStall(stall, episodes, STALL_MS);
    if (told === null) continue;
    options.print(toldText(told));
    return;
  }
}

/** What the collector says of all of them, now that everything is known. */
export async function judgeStalls(
  url: string,
  planted: readonly PlantedStall[],
): Promise<StallResult> {
  const [first] = planted;
  const last = planted.at(-1);
  if (first === undefined || last === undefined) return { judged: [], others: [] };
  const episodes = await episodesAround(url, first.startMs, last.startMs + STALL_MS);
  const judged = planted.map((stall) => judgeStall(stall, episodes, STALL_MS));
  return { judged, others: others(judged, episodes) };
}

async function episodesAround(url: string, fromMs: number, toMs: number): Promise<ToldEpisode[]> {
  const range = `from=${fromMs - CLOCKS_MS}&to=${toMs + CLOCKS_MS}&minMs=${LEAST_MS}`;
  const answer = await fetch(`${url}/api/bottlenecks?${range}`);
  if (!answer.ok) throw new Error(`/api/bottlenecks answered ${answer.status}`);
  const { episodes } = (await answer.json()) as { readonly episodes: ToldEpisode[] };
  return episodes;
}
