/**
 * Runs a checked query over a sequence of cuts, evaluating everything anew at each: slow, and plain
 * enough to be believed. What it answers is what the language means.
 *
 *     start, warnings, rows as they are found, (error), end
 *
 * GROUP BY SERVICE is the whole query once per service, side by side; rows then name their service and
 * count from 1 within it.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { RUN_LIMITS, type RunLimits } from "../limits.ts";
import type { Chooses } from "./change-tracker.ts";
import type { CutSequence } from "./cut-sequence.ts";
import { type FoundRow, GroupRun } from "./group-run.ts";
import { type EndStatus, type ResultLine, type RowLine, rowLine } from "./lines.ts";
import { msOf, timeJson } from "./output.ts";
import { RunContext, RunEnded, RunFailed } from "./run-context.ts";
import { shortfallsJson } from "./shortfalls.ts";

export interface InterpretOptions {
  readonly limits?: Partial<RunLimits>;
  /** Asked now and then; true ends the run with the status `cancelled`. */
  readonly isCancelled?: () => boolean;
  /** Monotonic milliseconds, for `elapsedMs`. */
  readonly elapsedMs?: () => number;
}

/**
 * The lines of one query's answer. Cost: per cut, the whole condition over all selected nodes; memory:
 * one state, the rows waiting to be decided, and for LAST the rows kept.
 *
 * @example
 * const [query] = checkText("SELECT leader FROM raft WHEN Cardinality(leader) > 1", options);
 * for (const line of interpret(query, cuts)) if (line.type === "row") report(line.values);
 */
export function* interpret(
  query: CheckedQuery,
  sequence: CutSequence,
  options: InterpretOptions = {},
): Generator<ResultLine, void, undefined> {
  yield* new Interpretation(query, sequence, options).lines();
}

interface Group {
  readonly service: string | undefined;
  readonly run: GroupRun;
  /** FIRST has what it wants. */
  isDone: boolean;
  /** For LAST: the latest so far. */
  kept: FoundRow[];
}

class Interpretation {
  readonly #query: CheckedQuery;
  readonly #sequence: CutSequence;
  readonly #context: RunContext;
  readonly #elapsedMs: () => number;
  readonly #groups: readonly Group[];
  #rows = 0;

  constructor(query: CheckedQuery, sequence: CutSequence, options: InterpretOptions) {
    this.#query = query;
    this.#sequence = sequence;
    const limits = { ...RUN_LIMITS, ...options.limits };
    const isCancelled = options.isCancelled ?? ((): boolean => false);
    this.#context = new RunContext(query.text, query.index, limits, isCancelled);
    this.#elapsedMs = options.elapsedMs ?? ((): number => 0);
    const services = query.groupByService ? [...new Set(sequence.services)].sort() : [undefined];
    this.#groups = services.map((service): Group => {
      const run = new GroupRun(query, sequence, this.#context, this.#chooser(service));
      return { service, run, isDone: false, kept: [] };
    });
  }

  *lines(): Generator<ResultLine, void, undefined> {
    const { index, items, nodes: asked, warnings } = this.#query;
    const started = this.#elapsedMs();
    const nodes = this.#sequence.nodes.filter(
      (node) => asked === undefined || asked.includes(node),
    );
    yield {
      type: "start",
      query: index,
      columns: items.map(({ heading }) => heading),
      from: timeJson(this.#sequence.from),
      to: timeJson(this.#sequence.to),
      nodes: [...new Set(nodes)].sort(),
    };
    for (const warning of warnings) yield { type: "warning", ...warning };
    let status: EndStatus = "done";
    try {
      yield* this.#search();
    } catch (error) {
      if (error instanceof RunEnded) status = error.status;
      else if (error instanceof RunFailed) {
        status = "failed";
        const { code, message, hint } = error;
        yield { type: "error", query: index, code, message, hint };
      } else throw error;
    }
    yield* this.#lastRows();
    for (const warning of this.#context.takeWarnings()) yield { type: "warning", ...warning };
    yield this.#end(status, started);
  }

  *#search(): Generator<ResultLine, void, undefined> {
    const { from, to, cuts } = this.#sequence;
    for (const state of cuts) {
      if (state.t > to) break;
      if (state.t < from) continue;
      for (const group of this.#groups) {
        if (group.isDone) continue;
        group.run.move(state);
        yield* this.#told(group);
      }
      if (this.#groups.every(({ isDone }) => isDone)) return;
    }
    for (const group of this.#groups) {
      if (group.isDone) continue;
      group.run.finish(to);
      yield* this.#told(group);
    }
  }

  /** Rows of a group that were found since; how many are wanted is decided here. */
  *#told(group: Group): Generator<ResultLine, void, undefined> {
    for (const warning of this.#context.takeWarnings()) yield { type: "warning", ...warning };
    const { take } = this.#query;
    const found = group.run.takeFound();
    if (take?.kind === "COUNT") return;
    if (take?.kind === "LAST") {
      group.kept = [...group.kept, ...found].slice(-take.count);
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
      for (const row of group.kept.toReversed()) {
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
    const searchedTo = this.#searchedTo();
    const shortfalls = new Set(this.#groups.flatMap(({ run }) => run.shortfalls));
    const incomplete = shortfallsJson(shortfalls, searchedTo);
    return {
      type: "end",
      query: this.#query.index,
      status,
      rows: this.#rows,
      matches: this.#matches(sum((one) => one.matches)),
      matchedMs: msOf(sum((one) => one.matchedTicks)),
      unknownMs: msOf(sum((one) => one.unknownTicks)),
      undecided: sum((one) => one.undecided),
      cuts: sum((one) => one.cuts),
      searchedTo: timeJson(searchedTo),
      complete: incomplete.length === 0,
      incomplete,
      elapsedMs: Math.round(this.#elapsedMs() - started),
    };
  }

  /** Up to where every group that still searched has come; if all have what they want, the last. */
  #searchedTo(): Hlc {
    if (this.#groups.length === 0) return this.#sequence.to;
    const going = this.#groups.filter(({ isDone }) => !isDone).map(({ run }) => run.searchedTo);
    if (going.length > 0) return Math.min(...going) as Hlc;
    return Math.max(...this.#groups.map(({ run }) => run.searchedTo)) as Hlc;
  }

  /** FIRST and LIMIT stop at the row that they want, though a cut may have brought more. */
  #matches(found: number): number {
    const { take } = this.#query;
    return take?.kind === "FIRST" || take?.kind === "LIMIT" ? this.#rows : found;
  }

  #chooser(service: string | undefined): Chooses {
    const { nodes } = this.#query;
    const asked = nodes === undefined ? undefined : new Set(nodes);
    return (id, node) =>
      (asked === undefined || asked.has(id)) && (service === undefined || node.service === service);
  }
}
