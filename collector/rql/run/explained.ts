/** The answer to EXPLAIN: what a query would read and how it would be evaluated; no rows. */
import { formatIsoMicros } from "../../../agent/kernel/index.ts";
import type { FeedPlan, StateFeed } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { explainText, planOf } from "../explain.ts";
import { Interpretation } from "../interpret/interpretation.ts";
import type { PlanLine } from "../interpret/lines.ts";
import { printName } from "../text/print.ts";
import { type FastOptions, type FastPlan, fastPlanOf } from "./fast-search.ts";
import { FoldedStates } from "./fold.ts";

export async function explainedLines(
  query: CheckedQuery,
  feed: StateFeed,
  options: FastOptions,
  signal: AbortSignal,
): Promise<string> {
  const plan = await feed.plan(signal);
  const fast = await fastPlanOf(query, feed, options, signal);
  const { from, to, nodes, services } = feed;
  const head = { from, to, nodes, services, columns: [], lastChanges: [] };
  const run = new Interpretation(query, new FoldedStates(head), {});
  const lines = [...run.begin(), planLine(query, feed, plan, fast), ...run.leave()];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function planLine(query: CheckedQuery, feed: StateFeed, plan: FeedPlan, fast: FastPlan): PlanLine {
  const { columns, sequential } = planOf(query);
  const { blocksRead: read, blocksSkipped: skipped } = plan;
  return {
    type: "plan",
    query: query.index,
    text: planText(query, feed, plan, fast),
    mode: fast.mode,
    workers: fast.workers,
    blocks: { read, skipped, total: read + skipped },
    columns: columns.map(({ log, key }) =>
      log === undefined ? printName(key) : `${printName(log)}.${printName(key)}`,
    ),
    sequential: sequential ?? null,
  };
}

function planText(
  query: CheckedQuery,
  { from, to }: StateFeed,
  plan: FeedPlan,
  fast: FastPlan,
): string {
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
  const isFast = fast.whyNot === undefined;
  let conjunct = 0;
  const told = lines.slice(run).map((line) => {
    if (line.startsWith("run ")) return isFast ? `${line}, ${workersText(fast)}` : line;
    if (!line.startsWith("conjunct")) return line;
    const mode = isFast ? modeText(fast, conjunct) : "interpreter";
    conjunct += 1;
    return `${line}  ${mode}`;
  });
  return [...lines.slice(0, run), ...blocks, engineText(fast), ...told].join("\n");
}

function engineText({ whyNot, stretches, share }: FastPlan): string {
  if (whyNot !== undefined) return `engine    not used: ${whyNot}`;
  const many = stretches === 1 ? "1 stretch" : `${stretches} stretches`;
  return `engine    ${many} in columns, ${Math.round(share * 1_000) / 10} % of the range`;
}

function modeText({ conjuncts }: FastPlan, index: number): string {
  const { mode, structures } = conjuncts[index] ?? { mode: "interpreter", structures: "" };
  return structures === "" ? mode : `${mode}: ${structures}`;
}

function workersText({ workers }: FastPlan): string {
  return workers === 1 ? "1 worker" : `${workers} workers`;
}
