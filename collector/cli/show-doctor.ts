/** What doctor found, in words and as JSON. */
import { basename } from "node:path";
import { packageVersion } from "../version.ts";
import type { Watched } from "./doctor-child.ts";
import type { CollectorReport } from "./doctor-collector.ts";
import { couldNotFinish } from "./doctor-findings.ts";
import { mainReports, type Report } from "./doctor-reports.ts";
import type { Finding } from "./finding.ts";
import { plain, table } from "./text.ts";

/** Lines shown of what a command printed before it failed. */
const TAIL_LINES = 20;

export interface Examination {
  readonly process: {
    readonly isProbe: boolean;
    readonly command: readonly string[];
    readonly watched: Watched;
    readonly findings: readonly Finding[];
  };
  /** undefined: not asked */
  readonly collector: CollectorReport | undefined;
}

const MARK = { ok: "ok", note: "NOTE", bad: "BAD" } as const;

export function examinationText(examination: Examination, columns: number | undefined): string {
  const { process: examined, collector } = examination;
  const findings = [...examined.findings, ...(collector?.findings ?? [])];
  return [
    headText(examined),
    "\n",
    table(
      findings.map(({ level, subject, what }) => [MARK[level], subject, what]),
      { columns },
    ),
    adviceText(findings),
    couldNotFinish(examined.watched) ? tailText(examined.watched.tail) : "",
    verdict(findings),
  ].join("");
}

export function examinationJson({ process: examined, collector }: Examination): string {
  const { watched, isProbe, command, findings } = examined;
  const answer = {
    version: packageVersion(),
    command: isProbe ? null : command,
    processes: mainReports(watched.reports),
    ended: watched.ended ?? null,
    lastWords: couldNotFinish(watched) ? lastWords(watched.tail) : null,
    findings: [...findings, ...(collector?.findings ?? [])].map((one) => ({
      ...one,
      advice: one.advice ?? null,
    })),
    collector:
      collector === undefined
        ? null
        : {
            url: collector.url,
            answers: collector.offsetMs !== null,
            version: collector.version,
            offsetMs: collector.offsetMs,
            liveNodes: collector.liveNodes,
          },
  };
  return `${JSON.stringify(answer, null, 2)}\n`;
}

function headText({ isProbe, command, watched }: Examination["process"]): string {
  const reports = mainReports(watched.reports);
  const what = isProbe
    ? "A small service of our own, over loopback"
    : `\`${plain(command.join(" "))}\`, ${(watched.tookMs / 1_000).toFixed(1)} s`;
  return [`retroscope ${packageVersion()}. ${what}:\n`, ...reports.map(reportText)].join("");
}

function reportText({ agent, nodeVersion, agentVersion, script, threadId, pid }: Report): string {
  const where = script === null ? "" : ` ${basename(script)}`;
  const thread = threadId === 0 ? "" : `, thread ${threadId}`;
  const head = `  process ${pid}${where}${thread}: Node ${nodeVersion}, agent ${agentVersion}`;
  if (agent === null) return plain(head).concat("\n");
  const packages = agent.packages
    .filter(({ loaded }) => loaded.length > 0)
    .map(({ name, loaded }) => `${name} ${loaded.join(" and ")}`);
  const lines = [
    `${head}, node ${agent.node}`,
    `    ${agent.sends} sends, ${agent.receives} receives; ${agent.isListening ? "listens" : "does not listen"}`,
    ...(packages.length === 0 ? [] : [`    loaded: ${packages.join(", ")}`]),
  ];
  return lines.map((line) => `${plain(line)}\n`).join("");
}

function adviceText(findings: readonly Finding[]): string {
  const told = findings.filter(({ advice }) => advice !== undefined);
  if (told.length === 0) return "";
  const lines = told.map(({ subject, advice }) => `  ${plain(subject)}: ${plain(advice ?? "")}\n`);
  return `\nWhat to do:\n${[...new Set(lines)].join("")}`;
}

function tailText(tail: string): string {
  const lines = lastWords(tail);
  if (lines.length === 0) return "\nIt printed nothing.\n";
  return `\nIts last words:\n${lines.map((line) => `  | ${plain(line)}\n`).join("")}`;
}

function lastWords(tail: string): readonly string[] {
  return tail.trim() === "" ? [] : tail.trimEnd().split("\n").slice(-TAIL_LINES);
}

function verdict(findings: readonly Finding[]): string {
  const bad = findings.filter(({ level }) => level === "bad").length;
  const notes = findings.filter(({ level }) => level === "note").length;
  if (bad > 0) return `\n${bad === 1 ? "One thing does" : `${bad} things do`} not work.\n`;
  return notes > 0 ? "\nIt works; see the notes.\n" : "\nAll is well.\n";
}
