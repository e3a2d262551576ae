/**
 * Goes through a slice for a query that looks at what changes (Changed, Became): every cut is evaluated, and so
 * are the ticks after a change, since there the condition turns back.
 *
 *     slice    .. after-1 | after | ..                  to
 *     rows                    r       r  r      r
 *     cuts                    .       C  CC+1   CC+1       C+1: nothing happens, and so nothing has changed
 *
 * A slice begins one tick before what it tells of, so that what changed at `after` itself is known, and what
 * Became saw last. Conjuncts that do not look at changes are evaluated from cells and aggregates, and only once
 * something that they read has changed; all others by the interpreter's evaluator, from the same cells.
 */
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import { SliceColumns } from "../../cut/column-rows.ts";
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { RunEnded } from "../interpret/run-context.ts";
import { Cells } from "./cells.ts";
import { type Closure, truthClosure } from "./closures.ts";
import { NotPlain } from "./not-plain.ts";
import {
  type Conjunct,
  isEachCutTold,
  looksAtChanges,
  type Program,
  programOf,
} from "./program.ts";
import type { SliceResult } from "./slice-result.ts";
import type { SliceRunOptions } from "./slice-run.ts";
import { followedBy, holdStart } from "./slice-start.ts";
import { Sources } from "./sources.ts";
import { TickChanges } from "./tick-changes.ts";
import { TimeMerge } from "./time-merge.ts";
import { TurnRecorder } from "./turn-recorder.ts";
import type { Pace } from "./walker.ts";

/** A conjunct, and what it was when something that it reads changed last. */
interface Kept {
  /** Among all, that of the window last. */
  readonly index: number;
  readonly columns: readonly number[];
  /** Undefined: the interpreter is asked. */
  readonly closure: Closure | undefined;
  /** It may turn though nothing that it reads has changed. */
  readonly isTimed: boolean;
  truth: number;
  isStale: boolean;
}

const NOTHING: ReadonlySet<number> = new Set();
const NEVER = Number.POSITIVE_INFINITY;

export class TimedRun {
  readonly #query: CheckedQuery;
  readonly #options: SliceRunOptions;
  readonly #cells: Cells;
  readonly #program: Program;
  readonly #when: readonly Kept[];
  readonly #follower: Kept | undefined;
  readonly #isEachTold: boolean;
  readonly #pace: Pace = { cuts: 0, p: 0, q: 0 };
  readonly #recorder: TurnRecorder;
  readonly #columns: SliceColumns;
  readonly #merge: TimeMerge;
  readonly #ticks: TickChanges;
  #rows = 0;
  /** What is told of is later than this. */
  #after = 0;
  /** The last tick that was evaluated. */
  #evaluatedAt = 0;
  /** The tick after a Changed or Became. */
  #pulseAt = NEVER;
  /**
   * The first cut is told whatever it comes to: of one at which nothing changes Became may be unknown, which at
   * the start of the range it is not.
   */
  #isFirst = true;
  /** Whether a pulse follows the last turn that had room. */
  #hasFullPulse = false;

  /** Undefined: the engine does not cover the query. */
  static of(query: CheckedQuery, options: SliceRunOptions): TimedRun | undefined {
    const cells = new Cells(options.nodes, query.columns.length);
    const program = programOf(query, cells);
    return program && new TimedRun(query, options, cells, program);
  }

  private constructor(
    query: CheckedQuery,
    options: SliceRunOptions,
    cells: Cells,
    program: Program,
  ) {
    this.#query = query;
    this.#options = options;
    this.#cells = cells;
    this.#program = program;
    const kept = ({ expr, ir, columns }: Conjunct, index: number): Kept => {
      const closure = ir === undefined ? undefined : truthClosure(ir, program.lowering, cells);
      const isTimed = looksAtChanges(expr);
      return { index, columns, closure, isTimed, truth: 0, isStale: true };
    };
    this.#when = program.when.map(kept);
    this.#follower = program.follower && kept(program.follower, program.when.length);
    this.#isEachTold = isEachCutTold(query);
    this.#columns = new SliceColumns(followedBy(query));
    this.#merge = new TimeMerge(cells);
    this.#ticks = new TickChanges(cells, this.#merge);
    this.#recorder = new TurnRecorder({
      ...{ query, program, cells, pace: this.#pace, limits: options.limits },
      turnValues: options.turnValues,
      isCancelled: options.isCancelled ?? ((): boolean => false),
    });
  }

  run(slice: ColumnSlice): SliceResult {
    const pace = this.#pace;
    const recorder = this.#recorder;
    recorder.open();
    pace.cuts = 0;
    this.#rows = 0;
    this.#after = slice.after + 1;
    this.#hasFullPulse = false;
    this.#isFirst = true;
    let reached: Hlc = slice.after;
    let ended: SliceResult["ended"];
    try {
      const streams = this.#columns.open(slice);
      holdStart(this.#cells, slice, streams);
      this.#ticks.clear();
      this.#begin(slice.after);
      const sources = new Sources(streams, slice.after, slice.to);
      while (sources.next()) {
        const before = pace.cuts;
        this.#merge.take(sources.list, sources.end);
        this.#window();
        recorder.step(pace.cuts - before);
        reached = sources.end as Hlc;
        if (this.#options.isCancelled?.() === true) throw new RunEnded("cancelled");
        if (recorder.fullAt !== undefined) break;
      }
      if (recorder.fullAt === undefined) {
        reached = slice.to;
        this.#timeBy(slice.to);
      }
    } catch (error) {
      if (error instanceof RunEnded && error.status !== "truncated") ended = error.status;
      else if (!(error instanceof NotPlain) && !(error instanceof RetroError)) throw error;
    }
    return this.#result(reached, ended);
  }

  #result(reached: Hlc, ended: SliceResult["ended"]): SliceResult {
    const { fullAt } = this.#recorder;
    const { turns, warnings } = this.#recorder.take();
    const after = this.#after as Hlc;
    const shared = { after, turns, rows: this.#rows, decidedRows: 0 };
    const { cuts } = this.#pace;
    if (fullAt === undefined) {
      const hasPulse = this.#pulseAt === reached + 1;
      // Not even the tick before was gone through: on from where it was to begin.
      const to = reached < after ? after : reached;
      return { ...shared, hasPulse, warnings, cuts, reached: to, ended, isFull: false };
    }
    return {
      ...shared,
      hasPulse: this.#hasFullPulse,
      warnings: warnings.filter(({ t }) => t <= fullAt.t),
      cuts: fullAt.cuts,
      reached: fullAt.t,
      // What came after it is gone through again, whatever ended it.
      ended: ended === "cancelled" ? ended : undefined,
      isFull: true,
    };
  }

  /** What was true before: Became asks for it. */
  #begin(before: Hlc): void {
    for (const one of this.#all()) one.isStale = true;
    this.#cells.touched = NOTHING;
    this.#evaluate(before);
    this.#leave(before);
    this.#pulseAt = NEVER;
  }

  #all(): readonly Kept[] {
    return this.#follower === undefined ? this.#when : [...this.#when, this.#follower];
  }

  // ---- ticks

  #window(): void {
    const { t, count } = this.#merge.window;
    this.#rows += count;
    for (let at = 0; at < count; ) {
      const moment = t[at] as number;
      this.#timeBy(moment - 1);
      at = this.#tick(at, moment);
    }
  }

  /** Time passes up to `t`, and nothing changes. */
  #timeBy(t: number): void {
    if (this.#evaluatedAt < this.#after && t >= this.#after) this.#quietCut(this.#after);
    if (this.#pulseAt <= t) this.#quietCut(this.#pulseAt);
  }

  #quietCut(t: number): void {
    this.#cells.touched = NOTHING;
    this.#cut(t, []);
  }

  /** Every change of one tick, together; returns the first row of the next. */
  #tick(start: number, moment: number): number {
    const cells = this.#cells;
    const end = this.#ticks.apply(start);
    const { changed } = this.#ticks;
    const isDue = this.#pulseAt === moment || moment === this.#after;
    if (changed.length === 0 && !isDue) return end;
    cells.touched = new Set(changed);
    const columns = new Set(changed.map((of) => cells.columnOf(of)));
    for (const one of this.#all()) {
      if (one.columns.some((column) => columns.has(column))) one.isStale = true;
    }
    this.#cut(moment, changed);
    return end;
  }

  #cut(t: number, changed: readonly number[]): void {
    const pace = this.#pace;
    const { p, q } = pace;
    this.#evaluate(t);
    if (t === this.#after) {
      this.#recorder.start(t as Hlc);
      // At the start of the range Became is false where it is unknown here: other conjuncts were looked at then.
      for (const one of this.#all()) one.isStale = true;
    } else {
      pace.cuts += 1;
      const isTold = pace.p !== p || pace.q !== q || this.#isEachTold || this.#isFirst;
      if (isTold) this.#recorder.turnOfMany(t, changed, pace.p, pace.q, this.#isFirst);
      this.#isFirst = false;
    }
    this.#leave(t);
  }

  #evaluate(t: number): void {
    const pace = this.#pace;
    pace.p = this.#truth(t);
    pace.q = this.#follower === undefined ? 0 : this.#truthOf(this.#follower, t);
    this.#evaluatedAt = t;
  }

  #truth(t: number): number {
    let result = 1;
    for (const one of this.#when) {
      const truth = this.#truthOf(one, t);
      if (truth === 0) return 0;
      if (truth === 2) result = 2;
    }
    return result;
  }

  #truthOf(one: Kept, t: number): number {
    if (!one.isStale && !one.isTimed) return one.truth;
    one.isStale = false;
    const { odd } = this.#program.lowering;
    odd.is = false;
    const truth = one.closure?.(Number.NaN);
    one.truth = truth === undefined || odd.is ? this.#recorder.ask(one.index, t) : truth;
    return one.truth;
  }

  /** Leaves a cut: whether the tick after it is one. */
  #leave(t: number): void {
    const hasBecome = this.#recorder.leave(t);
    this.#pulseAt = hasBecome || this.#hasChanged() ? t + 1 : NEVER;
    if (this.#recorder.fullAt?.t === t) this.#hasFullPulse = this.#pulseAt === t + 1;
  }

  #hasChanged(): boolean {
    const cells = this.#cells;
    return this.#query.changes.some(({ column, node }) =>
      node === undefined ? cells.changedAnywhere(column) : cells.changed(column, node) === true,
    );
  }
}
