/**
 * A run of a checked query as whoever is given its states bit by bit sees it: begin, take each state (or pass
 * what the engine found), then finish or fail. Which rows are told, and how the run ends, is decided here.
 *
 *     start, warnings, rows as they are found, (error), end
 *
 * GROUP BY SERVICE is the whole query once per service, side by side; rows then name their service and
 * count from 1 within it.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { CheckedQuery } from "../check/bound.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import { RUN_LIMITS, type RunLimits } from "../limits.ts";
import type { Chooses } from "./change-tracker.ts";
import type { CutRange, CutState } from "./cut-sequence.ts";
import { GroupRun } from "./group-run.ts";
import { LatestRows } from "./latest-rows.ts";
import {
  type EndStatus,
  type HitLine,
  hitLine,
  type ResultLine,
  type RowLine,
  rowLine,
} from "./lines.ts";
import { msOf, timeJson } from "./output.ts";
import { passSlice, passTicks } from "./pass-slice.ts";
import type { FoundRow } from "./row.ts";
import { RunContext, RunEnded, RunFailed } from "./run-context.ts";
import { shortfallsJson } from "./shortfalls.ts";

export interface InterpretOptions {
  readonly limits?: Partial<RunLimits>;
  /** Asked now and then; true ends the run with the status `cancelled`. */
  readonly isCancelled?: () => boolean;
  /** Monotonic milliseconds, for `elapsedMs`. */
  readonly elapsedMs?: () => number;
  /** What was spent on the query before, added to `elapsedMs`. */
  readonly spentMs?: number;
}

interface Group {
  readonly service: string | undefined;
  readonly run: GroupRun;
  /** FIRST has what it wants. */
  isDone: boolean;
  /** For LAST: the latest so far. */
  readonly kept: LatestRows;
}

/** What ended a run from outside: told in an `error` line. */
export interface RunFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export class Interpretation {
  readonly #query: CheckedQuery;
  readonly #range: CutRange;
  readonly #context: RunContext;
  readonly #elapsedMs: () => number;
  readonly #spentMs: number;
  readonly #groups: readonly Group[];
  #rows = 0;
  #startedMs = 0;
  /** Set once nothing more is to be searched. */
  #status: EndStatus | undefined;
  #failure: RunFailure | undefined;

  constructor(query: CheckedQuery, range: CutRange, options: InterpretOptions) {
    this.#query = query;
    this.#range = range;
    const limits = { ...RUN_LIMITS, ...options.limits };
    const isCancelled = options.isCancelled ?? ((): boolean => false);
    this.#context = new RunContext(query.text, query.index, limits, isCancelled);
    this.#elapsedMs = options.elapsedMs ?? ((): number => 0);
    this.#spentMs = options.spentMs ?? 0;
    const wanted = query.take?.kind === "LAST" ? query.take.count : 0;
    const services = query.groupByService ? [...new Set(range.services)].sort() : [undefined];
    this.#groups = services.map((service): Group => {
      const run = new GroupRun(query, range, this.#context, this.#chooser(service));
      return { service, run, isDone: false, kept: new LatestRows(wanted) };
    });
  }

  /** Whether no further state is wanted: enough was found, the budget is spent, or it failed. */
  get isOver(): boolean {
    return this.#status !== undefined || this.#groups.every(({ isDone }) => isDone);
  }

  /** Rows that were told. */
  get rows(): number {
    return this.#rows;
  }

  /** Cuts that were evaluated. */
  get cuts(): number {
    return this.#groups.reduce((sum, { run }) => sum + run.totals.cuts, 0);
  }

  /** Up to where every group that still searches has come; if all have what they want, the last. */
  get searchedTo(): Hlc {
    if (this.#groups.length === 0) return this.#range.to;
    const going = this.#groups.filter(({ isDone }) => !isDone).map(({ run }) => run.searchedTo);
    if (going.length > 0) return Math.min(...going) as Hlc;
    return Math.max(...this.#groups.map(({ run }) => run.searchedTo)) as Hlc;
  }

  /**
   * Of LAST: rows that it would tell of each group, if no more came, and that are known to begin in the
   * range: one that begins as soon as it does may have begun before. Else 0.
   */
  get lastRows(): number {
    if (this.#query.take?.kind !== "LAST" || this.#groups.length === 0) return 0;
    const counts = this.#groups.map(({ run, kept }) => {
      const t = this.#settledAt(run);
      const open = run.openRow;
      return kept.countAfter(t) + (open !== undefined && open.finding.t > t ? 1 : 0);
    });
    return Math.min(...counts);
  }

  /**
   * Rows that begin later are the same wherever before them the range begins. What changed at its very start is
   * not seen to have, and a Became that is unknown is false there: the next cut may still differ, and the tick
   * after it.
   */
  #settledAt({ firstCutAt }: GroupRun): Hlc {
    const after = (this.#range.from + 1) as Hlc;
    if (this.#query.becames.length === 0) return after;
    return Math.max(after, (firstCutAt ?? Number.POSITIVE_INFINITY) + 1) as Hlc;
  }

  *begin(): Generator<ResultLine, void, undefined> {
    const { index, items, nodes: asked, warnings } = this.#query;
    this.#startedMs = this.#elapsedMs();
    const nodes = this.#range.nodes.filter((node) => asked === undefined || asked.includes(node));
    yield {
      type: "start",
      query: index,
      columns: items.map(({ heading }) => heading),
      from: timeJson(this.#range.rangeFrom ?? this.#range.from),
      to: timeJson(this.#range.to),
      nodes: [...new Set(nodes)].sort(),
    };
    for (const warning of warnings) yield { type: "warning", ...warning };
  }

  /** The next state, in rising order of t and not past the range. */
  *take(state: CutState): Generator<ResultLine, void, undefined> {
    if (this.isOver || state.t < this.#range.from) return;
    yield* this.#ending(function* (this: Interpretation) {
      yield* this.#passTicks((state.t - 1) as Hlc);
      for (const group of this.#groups) {
        if (group.isDone) continue;
        group.run.move(state);
        yield* this.#told(group);
      }
    });
  }

  /** What the engine found in a slice, in place of its states; slices follow on what was taken. */
  *pass(result: SliceResult): Generator<ResultLine, void, undefined> {
    if (this.isOver) return;
    yield* this.#ending(function* (this: Interpretation) {
      for (const group of passSlice(this.#groups, result, this.#context)) yield* this.#told(group);
    });
  }

  /** The state to which slices have come; further states follow on it. */
  *resume(state: CutState): Generator<ResultLine, void, undefined> {
    if (this.isOver) return;
    yield* this.#ending(function* (this: Interpretation) {
      for (const group of this.#groups) {
        group.run.resume(state);
        yield* this.#told(group);
      }
    });
  }

  /** The range is over, or `isOver`: the last rows, and the end. */
  *finish(): Generator<ResultLine, void, undefined> {
    if (!this.isOver) {
      yield* this.#ending(function* (this: Interpretation) {
        yield* this.#passTicks(this.#range.to);
        for (const group of this.#groups) {
          if (group.isDone) continue;
          group.run.finish(this.#range.to);
          yield* this.#told(group);
        }
      });
    }
    yield* this.#last();
  }

  /** Nothing is to be searched: the end. */
  *leave(): Generator<ResultLine, void, undefined> {
    this.#status = "done";
    yield* this.#last();
  }

  /** It cannot go on: rows so far stand. */
  *fail(failure: RunFailure): Generator<ResultLine, void, undefined> {
    this.#status = "failed";
    this.#failure = failure;
    yield* this.#last();
  }

  /** Intervals that are open, each as the row that it is going to be. */
  *openRows(): Generator<HitLine, void, undefined> {
    const { take, index, items } = this.#query;
    if (take?.kind === "COUNT" || take?.kind === "LAST" || this.isOver) return;
    const headings = items.map(({ heading }) => heading);
    for (const { run, service, isDone } of this.#groups) {
      const open = isDone ? undefined : run.openRow;
      if (open === undefined) continue;
      const { rowBytes } = this.#context.limits;
      yield hitLine(open.n, open.finding, index, headings, service, rowBytes);
    }
  }

  /** One group passes its ticks as it moves: there is nobody whose rows could come before. */
  *#passTicks(last: Hlc): Generator<ResultLine, void, undefined> {
    if (this.#groups.length < 2) return;
    for (const group of passTicks(this.#groups, last)) yield* this.#told(group);
  }

  /** Lines of a search that may end the run. */
  *#ending(
    search: (this: Interpretation) => Generator<ResultLine, void, undefined>,
  ): Generator<ResultLine, void, undefined> {
    try {
      yield* search.call(this);
    } catch (error) {
      if (error instanceof RunEnded) this.#status = error.status;
      else if (error instanceof RunFailed) {
        this.#status = "failed";
        const { code, message, hint } = error;
        this.#failure = { code, message, hint };
      } else throw error;
    }
  }

  *#last(): Generator<ResultLine, void, undefined> {
    if (this.#failure !== undefined) {
      yield { type: "error", query: this.#query.index, ...this.#failure };
    }
    yield* this.#lastRows();
    for (const warning of this.#context.takeWarnings()) yield { type: "warning", ...warning };
    yield this.#end(this.#status ?? "done", this.#startedMs);
  }

  /** Rows of a group that were found since; how many are wanted is decided here. */
  *#told(group: Group): Generator<ResultLine, void, undefined> {
    for (const warning of this.#context.takeWarnings()) yield { type: "warning", ...warning };
    const { take } = this.#query;
    const found = group.run.takeFound();
    if (take?.kind === "COUNT") return;
    if (take?.kind === "LAST") {
      group.kept.add(found);
      return;
    }
    for (const row of found) {
      yield this.#row(row, group);
      if (take !== undefined && row.n >= take.count) {
        group.isDone = true;
        return;
      }
    }
  }

  *#lastRows(): Generator<ResultLine, void, undefined> {
    for (const group of this.#groups) {
      for (const row of group.kept.rows.toReversed()) {
        if (this.#rows >= this.#context.limits.rows) return;
        yield this.#row(row, group);
      }
    }
  }

  #row(found: FoundRow, { service }: Group): RowLine {
    const { rows, rowBytes } = this.#context.limits;
    if (this.#rows >= rows) throw new RunEnded("truncated");
    this.#rows += 1;
    const headings = this.#query.items.map(({ heading }) => heading);
    return rowLine(found, this.#query.index, headings, service, rowBytes);
  }

  #end(status: EndStatus, started: number): ResultLine {
    const totals = this.#groups.map(({ run }) => run.totals);
    const sum = (of: (one: (typeof totals)[number]) => number): number =>
      totals.reduce((sofar, one) => sofar + of(one), 0);
    const { take, eachChange } = this.#query;
    const isLast = take?.kind === "LAST";
    const { searchedTo } = this;
    const matchedTicks =
      isLast && !eachChange
        ? this.#groups.reduce((ticks, { kept }) => ticks + kept.matchedTicks, 0)
        : sum((one) => one.matchedTicks);
    const shortfalls = new Set(this.#groups.flatMap(({ run }) => run.shortfalls));
    const incomplete = shortfallsJson(shortfalls, searchedTo);
    return {
      type: "end",
      query: this.#query.index,
      status,
      rows: this.#rows,
      matches: this.#matches(sum((one) => one.matches)),
      matchedMs: msOf(matchedTicks),
      unknownMs: msOf(sum((one) => one.unknownTicks)),
      undecided: sum((one) => one.undecided),
      cuts: sum((one) => one.cuts),
      // LAST goes backwards.
      searchedTo: timeJson(isLast && status === "done" ? this.#range.from : searchedTo),
      complete: incomplete.length === 0,
      incomplete,
      elapsedMs: Math.round(this.#spentMs + this.#elapsedMs() - started),
    };
  }

  /** FIRST, LAST and LIMIT stop at the row that they want, though a cut may have brought more. */
  #matches(found: number): number {
    const { take } = this.#query;
    return take === undefined || take.kind === "COUNT" ? found : this.#rows;
  }

  #chooser(service: string | undefined): Chooses {
    const { nodes } = this.#query;
    const asked = nodes === undefined ? undefined : new Set(nodes);
    return (id, node) =>
      (asked === undefined || asked.has(id)) && (service === undefined || node.service === service);
  }
}
