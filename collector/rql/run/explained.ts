/** The answer to EXPLAIN: what a query would read and how it would be evaluated; no rows. */
import { formatIsoMicros } from "../../../agent/kernel/index.ts";
import type { FeedPlan, StateFeed } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { explainText, planOf } from "../explain.ts";
import { Interpretation } from "../interpret/interpret.ts";
import type { PlanLine } from "../interpret/lines.ts";
import { printName } from "../text/print.ts";
import { FoldedStates } from "./fold.ts";

export async function explainedLines(
  query: CheckedQuery,
  feed: StateFeed,
  signal: AbortSignal,
): Promise<string> {
  const plan = await feed.plan(signal);
  const { from, to, nodes, services } = feed;
  const head = { from, to, nodes, services, columns: [], lastChanges: [] };
  const run = new Interpretation(query, new FoldedStates(head), {});
  const lines = [...run.begin(), planLine(query, feed, plan), ...run.leave()];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function planLine(query: CheckedQuery, feed: StateFeed, plan: FeedPlan): PlanLine {
  const { columns, sequential } = planOf(query);
  const { blocksRead: read, blocksSkipped: skipped } = plan;
  return {
    type: "plan",
    query: query.index,
    text: planText(query, feed, plan),
    mode: "interpreter",
    workers: 1,
    blocks: { read, skipped, total: read + skipped },
    columns: columns.map(({ log, key }) =>
      log === undefined ? printName(key) : `${printName(log)}.${printName(key)}`,
    ),
    sequential: sequential ?? null,
  };
}

function planText(query: CheckedQuery, { from, to }: StateFeed, plan: FeedPlan): string {
  const { blocksRead: read, blocksSkipped: skipped, start, startEvents } = plan;
  const started =
    start === undefined ? "from the beginning" : `checkpoint ${formatIsoMicros(start)}`;
  const blocks = [
    `start     ${started}, ${startEvents} events applied`,
    `blocks    ${read} of ${read + skipped} read: ${skipped} without the columns`,
  ];
  const range = { from, to };
  const lines = explainText({ ...query, range }).split("\n");
  const run = lines.findIndex((line) => line.startsWith("conjunct") || line.startsWith("run "));
  return [
    ...lines.slice(0, run),
    ...blocks,
    ...lines
      .slice(run)
      .map((line) => (line.startsWith("conjunct") ? `${line}  interpreter` : line)),
  ].join("\n");
}
