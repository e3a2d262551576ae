/**
 * Goes through every cut of a slice of history in columns, and tells where the condition turns.
 *
 *     slice ─▶ streams (decoded block by block) ─▶ windows ─▶ pieces ─┬▶ decided by what their numbers lie
 *                                                                     │  between: applied, nothing evaluated
 *                                                                     └▶ put in order of time, cut by cut
 *                                                                        by the walker's loop
 *
 * The loop itself is in walker.ts and generate.ts; it gives ticks with several changes, and values that are
 * no numbers, to tick-changes.ts; turn-recorder.ts takes down what turns. One object per query and
 * thread; slices may come in any order, as each says what is held at its beginning.
 */
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import { type DecodeCounts, SliceColumns } from "../../cut/column-rows.ts";
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import type { ColumnStream } from "../../cut/column-stream.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { RunEnded } from "../interpret/run-context.ts";
import type { RunLimits } from "../limits.ts";
import { RowApplier } from "./apply-rows.ts";
import type { BoundsTables } from "./bounds.ts";
import { Cells } from "./cells.ts";
import { isConditionDecided } from "./decided-condition.ts";
import { generatedWalker } from "./generate.ts";
import { NotPlain } from "./not-plain.ts";
import { PieceSize } from "./piece-size.ts";
import { isEachCutTold, type Program, programOf } from "./program.ts";
import type { SliceResult } from "./slice-result.ts";
import { followedBy, holdStart } from "./slice-start.ts";
import { Sources } from "./sources.ts";
import { TickChanges } from "./tick-changes.ts";
import { TimeMerge } from "./time-merge.ts";
import { TurnRecorder } from "./turn-recorder.ts";
import { closureWalker, type Known, knownOf, type Pace, type Walker } from "./walker.ts";

export interface SliceRunOptions {
  /** The feed's nodes, by place: ids, sorted. */
  readonly nodes: readonly string[];
  readonly limits: RunLimits;
  /** Whether code may be made from strings; where it may not, closures take over anyway. Default: yes. */
  readonly mayGenerate?: boolean;
  /** Values that the turns of one slice may hold, about; then the slice ends. Default: 500,000. */
  readonly turnValues?: number;
  /** So many rows are not divided further before they are put in order. Default: 64. */
  readonly pieceRows?: number;
  /** Looked at once per window. */
  readonly isCancelled?: () => boolean;
}

export class SliceRun {
  readonly #options: SliceRunOptions;
  readonly #cells: Cells;
  readonly #program: Program;
  readonly #known: Known;
  readonly #walker: Walker;
  readonly #everyCut: boolean;
  readonly #pace: Pace = { cuts: 0, p: 0, q: 0 };
  readonly #recorder: TurnRecorder;
  readonly #columns: SliceColumns;
  readonly #merge: TimeMerge;
  readonly #ticks: TickChanges;
  readonly #applier: RowApplier;
  readonly #pieces: PieceSize;
  readonly #tables: BoundsTables;
  readonly #mayBeDecided: boolean;
  /** By column, the conjuncts that read it. */
  readonly #readers: readonly (readonly number[])[];
  #rows = 0;
  #decidedRows = 0;

  /** Undefined: the engine does not cover the query. */
  static of(query: CheckedQuery, options: SliceRunOptions): SliceRun | undefined {
    const cells = new Cells(options.nodes, query.columns.length);
    const program = programOf(query, cells);
    return program && new SliceRun(query, options, cells, program);
  }

  private constructor(
    query: CheckedQuery,
    options: SliceRunOptions,
    cells: Cells,
    program: Program,
  ) {
    this.#options = options;
    this.#cells = cells;
    this.#program = program;
    this.#known = knownOf(program);
    this.#everyCut = isEachCutTold(query);
    this.#columns = new SliceColumns(followedBy(query));
    this.#merge = new TimeMerge(cells);
    this.#ticks = new TickChanges(cells, this.#merge);
    this.#applier = new RowApplier(cells);
    this.#pieces = new PieceSize(options.pieceRows);
    const { numbers, readings } = program.lowering;
    this.#tables = { cells, numbers, readings };
    this.#readers = readersOf(program, cells.columnCount);
    // Every cut is asked for, or COMPUTE may warn at any: then each is evaluated.
    this.#mayBeDecided = !this.#everyCut && program.watched.length === 0;
    this.#recorder = new TurnRecorder({
      ...{ query, program, cells, pace: this.#pace, limits: options.limits },
      turnValues: options.turnValues,
      isCancelled: options.isCancelled ?? ((): boolean => false),
    });
    const known = this.#known;
    const generated =
      options.mayGenerate === false
        ? undefined
        : generatedWalker(program, cells, known, this.#recorder, this.#everyCut);
    this.#walker =
      generated ?? closureWalker(program, cells, known, this.#recorder, this.#everyCut);
  }

  /** How the query is evaluated, for EXPLAIN. */
  get program(): Program {
    return this.#program;
  }

  /** What was decoded so far, in all slices. */
  get counts(): DecodeCounts {
    return this.#columns.counts;
  }

  run(slice: ColumnSlice): SliceResult {
    const pace = this.#pace;
    const recorder = this.#recorder;
    recorder.open();
    pace.cuts = 0;
    this.#rows = 0;
    this.#decidedRows = 0;
    let reached: Hlc = slice.after;
    let ended: SliceResult["ended"];
    try {
      const streams = this.#columns.open(slice);
      this.#open(slice, streams);
      const sources = new Sources(streams, slice.after, slice.to);
      while (sources.next()) {
        const before = pace.cuts;
        this.#window(sources);
        recorder.step(pace.cuts - before);
        reached = sources.end as Hlc;
        if (this.#options.isCancelled?.() === true) throw new RunEnded("cancelled");
        if (recorder.fullAt !== undefined) break;
      }
      if (recorder.fullAt === undefined) reached = slice.to;
    } catch (error) {
      if (error instanceof RunEnded && error.status !== "truncated") ended = error.status;
      else if (!(error instanceof NotPlain) && !(error instanceof RetroError)) throw error;
    }
    return this.#result(reached, ended);
  }

  #result(reached: Hlc, ended: SliceResult["ended"]): SliceResult {
    const { fullAt } = this.#recorder;
    const { turns, warnings } = this.#recorder.take();
    const shared = { turns, rows: this.#rows, decidedRows: this.#decidedRows };
    const { cuts } = this.#pace;
    if (fullAt === undefined) return { ...shared, warnings, cuts, reached, ended, isFull: false };
    return {
      ...shared,
      warnings: warnings.filter(({ t }) => t <= fullAt.t),
      cuts: fullAt.cuts,
      reached: fullAt.t,
      // What came after it is gone through again, whatever ended it.
      ended: ended === "cancelled" ? ended : undefined,
      isFull: true,
    };
  }

  // ---- the beginning of a slice

  #open(slice: ColumnSlice, streams: readonly ColumnStream[]): void {
    const { after } = slice;
    holdStart(this.#cells, slice, streams);
    this.#known.isStale.fill(1);
    this.#applier.clear();
    this.#ticks.clear();
    // What is true at `after` was told by whoever came to it: it is no cut of this slice.
    this.#pace.p = this.#walker.truth(after);
    this.#pace.q = this.#walker.follower(after);
    this.#recorder.start(after);
  }

  // ---- windows

  #window(sources: Sources): void {
    const { start, end } = sources;
    const streams = sources.list.length;
    const isLookedAt = this.#mayBeDecided && this.#pieces.isDue();
    if (!isLookedAt) {
      this.#inOrder(sources, end);
      return;
    }
    const rows = sources.rowCount;
    const count = Math.ceil(rows / this.#pieces.rows(streams));
    const decidedBefore = this.#decidedRows;
    let from = start;
    for (let piece = 1; piece <= count; piece += 1) {
      const to = piece === count ? end : Math.floor(start + ((end - start) * piece) / count);
      const isDecided = this.#piece(sources, from, to);
      this.#pieces.note(isDecided, streams);
      if (this.#recorder.fullAt !== undefined) return;
      from = to;
    }
    this.#pieces.noteWindow(this.#decidedRows - decidedBefore, rows);
  }

  /** Goes through rows in (from, to]; whether they were decided as a whole. */
  #piece(sources: Sources, from: number, to: number): boolean {
    const applier = this.#applier;
    const mayApply = applier.look(sources.list, to);
    if (mayApply && isConditionDecided(this.#program, applier.coming, this.#tables)) {
      this.#rows += applier.rowCount;
      this.#decidedRows += applier.rowCount;
      const cuts = applier.apply(from, to);
      this.#pace.cuts += cuts;
      if (cuts > 0) this.#known.isStale.fill(1);
      return true;
    }
    const isSmall = applier.rowCount <= this.#pieces.least(sources.list.length);
    if (!mayApply || isSmall || to - from < 2) {
      this.#inOrder(sources, to);
      return false;
    }
    const middle = from + Math.floor((to - from) / 2);
    this.#piece(sources, from, middle);
    if (this.#recorder.fullAt === undefined) this.#piece(sources, middle, to);
    return false;
  }

  /** Goes through rows up to `end` cut by cut. */
  #inOrder(sources: Sources, end: number): void {
    this.#merge.take(sources.list, end);
    const { t, cell, number, count } = this.#merge.window;
    this.#rows += count;
    let at = 0;
    for (;;) {
      at = this.#walker.walk(t, cell, number, at, count, this.#pace);
      if (at >= count) return;
      at = this.#slowly(at);
    }
  }

  /** Every change of one tick, together; returns the first row of the next. */
  #slowly(start: number): number {
    const moment = this.#merge.window.t[start] as number;
    const next = this.#ticks.apply(start);
    const { changed } = this.#ticks;
    if (changed.length > 0) this.#slowCut(moment, changed);
    return next;
  }

  #slowCut(t: number, changed: readonly number[]): void {
    const pace = this.#pace;
    for (const of of changed) this.#makeStale(this.#cells.columnOf(of));
    pace.cuts += 1;
    const p = this.#walker.truth(t);
    const q = this.#walker.follower(t);
    if (p === pace.p && q === pace.q && !this.#everyCut) return;
    pace.p = p;
    pace.q = q;
    this.#recorder.turnOfMany(t, changed, p, q);
  }

  #makeStale(column: number): void {
    for (const index of this.#readers[column] as readonly number[]) this.#known.isStale[index] = 1;
  }
}

/** By column, the conjuncts that read it: that of the window comes last. */
function readersOf({ when, follower }: Program, columnCount: number): number[][] {
  const all = follower === undefined ? when : [...when, follower];
  return Array.from({ length: columnCount }, (_, column) =>
    all.flatMap(({ columns }, index) => (columns.includes(column) ? [index] : [])),
  );
}
