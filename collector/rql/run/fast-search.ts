/**
 * Where the engine (../engine) takes part in a search: which stretches of the range it goes through, and in
 * which threads. Everything else is told by states, as ever.
 *
 *     range     | states | slices by the engine   | states | slices          | states |
 *     job         take     pass pass pass pass      take     pass pass         take      finish
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { ColumnFeed, History, PlainStretch } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { Cells } from "../engine/cells.ts";
import { searchPlain } from "../engine/plain-search.ts";
import {
  asksForChanges,
  type Conjunct,
  type Mode,
  programOf,
  whyInterpreted,
} from "../engine/program.ts";
import type { OpenSlices, SliceSetup, SliceThreads } from "../engine/slice-threads.ts";
import { RUN_LIMITS, type RunLimits } from "../limits.ts";
import type { RunningJob } from "./job.ts";
import type { TimeRange } from "./known-names.ts";
import type { Progress } from "./progress.ts";
import type { RunnerLimits } from "./run-limits.ts";

export interface FastSearch {
  readonly columns: ColumnFeed;
  /** In order; not empty. */
  readonly stretches: readonly PlainStretch[];
  readonly slices: OpenSlices;
  /** Ticks by which slices begin earlier than what they tell of. */
  readonly lead: number;
  readonly firstEvents: number;
}

export interface FastOptions extends Pick<RunnerLimits, "sliceEvents" | "plainEvents"> {
  readonly history: Pick<History, "columns">;
  readonly slices?: SliceThreads;
  readonly limits?: Partial<RunLimits>;
}

/** Undefined: the engine does not cover the query, or finds nothing to go through. */
export async function openFastSearch(
  query: CheckedQuery,
  range: TimeRange,
  setup: Omit<SliceSetup, "nodes" | "limits">,
  options: FastOptions,
  signal: AbortSignal,
): Promise<FastSearch | undefined> {
  const { slices: threads, limits } = options;
  if (threads === undefined || whyInterpreted(query) !== undefined) return undefined;
  const columns = columnsOf(query, range, options);
  const lead = leadOf(query);
  const stretches = searched(await columns.stretches(signal), lead);
  if (stretches.length === 0) return undefined;
  const { nodes } = columns;
  const slices = threads.open({ ...setup, nodes, limits: { ...RUN_LIMITS, ...limits } });
  return { columns, stretches, slices, lead, firstEvents: options.sliceEvents };
}

/** By how many ticks a slice begins before what it tells of: what changed at its first tick must be known. */
function leadOf(query: CheckedQuery): number {
  return asksForChanges(query) ? 1 : 0;
}

/** A stretch begins where something else than a value changes: what is known of a tick before is behind it. */
function searched(stretches: readonly PlainStretch[], lead: number): readonly PlainStretch[] {
  return stretches.flatMap(({ after, to }) => {
    const later = (after + 2 * lead) as Hlc;
    return later < to ? [{ after: later, to }] : [];
  });
}

/** How the engine would take part, for EXPLAIN. */
export interface FastPlan {
  /** Why it does not; undefined: it does. */
  readonly whyNot: string | undefined;
  /** The parts of the condition, in order, that of the window last. */
  readonly conjuncts: readonly Conjunct[];
  /** The slowest in use. */
  readonly mode: Mode;
  readonly workers: number;
  readonly stretches: readonly PlainStretch[];
  /** Of the range's time, from 0 to 1. */
  readonly share: number;
}

/** From the slowest on. */
const MODES: readonly Mode[] = ["interpreter", "compiled", "incremental"];

/** Reads what `openFastSearch` reads. */
export async function fastPlanOf(
  query: CheckedQuery,
  range: TimeRange,
  options: FastOptions,
  signal: AbortSignal,
): Promise<FastPlan> {
  const { slices } = options;
  const program = programOf(query, new Cells([], query.columns.length));
  const conjuncts = [...(program?.when ?? []), ...(program?.follower ? [program.follower] : [])];
  const none = { conjuncts, workers: 1, stretches: [], share: 0, mode: "interpreter" } as const;
  if (slices === undefined) return { ...none, whyNot: "no engine" };
  const whyNot = whyInterpreted(query);
  if (whyNot !== undefined) return { ...none, whyNot };
  const all = await columnsOf(query, range, options).stretches(signal);
  const stretches = searched(all, leadOf(query));
  if (stretches.length === 0) return { ...none, whyNot: "no plain stretch" };
  const ticks = stretches.reduce((sum, { after, to }) => sum + to - after, 0);
  const slowest = MODES.find((mode) => conjuncts.some((one) => one.mode === mode));
  return {
    whyNot: undefined,
    conjuncts,
    // Without a condition the selected values are compared, cut by cut.
    mode: slowest ?? "interpreter",
    workers: slices.workers,
    stretches,
    share: ticks / Math.max(1, range.to - range.from),
  };
}

/** The columns of a query, by their places in it. */
export function columnsOf(
  query: CheckedQuery,
  { from, to }: TimeRange,
  { history, plainEvents }: Pick<FastOptions, "history" | "plainEvents">,
): ColumnFeed {
  const columns = query.columns.map(({ log, key }) =>
    log === undefined ? undefined : { log, key },
  );
  const nodes = query.nodes === undefined ? {} : { nodes: query.nodes };
  return history.columns({ from, to, columns, leastEvents: plainEvents, ...nodes });
}

/** Goes through a stretch; how far it came, and whether the job wants no more. */
export async function searchFast(
  { columns, slices, lead, firstEvents }: FastSearch,
  stretch: PlainStretch,
  job: RunningJob,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ readonly reached: Hlc; readonly isOver: boolean }> {
  let isOver = false;
  const reached = await searchPlain({
    ...{ columns, slices, stretch, lead, firstEvents, signal },
    pass: async (result) => {
      const state = await job.pass(result);
      progress.evaluated(state, result.reached);
      isOver = state.isOver;
      return isOver;
    },
  });
  return { reached, isOver };
}
