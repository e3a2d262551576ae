/**
 * Runs a command with the agent preloaded, for `doctor`, and watches what the agent in it reports:
 *
 *     mkdtemp  ->  RETROSCOPE_DOCTOR=<file>, NODE_OPTIONS += --import=<register>  ->  spawn, a group of its own
 *     until it listens and has been quiet for a second, ends, or the time is up
 *     read the file  ->  SIGTERM to the group, SIGKILL for who stays  ->  remove it
 *
 * What is reported after our SIGTERM does not count: it tells of agents that close because we said so.
 *
 * An adapter: it owns real timers, the process and the file.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PROBE, REGISTER } from "./doctor-paths.ts";
import { mainReports, parseReports, type Report } from "./doctor-reports.ts";

/** How long is watched unless told. */
export const WATCH_MS = 5_000;
export const MAX_WATCH_MS = 600_000;
/** What listens and reports nothing new for so long is done starting. */
const QUIET_MS = 1_000;
const POLL_MS = 50;
const TERM_MS = 2_000;
/** Of what the command printed, the end is kept. */
const TAIL_CHARACTERS = 4_000;

export interface Watched {
  /** The last report of each process and thread. */
  readonly reports: readonly Report[];
  /** How it ended by itself; undefined: it ran until it was ended. */
  readonly ended: { readonly code: number | null; readonly signal: string | null } | undefined;
  readonly tookMs: number;
  /** The end of what it printed, on either stream. */
  readonly tail: string;
  /** Whether the agent was preloaded; else the command was to start it itself. */
  readonly preload: boolean;
}

export interface WatchOptions {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** undefined: until it listens and is quiet, at most `WATCH_MS` */
  readonly forMs: number | undefined;
  /** Whether the preload is added; else the command starts the agent itself. */
  readonly preload: boolean;
  /** Resolves when the person had enough: the command, in a group of its own, does not hear of it. */
  readonly interrupted: Promise<void>;
}

/** `node` with the small service that tries every hook over loopback. Ships nothing. */
export function probeCommand(): readonly string[] {
  return [process.execPath, fileURLToPath(PROBE)];
}

/** Runs and watches. @throws what `spawn` says of a command that cannot be started */
export async function watchCommand(options: WatchOptions): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), "retroscope-doctor-"));
  try {
    const file = join(folder, "reports.jsonl");
    await writeFile(file, "", { mode: 0o600 });
    return await watchIn(file, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function watchIn(file: string, options: WatchOptions): Promise<Watched> {
  const startedMs = performance.now();
  const [program = "", ...args] = options.command;
  const child = spawn(program, args, {
    env: childEnvironment(options, file),
    detached: true, // a group of its own, so that all of it can be ended
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail = keepTail(child);
  const end = endOf(child);
  await started(child);

  const limitMs = options.forMs ?? WATCH_MS;
  let text = "";
  let changedMs = startedMs;
  let isOver = false;
  let isInterrupted = false;
  void end.then(() => {
    isOver = true;
  });
  void options.interrupted.then(() => {
    isInterrupted = true;
  });
  while (!isOver && !isInterrupted && performance.now() - startedMs < limitMs) {
    await Promise.race([delay(POLL_MS), end]);
    const now = await readFile(file, "utf8");
    if (now !== text) changedMs = performance.now();
    text = now;
    if (options.forMs === undefined && isSettled(text, changedMs)) break;
  }
  const ended = isOver ? await end : undefined;
  const tookMs = performance.now() - startedMs;
  text = await readFile(file, "utf8");
  await endGroup(child, end);
  const { preload } = options;
  return { reports: parseReports(text), ended, tookMs, tail: tail(), preload };
}

function isSettled(text: string, changedMs: number): boolean {
  if (performance.now() - changedMs < QUIET_MS) return false;
  return mainReports(parseReports(text)).some(({ agent }) => agent?.isListening === true);
}

function childEnvironment(options: WatchOptions, file: string): NodeJS.ProcessEnv {
  const { environment, preload } = options;
  const before = environment["NODE_OPTIONS"] ?? "";
  const nodeOptions = preload ? `${before} --import=${REGISTER.href}`.trim() : before;
  return { ...environment, NODE_OPTIONS: nodeOptions, RETROSCOPE_DOCTOR: file };
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

type End = { readonly code: number | null; readonly signal: string | null };

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
}

/** Ends whatever is left of the command's group: told first, killed after 4 s at most. */
async function endGroup(child: ChildProcess, end: Promise<End>): Promise<void> {
  if (!signalGroup(child, "SIGTERM")) return;
  await Promise.race([end, delay(TERM_MS, undefined, { ref: false })]); // the child keeps us, no longer
  await untilGone(child);
  if (signalGroup(child, "SIGKILL")) await untilGone(child);
  child.stdout?.destroy();
  child.stderr?.destroy();
}

async function untilGone(child: ChildProcess): Promise<void> {
  const deadline = performance.now() + TERM_MS;
  while (signalGroup(child, 0) && performance.now() < deadline) await delay(POLL_MS);
}

/** @returns whether there is anybody left in the group */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

function keepTail(child: ChildProcess): () => string {
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-TAIL_CHARACTERS);
    });
  }
  return () => tail;
}
