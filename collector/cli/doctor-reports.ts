/**
 * What agents in the watched processes say of themselves: lines of JSON, of which the last one of each
 * process and thread counts. The twin of agent/self-report.ts, which the command line does not load.
 */
import { basename } from "node:path";

export interface HookReport {
  readonly state: string;
  readonly reason: string | null;
}

export interface PackageReport {
  readonly name: string;
  readonly loaded: readonly string[];
  readonly installed: string | null;
  readonly isDependency: boolean;
}

export interface AgentReport {
  readonly node: string;
  readonly service: string;
  readonly health: string;
  readonly healthReason: string | null;
  readonly hooks: Readonly<Record<string, HookReport>>;
  readonly packages: readonly PackageReport[];
  readonly isListening: boolean;
  readonly sends: number;
  readonly receives: number;
  readonly unstamped: readonly { readonly peer: string; readonly direction: string }[];
  readonly collector: string | null;
  readonly shippingProblem: string | null;
  readonly isClosed: boolean;
  readonly otherOptions: boolean;
}

export interface Report {
  readonly pid: number;
  readonly threadId: number;
  readonly script: string | null;
  readonly nodeVersion: string;
  readonly agentVersion: string;
  readonly notStarted: string | null;
  readonly agent: AgentReport | null;
}

/** Processes and threads told; a cluster has many alike. */
const MAX_REPORTERS = 256;
/** Programs that start others: of no interest themselves. */
const STARTERS = new Set(["npm-cli.js", "npx-cli.js", "yarn.js", "pnpm.cjs", "corepack.js"]);

/** The last report of each process and thread, in the order in which they came. */
export function parseReports(text: string): readonly Report[] {
  const latest = new Map<string, Report>();
  for (const line of text.split("\n")) {
    const report = parsed(line);
    if (report === undefined) continue;
    const key = `${report.pid}.${report.threadId}`;
    if (latest.has(key) || latest.size < MAX_REPORTERS) latest.set(key, report);
  }
  return [...latest.values()];
}

/** Those of the application; a package manager that started it is left out. */
export function mainReports(reports: readonly Report[]): readonly Report[] {
  return reports.filter(({ script }) => script === null || !STARTERS.has(basename(script)));
}

/** A line may be cut short: its writer was killed. */
function parsed(line: string): Report | undefined {
  try {
    const report = JSON.parse(line) as Report;
    return typeof report.pid === "number" ? report : undefined;
  } catch {
    return undefined;
  }
}
