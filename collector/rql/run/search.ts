/**
 * One pass of one query over a range: plain stretches by the engine, everything between them by states, read
 * one chunk ahead of the thread that evaluates. `last-search.ts` makes several of them, from the end of a
 * range; every other query is answered by one.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { History, StateFeed } from "../../cut/history.ts";
import type { CutTimers } from "../../cut/timers.ts";
import type { CheckedQuery } from "../check/bound.ts";
import type { Schema } from "../check/schema.ts";
import type { SliceThreads } from "../engine/slice-threads.ts";
import type { RunLimits } from "../limits.ts";
import { brokenLines, failureOf } from "./failures.ts";
import { type FastSearch, openFastSearch, searchFast } from "./fast-search.ts";
import type { FeedHead } from "./fold.ts";
import type { JobState, QueryThreads, RunningJob, WriteLines } from "./job.ts";
import { JobBroken } from "./job-broken.ts";
import type { TimeRange } from "./known-names.ts";
import { columnsLookedBack } from "./look-back.ts";
import { Progress, type ToldProgress } from "./progress.ts";
import type { RunnerLimits } from "./run-limits.ts";

export interface SearchOptions {
  readonly history: Pick<History, "columns" | "feed">;
  readonly threads: QueryThreads;
  /** Where the engine works (../engine); absent: all is interpreted. */
  readonly slices?: SliceThreads;
  readonly timers: CutTimers;
  /** Of each query. */
  readonly limits?: Partial<RunLimits>;
  /** Told of our own failures; the result names it to the asker. */
  readonly report: (error: unknown) => string;
}

/** What a query is searched with. */
export interface SearchSetup {
  readonly query: CheckedQuery;
  readonly schema: Schema;
  readonly now: Hlc;
  readonly options: SearchOptions;
  readonly limits: RunnerLimits;
}

/** What is different about a pass that may not be the last. */
export interface PassOptions {
  /** The end of a range that begins there. */
  readonly rangeFrom?: Hlc;
  /** Spent on passes before. */
  readonly spentMs?: number;
  /** Told at once, and not with the other lines of the pass, which may have to wait. */
  readonly progress?: ToldProgress & {
    readonly write: WriteLines;
    /** A pass before has written the `start` of the query. */
    readonly isStarted: boolean;
  };
  /** Asked before the last lines are made; false ends the pass without them. Default: they are made. */
  readonly isWanted?: (state: JobState) => boolean;
  /** Told before the last lines are made. */
  readonly onWanted?: () => Promise<void>;
}

/** Whether its last lines were made; not if it was not wanted, or was cancelled. */
export async function searchRange(
  setup: SearchSetup,
  feed: StateFeed,
  write: WriteLines,
  signal: AbortSignal,
  pass: PassOptions = {},
): Promise<boolean> {
  const { query, schema, now, options, limits } = setup;
  const { threads, limits: runLimits = {}, report, timers } = options;
  const { rangeFrom, spentMs, isWanted = (): boolean => true, onWanted } = pass;
  const wanted = async (): Promise<void> => onWanted?.();
  const head = await headOf(query, feed, rangeFrom, signal);
  const text = { text: query.text, schema, now, index: query.index };
  const fast = await openFastSearch(query, feed, text, { ...options, ...limits }, signal);
  const given = { ...text, head, limits: runLimits };
  let isStarted = pass.progress?.isStarted ?? false;
  const job = threads.start(spentMs === undefined ? given : { ...given, spentMs }, (lines) => {
    isStarted = true;
    return write(lines);
  });
  const progress = new Progress({
    ...{ query: query.index, range: head, timers, limits, instead: pass.progress },
    ...{ write: pass.progress?.write ?? write, isStarted: () => isStarted },
  });
  const cancel = (): void => {
    job.cancel();
    fast?.slices.cancel();
  };
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) return false;
    if (fast === undefined) await feedTo(job, feed, progress, false, signal);
    else await inParts(setup, job, fast, feed, progress, signal);
    if (!isWanted(await job.take([]))) return false;
    progress.end();
    await wanted();
    await job.finish();
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    progress.end();
    await wanted();
    const broken = error instanceof JobBroken ? error : await failed(job, error, setup);
    if (broken !== undefined) {
      await write(brokenLines(query, head, progress.state, broken, report));
    }
    return true;
  } finally {
    fast?.slices.close();
    progress.end();
    signal.removeEventListener("abort", cancel);
    // Nothing, where it has ended.
    job.cancel();
  }
}

/** The thread tells of the failure; or it is gone as well. */
async function failed(
  job: RunningJob,
  error: unknown,
  { options }: SearchSetup,
): Promise<JobBroken | undefined> {
  try {
    await job.fail(failureOf(error, options.report));
    return undefined;
  } catch (again) {
    if (again instanceof JobBroken) return again;
    throw again;
  }
}

/** Plain stretches by the engine, all between them by its states. */
async function inParts(
  { query, options }: SearchSetup,
  job: RunningJob,
  fast: FastSearch,
  { from, to }: TimeRange,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  let reached = from;
  let resumes = false;
  for (const stretch of [...fast.stretches, undefined]) {
    const end = stretch?.after ?? to;
    if (!resumes || end > reached) {
      const part = options.history.feed(feedOptions(query, { from: reached, to: end }));
      try {
        if (await feedTo(job, part, progress, resumes, signal)) return;
      } finally {
        part.close();
      }
    }
    if (stretch === undefined) return;
    const found = await searchFast(fast, stretch, job, progress, signal);
    if (found.isOver) return;
    reached = found.reached;
    resumes = true;
  }
}

/** Reads one chunk ahead of the one that is evaluated. True: the job wants no more. */
async function feedTo(
  job: RunningJob,
  feed: StateFeed,
  progress: Progress,
  resumesFirst: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  let resumes = resumesFirst;
  let evaluated: Promise<JobState> | undefined;
  let searchedTo = feed.from;
  try {
    for (;;) {
      const chunk = await feed.next(signal);
      const state = await evaluated;
      evaluated = undefined;
      if (state !== undefined) progress.evaluated(state, searchedTo);
      if (state?.isOver === true) return true;
      if (chunk === undefined) return false;
      evaluated = job.take(chunk.steps, resumes);
      if (chunk.steps.length > 0) resumes = false;
      searchedTo = chunk.reached;
    }
  } finally {
    // Of a feed that failed the chunk before may still be under way.
    evaluated?.catch(() => undefined);
  }
}

/** What of history a query reads. */
export function feedOptions(query: CheckedQuery, range: TimeRange): Parameters<History["feed"]>[0] {
  const columns = query.columns.flatMap(({ log, key }) =>
    log === undefined ? [] : [{ log, key }],
  );
  return {
    ...range,
    columns,
    messages: query.usesMessages,
    ...(query.nodes === undefined ? {} : { nodes: query.nodes }),
  };
}

async function headOf(
  query: CheckedQuery,
  feed: StateFeed,
  rangeFrom: Hlc | undefined,
  signal: AbortSignal,
): Promise<FeedHead> {
  const { columns } = feedOptions(query, feed);
  const lookedBack = columnsLookedBack(query, columns);
  const lastChanges = lookedBack.length === 0 ? [] : await feed.lastChanges(lookedBack, signal);
  const { from, to, nodes, services } = feed;
  const head = { from, to, nodes, services, columns, lastChanges };
  return rangeFrom === undefined ? head : { ...head, rangeFrom };
}
