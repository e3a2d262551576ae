/** Reads what the processes of a run have written down by themselves (start-process.ts says what a line is). */
import { readFileSync } from "node:fs";
import type { Written } from "./judge.ts";
import { TICKS_PER_MS } from "./recorded.ts";
import type { Reading } from "./staleness.ts";

/** By which clock events are put in order: the agent's, the process's own, or the machine's true one. */
export type ClockName = "stamp" | "wall" | "true";

export interface JournalLine {
  readonly node: string;
  readonly log: "replica" | "written";
  readonly znode: string;
  readonly version: number;
  /** The agent's stamp. */
  readonly t: number;
  readonly wallMs: number;
  readonly trueMs: number;
}

/** All lines of the named processes; `fileOf` says where each keeps its own. */
export function readJournals(
  nodes: readonly string[],
  fileOf: (node: string) => string,
): readonly JournalLine[] {
  return nodes.flatMap((node) =>
    readFileSync(fileOf(node), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ node, ...(JSON.parse(line) as Omit<JournalLine, "node">) })),
  );
}

export function readingsBy(clock: ClockName, journal: readonly JournalLine[]): Reading[] {
  return journal
    .filter(({ log }) => log === "replica")
    .map((line) => {
      const { node, znode, version } = line;
      return { atMs: timeBy(clock, line), replica: node, znode, version };
    });
}

export function writtenBy(clock: ClockName, journal: readonly JournalLine[]): Written[] {
  return journal
    .filter(({ log }) => log === "written")
    .map((line) => ({ atMs: timeBy(clock, line), znode: line.znode, version: line.version }));
}

function timeBy(clock: ClockName, { t, wallMs, trueMs }: JournalLine): number {
  if (clock === "stamp") return t / TICKS_PER_MS;
  return clock === "wall" ? wallMs : trueMs;
}

/** How many readings stand in one list and not in the other, compared with their times. */
export function readingsApart(a: readonly Reading[], b: readonly Reading[]): number {
  const textOf = ({ atMs, replica, znode, version }: Reading): string =>
    `${atMs} ${replica} ${znode} ${version}`;
  const inA = new Set(a.map(textOf));
  const inB = new Set(b.map(textOf));
  return (
    [...inA].filter((one) => !inB.has(one)).length + [...inB].filter((one) => !inA.has(one)).length
  );
}
