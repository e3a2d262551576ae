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
import type { History } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { checkText } from "../check/check.ts";
import type { Schema } from "../check/schema.ts";
import type { Query } from "../text/ast.ts";
import { parseProgram } from "../text/parse.ts";
import { explainedLines } from "./explained.ts";
import type { WriteLines } from "./job.ts";
import { defaultRange, schemaFor, type TimeRange } from "./known-names.ts";
import { goesBackwards, searchBackwards } from "./last-search.ts";
import { RUNNER_LIMITS, type RunnerLimits } from "./run-limits.ts";
import { feedOptions, type SearchOptions, searchRange } from "./search.ts";

export interface QueryRunnerOptions extends SearchOptions {
  readonly history: SearchOptions["history"] & Pick<History, "logNames" | "nodes" | "variables">;
  /** What `now` means. */
  readonly now: () => Hlc;
  readonly runner?: Partial<RunnerLimits>;
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
    const { schema, now, range, isExplained } = given;
    const options = this.#options;
    const limits = this.#limits;
    const setup = { query, schema, now, options, limits };
    try {
      if (!isExplained && goesBackwards(query)) {
        await searchBackwards(setup, range, write, signal);
        return;
      }
      const feed = options.history.feed(feedOptions(query, range));
      try {
        if (isExplained)
          await write(await explainedLines(query, feed, { ...options, ...limits }, signal));
        else await searchRange(setup, feed, write, signal);
      } finally {
        feed.close();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
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
