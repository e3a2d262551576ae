/**
 * What the collector has recorded of a run, asked in three ways: with `history.walk` for every cut itself; with
 * a predicate, for the stretches in which a replica was k or more versions behind; and in RQL. The second
 * and third are the question as a user would ask it, the first gives distribution and identities; all must agree.
 */
import type { Collector, WalkView } from "retroscope/collector";
import { askInRql, type RqlRow, unionOf } from "./asked-in-rql.ts";
import type { Written } from "./judge.ts";
import { type Finding, type Reading, type StalenessAnswer, stalenessOf } from "./staleness.ts";

/** Stamps count 1/4096 ms; as a binary fraction of a millisecond they stay exact. */
export const TICKS_PER_MS = 4096;

type History = Collector["history"];
type Hlc = WalkView["time"];

export interface Recorded {
  readonly readings: readonly Reading[];
  readonly written: readonly Written[];
  readonly staleness: StalenessAnswer;
  /** What is wrong with the answers themselves; empty: nothing. */
  readonly faults: readonly string[];
  readonly rqlRowCount: number;
  /** Observers that say that what they read carried no stamp. */
  readonly unstamped: readonly string[];
}

export interface Question {
  readonly replicas: readonly string[];
  readonly znodes: readonly string[];
  /** How many versions behind is too many. */
  readonly k: number;
}

/** Asks for all that was recorded. */
export async function readRecorded(
  { history, url }: Pick<Collector, "history" | "url">,
  question: Question,
): Promise<Recorded> {
  const extent = history.extent();
  if (extent === undefined) throw new Error("the collector has recorded nothing");
  const readings: Reading[] = [];
  const written: Written[] = [];
  for await (const view of history.walk({ from: extent.first, to: extent.last })) {
    const atMs = view.time / TICKS_PER_MS;
    for (const { node, log, key: znode } of view.changed) {
      const version = znode === "" ? undefined : view.get(node, log, znode);
      if (typeof version !== "number") continue;
      if (log === "replica") readings.push({ atMs, replica: node, znode, version });
      if (log === "written") written.push({ atMs, znode, version });
    }
  }
  const range = { from: extent.first, to: ((readings.at(-1)?.atMs ?? 0) * TICKS_PER_MS) as Hlc };
  const staleness = stalenessOf(readings, question.replicas, question.znodes, question.k);
  const rqlRows = await askInRql(url, range, question.znodes, question.k);
  const { violationCount, unstamped, complete } = await history.causality(range);
  return {
    readings,
    written,
    staleness,
    faults: [
      ...(complete ? [] : ["the collector calls the run incomplete"]),
      ...(violationCount > 0 ? [`${violationCount} receives are not later than their sends`] : []),
      ...(await disagreements(history, range, question, staleness.findings)),
      ...disagreementsInRql(rqlRows, question, staleness.findings),
    ],
    rqlRowCount: rqlRows.length,
    unstamped: [...new Set(unstamped.flatMap(({ to }) => (to === null ? [] : [to])))].sort(),
  };
}

/** What rows of the predicate and findings in the cuts say differently. */
async function disagreements(
  history: History,
  range: { readonly from: Hlc; readonly to: Hlc },
  { replicas, znodes, k }: Question,
  findings: readonly Finding[],
): Promise<string[]> {
  const found: string[] = [];
  for (const replica of replicas) {
    for (const znode of znodes) {
      const rows = history.walk({ ...range, logs: ["replica"] }, (view) => {
        const isEverybodyThere = znodes.every(
          (one) => view.values("replica", one).size === replicas.length,
        );
        if (!isEverybodyThere) return undefined;
        const versions = view.values("replica", znode);
        return (
          Math.max(...([...versions.values()] as number[])) - Number(versions.get(replica)) >= k
        );
      });
      const told: string[] = [];
      for await (const { from, to, complete } of rows) {
        told.push(`${from / TICKS_PER_MS}..${to / TICKS_PER_MS}`);
        if (!complete) found.push(`a row about ${replica} and ${znode} is not complete`);
      }
      const seen = findings
        .filter((one) => one.replica === replica && one.znode === znode)
        .map(({ fromMs, toMs }) => `${fromMs}..${toMs}`);
      if (told.join() !== seen.join()) {
        found.push(
          `${replica}, ${znode}: ${told.length} rows by predicate, ${seen.length} in the cuts`,
        );
      }
    }
  }
  return found;
}

/** What rows in RQL and findings in the cuts say differently. */
function disagreementsInRql(
  rows: readonly RqlRow[],
  { znodes }: Question,
  findings: readonly Finding[],
): string[] {
  const textOf = ({ from, to }: { readonly from: Hlc; readonly to: Hlc }): string =>
    `${from}..${to}`;
  return znodes.flatMap((znode) => {
    const told = rows.filter((row) => row.znode === znode);
    const seen = unionOf(
      findings.filter((one) => one.znode === znode),
      TICKS_PER_MS,
    );
    return [
      ...(told.map(textOf).join() === seen.map(textOf).join()
        ? []
        : [`${znode}: ${told.length} rows in RQL, ${seen.length} stretches in the cuts`]),
      ...(told.every(({ complete }) => complete)
        ? []
        : [`a row in RQL about ${znode} is not complete`]),
    ];
  });
}
