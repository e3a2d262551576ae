/**
 * The answer to EXPLAIN: what a query would read and how it would be evaluated; no rows.
 *
 *     columns   setd.vr1 number, 3 nodes
 *     start     checkpoint 15:49:58.204, 61 events applied
 *     blocks    16 of 96 read: 80 without setd.vr1; 4 decided by min/max, applied without evaluating
 *     engine    1 stretch in columns, 100 % of the range
 *     conjunct  Max(vr1) - Min(vr1) > 3  incremental: 2 tournament trees
 *     run       parallel, 2 workers, about 8 slices
 */
import { formatIsoMicros } from "../../../agent/kernel/index.ts";
import type { FeedChange, FeedPlan, StateFeed } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { decidedBlocks } from "../engine/decided-blocks.ts";
import { sliceCountOf } from "../engine/plain-search.ts";
import { columnText, explainText, planOf } from "../explain.ts";
import { Interpretation } from "../interpret/interpretation.ts";
import type { PlanLine } from "../interpret/lines.ts";
import { type FastOptions, type FastPlan, fastPlanOf } from "./fast-search.ts";
import { FoldedStates } from "./fold.ts";

/** Names of columns that a line has room for. */
const NAMED = 2;

/** Cost: the state at the beginning, headers and lists of keys of what is stored; no event is decoded. */
export async function explainedLines(
  query: CheckedQuery,
  feed: StateFeed,
  options: FastOptions,
  signal: AbortSignal,
): Promise<string> {
  const fast = await fastPlanOf(query, feed, options, signal);
  const plan = await feed.plan(fast.stretches, signal);
  const decided = await decidedIn(query, feed, plan, fast, signal);
  const { from, to, nodes, services } = feed;
  const head = { from, to, nodes, services, columns: [], lastChanges: [] };
  const run = new Interpretation(query, new FoldedStates(head), {});
  const told = { plan, fast, decided, firstEvents: options.sliceEvents };
  const lines = [...run.begin(), planLine(query, feed, told), ...run.leave()];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

interface Told {
  readonly plan: FeedPlan;
  readonly fast: FastPlan;
  /** Blocks read of which bounds decide; undefined: not worked out. */
  readonly decided: number | undefined;
  readonly firstEvents: number;
}

async function decidedIn(
  query: CheckedQuery,
  feed: StateFeed,
  { blocks }: FeedPlan,
  { whyNot }: FastPlan,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (whyNot !== undefined || blocks === undefined) return undefined;
  const [first] = (await feed.next(signal))?.steps ?? [];
  const places = query.columns.flatMap(({ log }, column) => (log === undefined ? [] : [column]));
  const held = (first?.changes ?? []).map((change): FeedChange => {
    return { ...change, column: places[change.column] as number };
  });
  const { from, to, nodes } = feed;
  return decidedBlocks(query, { from, to, nodes, blocks, held });
}

function planLine(query: CheckedQuery, feed: StateFeed, told: Told): PlanLine {
  const { columns, sequential } = planOf(query);
  const { blocksRead: read, blocksSkipped: skipped } = told.plan;
  return {
    type: "plan",
    query: query.index,
    text: planText(query, feed, told),
    mode: told.fast.mode,
    workers: told.fast.workers,
    blocks: { read, skipped, total: read + skipped },
    columns: columns.map(columnText),
    sequential: sequential ?? null,
  };
}

function planText(query: CheckedQuery, { from, to, nodes }: StateFeed, told: Told): string {
  const { plan, fast } = told;
  const { start, startEvents } = plan;
  const started =
    start === undefined ? "from the beginning" : `checkpoint ${formatIsoMicros(start)}`;
  const read = [
    `start     ${started}, ${startEvents} events applied`,
    `blocks    ${blocksText(query, told)}`,
    `engine    ${engineText(fast)}`,
  ];
  const known = { kindOf: kindsOf(plan), nodeCount: nodes.length };
  const lines = explainText({ ...query, range: { from, to } }, known).split("\n");
  const run = lines.findIndex((line) => line.startsWith("conjunct") || line.startsWith("run "));
  const isFast = fast.whyNot === undefined;
  let conjunct = 0;
  const rest = lines.slice(run).map((line) => {
    if (line.startsWith("run ")) return runText(line, query, told);
    if (!line.startsWith("conjunct")) return line;
    const mode = isFast ? modeText(fast, conjunct) : "interpreter";
    conjunct += 1;
    return `${line}  ${mode}`;
  });
  return [...lines.slice(0, run), ...read, ...rest].join("\n");
}

function blocksText(query: CheckedQuery, { plan, decided = 0 }: Told): string {
  const { blocksRead: read, blocksSkipped: skipped } = plan;
  const names = planOf(query).columns.map(columnText);
  const what = names.length > NAMED || names.length === 0 ? "the columns" : names.join(", ");
  const applied =
    decided === 0 ? "" : `; ${decided} decided by min/max, applied without evaluating`;
  return `${read} of ${read + skipped} read: ${skipped} without ${what}${applied}`;
}

/** Of logs whose blocks hold nothing but numbers. */
function kindsOf({ blocks = [] }: FeedPlan): (log: string) => string | undefined {
  return (log) => {
    const ofLog = blocks.filter((block) => block.log === undefined || block.log === log);
    const areNumbers = ofLog.length > 0 && ofLog.every(({ least }) => Number.isFinite(least));
    return areNumbers ? "number" : undefined;
  };
}

function engineText({ whyNot, stretches, share }: FastPlan): string {
  if (whyNot !== undefined) return `not used: ${whyNot}`;
  const many = stretches.length === 1 ? "1 stretch" : `${stretches.length} stretches`;
  return `${many} in columns, ${Math.round(share * 1_000) / 10} % of the range`;
}

function modeText({ conjuncts }: FastPlan, index: number): string {
  const { mode, structures } = conjuncts[index] ?? { mode: "interpreter", structures: "" };
  return structures === "" ? mode : `${mode}: ${structures}`;
}

/** `parallel` says that slices may run side by side: what the interpreter is left with goes on by itself. */
function runText(line: string, { sequential }: CheckedQuery, told: Told): string {
  if (told.fast.whyNot === undefined) return `${line}, ${workersText(told)}`;
  return sequential === undefined ? "run       cut by cut, 1 worker" : line;
}

function workersText({ plan, fast, firstEvents }: Told): string {
  const { workers } = fast;
  const slices = sliceCountOf(plan.columnEvents, firstEvents, workers);
  const who = workers === 1 ? "1 worker" : `${workers} workers`;
  return `${who}, about ${slices === 1 ? "1 slice" : `${slices} slices`}`;
}
