/**
 * How an agent tells `retroscope doctor` about the process it is in: as JSON lines, appended to a file that
 * the doctor made and named in `RETROSCOPE_DOCTOR`. A file, since it reaches processes behind `npm start`,
 * clusters and worker threads, and leaves the host's standard output and its exit as they are.
 *
 * Without that variable, or without that file, nothing here runs: no timer, no listener.
 */
import { appendFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { threadId } from "node:worker_threads";
import type { Agent } from "./agent.ts";
import { type PackageFound, packagesFound } from "./packages-found.ts";
import { realScheduler } from "./shipping/real-scheduler.ts";
import { AGENT_VERSION } from "./version.ts";

/** Names the file. Set by `retroscope doctor` alone. */
export const REPORT_VARIABLE = "RETROSCOPE_DOCTOR";

const LOOK_INTERVAL_MS = 100;
/** Reports of one agent; a process whose state changes for ever says no more than these. */
const MAX_REPORTS = 500;

/** One line. The last one of a process and thread counts. */
export interface SelfReport {
  readonly pid: number;
  readonly threadId: number;
  /** The script that runs; null: none, such as a REPL. */
  readonly script: string | null;
  readonly nodeVersion: string;
  readonly agentVersion: string;
  /** Why there is no agent; null: there is one. */
  readonly notStarted: string | null;
  readonly agent: AgentReport | null;
}

export interface AgentReport {
  readonly node: string;
  readonly service: string;
  readonly health: string;
  readonly healthReason: string | null;
  readonly hooks: Readonly<
    Record<string, { readonly state: string; readonly reason: string | null }>
  >;
  readonly packages: readonly PackageFound[];
  /** Whether the process takes connections. */
  readonly isListening: boolean;
  readonly sends: number;
  readonly receives: number;
  readonly unstamped: readonly { readonly peer: string; readonly direction: string }[];
  /** Where it ships to; null: nowhere. */
  readonly collector: string | null;
  /** Why what is recorded does not get there; null: it does, or nothing was tried yet. */
  readonly shippingProblem: string | null;
  /** `close` was called: all but `shippingProblem` is told as it was before. */
  readonly isClosed: boolean;
  /** `startAgent` was called in code, with other options than those in force. */
  readonly otherOptions: boolean;
}

/** The file to report to; undefined: nobody asked. Never throws. */
function reportFile(): string | undefined {
  const path = process.env[REPORT_VARIABLE];
  if (path === undefined || path === "") return undefined;
  try {
    return statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined; // left over in an environment
  }
}

/** Says that there is no agent in this process, and why. Never throws. */
export function reportNotStarted(why: string): void {
  const path = reportFile();
  if (path !== undefined) append(path, { ...aboutProcess(), notStarted: why, agent: null });
}

/** What the agent itself does not know. */
export interface StartFacts {
  /** Where it ships to; undefined: nowhere. */
  readonly collector: string | undefined;
  /** Whether `startAgent` was called again, with other options. */
  otherOptions(): boolean;
}

/** Says how `agent` is, now, whenever that has changed, and at the end. Never throws. */
export function reportToDoctor(agent: Agent, facts: StartFacts): void {
  const path = reportFile();
  if (path === undefined) return;
  const packages = rememberedPackages();
  let last = "";
  let count = 0;
  let beforeClose: AgentReport | undefined;
  const report = (): void => {
    try {
      const line: SelfReport = {
        ...aboutProcess(),
        notStarted: null,
        agent:
          beforeClose === undefined
            ? reportOf(agent, facts, packages())
            : { ...beforeClose, ...shippingOf(agent), isClosed: true },
      };
      const text = JSON.stringify(line);
      if (text === last || count >= MAX_REPORTS) return;
      last = text;
      count += 1;
      append(path, line);
    } catch {
      // a doctor that is told nothing says so
    }
  };
  const lookAgain = (): void => {
    report();
    if (!agent.isClosed) realScheduler.after(LOOK_INTERVAL_MS, lookAgain);
  };
  lookAgain();
  // A closed agent has no hooks any more: nobody wants to hear that of one that did its work.
  agent.onClosing(() => {
    try {
      beforeClose = reportOf(agent, facts, packages());
    } catch {
      // as above
    }
  });
  agent.onClosed(report);
  process.once("exit", report);
}

/** Looks at the disk only when something was loaded since. */
function rememberedPackages(): () => readonly PackageFound[] {
  const { cache } = createRequire(process.execPath);
  let count = -1;
  let found: readonly PackageFound[] = [];
  return () => {
    const now = Object.keys(cache).length;
    if (now !== count) found = packagesFound(process.argv[1]);
    count = now;
    return found;
  };
}

function reportOf(agent: Agent, facts: StartFacts, packages: readonly PackageFound[]): AgentReport {
  const { hooks, hookReasons, counts, unstamped } = agent.stats();
  const named = Object.entries(hooks).map(([name, state]) => {
    return [name, { state, reason: hookReasons[name] ?? null }] as const;
  });
  return {
    node: agent.node,
    service: agent.service,
    health: agent.health,
    healthReason: agent.healthReason ?? null,
    hooks: Object.fromEntries(named),
    packages,
    isListening: process
      .getActiveResourcesInfo()
      .some((name) => /^(TCP|Pipe)ServerWrap$/.test(name)),
    sends: counts["send"] ?? 0,
    receives: counts["receive"] ?? 0,
    unstamped: unstamped.slice(0, 10).map(({ peer, direction }) => ({ peer, direction })),
    collector: facts.collector ?? null,
    ...shippingOf(agent),
    isClosed: false,
    otherOptions: facts.otherOptions(),
  };
}

function shippingOf(agent: Agent): Pick<AgentReport, "shippingProblem"> {
  return { shippingProblem: agent.shippingProblem ?? null };
}

function aboutProcess(): Omit<SelfReport, "notStarted" | "agent"> {
  return {
    pid: process.pid,
    threadId,
    script: process.argv[1] ?? null,
    nodeVersion: process.versions.node,
    agentVersion: AGENT_VERSION,
  };
}

function append(path: string, line: SelfReport): void {
  try {
    appendFileSync(path, `${JSON.stringify(line)}\n`);
  } catch {
    // the doctor is gone, and its file with it
  }
}
