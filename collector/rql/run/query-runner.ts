/**
 * Runs texts over history: checks them, then answers each query in lines of NDJSON.
 *
 *     text ─▶ parse ─▶ names known ─▶ check        refused: RqlError, nothing has run
 *                                       │
 *     history.feed ── steps, ahead by one chunk ──▶ evaluating thread ── lines ──▶ write
 *             ▲                                                                     │
 *             └──────── waits for the thread, and the thread for who reads ◀────────┘
 *
 * Memory: a chunk being evaluated, one ahead, and what `write` has not taken; over any range.
 */
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import type { History, StateFeed } from "../../cut/history.ts";
import type { CutTimers } from "../../cut/timers.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { checkText } from "../check/check.ts";
import type { Schema } from "../check/schema.ts";
import type { SliceThreads } from "../engine/slice-threads.ts";
import type { RunLimits } from "../limits.ts";
import type { Query } from "../text/ast.ts";
import { parseProgram } from "../text/parse.ts";
import { explainedLines } from "./explained.ts";
import { brokenLines, failureOf } from "./failures.ts";
import { type FastSearch, openFastSearch, searchFast } from "./fast-search.ts";
import type { FeedHead } from "./fold.ts";
import type { JobState, QueryThreads, RunningJob, WriteLines } from "./job.ts";
import { JobBroken } from "./job-broken.ts";
import { defaultRange, schemaFor, type TimeRange } from "./known-names.ts";
import { columnsLookedBack } from "./look-back.ts";
import { Progress } from "./progress.ts";
import { RUNNER_LIMITS, type RunnerLimits } from "./run-limits.ts";

export interface QueryRunnerOptions {
  readonly history: Pick<History, "columns" | "feed" | "logNames" | "nodes" | "variables">;
  readonly threads: QueryThreads;
  /** Where the engine works (../engine); absent: all is interpreted. */
  readonly slices?: SliceThreads;
  readonly timers: CutTimers;
  /** What `now` means. */
  readonly now: () => Hlc;
  /** Of each query. */
  readonly limits?: Partial<RunLimits>;
  readonly runner?: Partial<RunnerLimits>;
  /** Told of our own failures; the result names it to the asker. */
  readonly report: (error: unknown) => string;
}

/** What is asked beside the text. */
export interface QueryAsked {
  readonly rql: string;
  /** Plans instead of rows, as EXPLAIN before each query. */
  readonly explain?: boolean;
  /** Where queries without ON TIME begin and end to search; absent: as `defaultRange` says. */
  readonly from?: Hlc;
  readonly to?: Hlc;
}

/** A text that may run: names known, kinds right. */
export interface PreparedText {
  readonly queries: readonly CheckedQuery[];
  /**
   * Runs them one after the other; resolves after the last `end`, or soon after `signal` aborts. Failures
   * are told in lines. Call it once.
   */
  run(write: WriteLines, signal: AbortSignal): Promise<void>;
}

export class QueryRunner {
  readonly #options: QueryRunnerOptions;
  readonly #limits: RunnerLimits;
  readonly #closing = new AbortController();
  #running = 0;

  constructor(options: QueryRunnerOptions) {
    this.#options = options;
    this.#limits = { ...RUNNER_LIMITS, ...options.runner };
  }

  /** Texts that are being checked or run. */
  get running(): number {
    return this.#running;
  }

  /** Ends all that run, without their `end`. May be called twice. */
  close(): void {
    this.#closing.abort();
  }

  /**
   * Checks and runs a text: `begin` is called once it may run, and gives where its lines go.
   * @throws RqlError if it is refused; RetroError `too-many` if as many run as may
   */
  async answer(
    asked: QueryAsked,
    begin: (queries: readonly CheckedQuery[]) => WriteLines,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#running >= this.#limits.running) {
      throw new RetroError("too-many", `${this.#running} queries are running`, {
        retriable: true,
        hint: "Wait until one of them has ended, or end one.",
      });
    }
    this.#running += 1;
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    try {
      const prepared = await this.prepare(asked, ended);
      await prepared.run(begin(prepared.queries), ended);
    } finally {
      this.#running -= 1;
    }
  }

  /** The query of a monitor's text. @throws RqlError if it is refused, as a monitor's too */
  async checkMonitor(text: string, signal: AbortSignal): Promise<CheckedQuery> {
    const { history, now } = this.#options;
    const started = now();
    const { queries } = parseProgram(text);
    const rangeOf = (query: Query): TimeRange => defaultRange(history.nodes(), namesOf(query));
    const schema = await schemaFor(text, queries, { history, now: started, rangeOf }, signal);
    const [query] = checkText(text, { schema, now: started, forMonitor: true });
    return query as CheckedQuery;
  }

  /**
   * @throws RqlError at the first place that is wrong; RetroError `cancelled`, `bad-parameter` (a range beside
   * ON TIME, or one that ends before it begins)
   */
  async prepare(asked: QueryAsked, signal: AbortSignal): Promise<PreparedText> {
    const { history, now } = this.#options;
    const { rql: text, explain = false } = asked;
    const started = now();
    const { queries } = parseProgram(text);
    refuseTwoRanges(queries, asked);
    // Once for each: watermarks move while names are looked up.
    const ranges = new Map<number, TimeRange>();
    const rangeOf = (query: Query, index: number): TimeRange => {
      const range =
        ranges.get(index) ?? askedRange(defaultRange(history.nodes(), namesOf(query)), asked);
      ranges.set(index, range);
      return range;
    };
    const schema = await schemaFor(text, queries, { history, now: started, rangeOf }, signal);
    const checked = checkText(text, { schema, now: started });
    return {
      queries: checked,
      run: async (write, ended) => {
        for (const query of checked) {
          if (ended.aborted) return;
          const isExplained = explain || query.query.explain;
          const range = query.range ?? rangeOf(query.query, query.index);
          await this.#runOne(query, { schema, now: started, range, isExplained }, write, ended);
        }
      },
    };
  }

  async #runOne(
    query: CheckedQuery,
    given: {
      readonly schema: Schema;
      readonly now: Hlc;
      readonly range: TimeRange;
      readonly isExplained: boolean;
    },
    write: WriteLines,
    signal: AbortSignal,
  ): Promise<void> {
    const feed = this.#options.history.feed(feedOptions(query, given.range));
    try {
      if (given.isExplained)
        await write(
          await explainedLines(query, feed, { ...this.#options, ...this.#limits }, signal),
        );
      else await this.#search(query, feed, given, write, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      feed.close();
    }
  }

  async #search(
    query: CheckedQuery,
    feed: StateFeed,
    { schema, now }: { readonly schema: Schema; readonly now: Hlc },
    write: WriteLines,
    signal: AbortSignal,
  ): Promise<void> {
    const { threads, limits = {}, report, timers } = this.#options;
    const head = await headOf(query, feed, signal);
    const setup = { text: query.text, schema, now, index: query.index };
    const fast = await openFastSearch(
      query,
      feed,
      setup,
      { ...this.#options, ...this.#limits },
      signal,
    );
    const job = threads.start(
      { text: query.text, schema, now, index: query.index, head, limits },
      write,
    );
    const progress = new Progress(query.index, head, timers, this.#limits, write);
    const cancel = (): void => {
      job.cancel();
      fast?.slices.cancel();
    };
    signal.addEventListener("abort", cancel, { once: true });
    try {
      if (signal.aborted) return;
      if (fast === undefined) await this.#feedTo(job, feed, progress, false, signal);
      else await this.#inParts(query, job, fast, feed, progress, signal);
      await job.finish();
    } catch (error) {
      if (signal.aborted) return;
      const broken = error instanceof JobBroken ? error : await this.#failed(job, error);
      if (broken !== undefined) {
        await write(brokenLines(query, head, progress.state, broken, report));
      }
    } finally {
      fast?.slices.close();
      progress.end();
      signal.removeEventListener("abort", cancel);
      // Nothing, where it has ended.
      job.cancel();
    }
  }

  /** The thread tells of the failure; or it is gone as well. */
  async #failed(job: RunningJob, error: unknown): Promise<JobBroken | undefined> {
    try {
      await job.fail(failureOf(error, this.#options.report));
      return undefined;
    } catch (again) {
      if (again instanceof JobBroken) return again;
      throw again;
    }
  }

  /** Plain stretches by the engine, all between them by its states. */
  async #inParts(
    query: CheckedQuery,
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
        const part = this.#options.history.feed(feedOptions(query, { from: reached, to: end }));
        try {
          if (await this.#feedTo(job, part, progress, resumes, signal)) return;
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
  async #feedTo(
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
}

/** Of AT NODES; undefined: all. */
function namesOf({ nodes }: Query): readonly string[] | undefined {
  return nodes?.map(({ name }) => name);
}

function refuseTwoRanges(queries: readonly Query[], { from, to }: QueryAsked): void {
  if (from === undefined && to === undefined) return;
  if (queries.every(({ time }) => time === undefined)) return;
  throw new RetroError("bad-parameter", "the text has an ON TIME, and a range is given beside it", {
    hint: "Leave one of them out.",
  });
}

function askedRange(otherwise: TimeRange, { from, to }: QueryAsked): TimeRange {
  const range = { from: from ?? otherwise.from, to: to ?? otherwise.to };
  if (range.from <= range.to) return range;
  if (from !== undefined && to !== undefined) {
    throw new RetroError("bad-parameter", "the range ends before it begins", {
      hint: "Give the earlier time as `from`.",
    });
  }
  // Of a moment at which nothing is known yet, or any more: that moment.
  const t = from ?? to ?? otherwise.to;
  return { from: t, to: t };
}

function feedOptions(query: CheckedQuery, range: TimeRange): Parameters<History["feed"]>[0] {
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
  signal: AbortSignal,
): Promise<FeedHead> {
  const { columns } = feedOptions(query, feed);
  const lookedBack = columnsLookedBack(query, columns);
  const lastChanges = lookedBack.length === 0 ? [] : await feed.lastChanges(lookedBack, signal);
  const { from, to, nodes, services } = feed;
  return { from, to, nodes, services, columns, lastChanges };
}
