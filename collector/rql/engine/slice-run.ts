/**
 * Goes through every cut of a slice of history in columns, and tells where the condition turns.
 *
 *     slice ─▶ streams (decoded block by block) ─▶ windows in order of time ─▶ the walker's loop
 *                                                                              │ slow ticks, turns
 *     cells, aggregates ◀──────────────────────────────────────────────────────┘
 *
 * The loop itself is in walker.ts and generate.ts. Here is what happens seldom: several changes at one
 * tick, values that are no numbers, the interpreter's word where the fast form has none, and the values of
 * a row. One object per query and thread; slices may come in any order, as each says what is held at its
 * beginning.
 */
import { type Hlc, type Json, RetroError } from "../../../agent/kernel/index.ts";
import { type DecodeCounts, streamsOf } from "../../cut/column-rows.ts";
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import type { FeedStanding } from "../../cut/history.ts";
import type { BoundExpr, CheckedQuery } from "../check/bound.ts";
import { type CutState, HELD_ABSENT, type NodeAtCut } from "../interpret/cut-sequence.ts";
import { Evaluator } from "../interpret/evaluate.ts";
import { datumJson } from "../interpret/output.ts";
import { RunContext, RunEnded } from "../interpret/run-context.ts";
import type { RunLimits } from "../limits.ts";
import { ABSENT, fromValue, Unknown } from "../values/datum.ts";
import { RowApplier } from "./apply-rows.ts";
import { type BoundsTables, decided } from "./bounds.ts";
import { Cells, type Given } from "./cells.ts";
import { generatedWalker } from "./generate.ts";
import { NotPlain } from "./not-plain.ts";
import { type Conjunct, type Program, programOf } from "./program.ts";
import type { SliceResult, Turn, TurnFinding } from "./slice-result.ts";
import { TimeMerge } from "./time-merge.ts";
import {
  closureWalker,
  type Known,
  knownOf,
  type Listener,
  type Pace,
  type Walker,
} from "./walker.ts";

export interface SliceRunOptions {
  /** The feed's nodes, by place: ids, sorted. */
  readonly nodes: readonly string[];
  readonly limits: RunLimits;
  /** Whether code may be made from strings; where it may not, closures take over anyway. Default: yes. */
  readonly mayGenerate?: boolean;
  /** Values that the turns of one slice may hold, about; then the slice ends. Default: 500,000. */
  readonly turnValues?: number;
  /** Looked at once per window. */
  readonly isCancelled?: () => boolean;
}

export class SliceRun implements Listener {
  readonly #query: CheckedQuery;
  readonly #options: SliceRunOptions;
  readonly #cells: Cells;
  readonly #program: Program;
  readonly #known: Known;
  readonly #walker: Walker;
  readonly #everyCut: boolean;
  readonly #findsValues: boolean;
  readonly #pace: Pace = { cuts: 0, p: 0, q: 0 };
  readonly counts: DecodeCounts = { blocks: 0, passedOver: 0 };
  #context: RunContext;
  #evaluator: Evaluator;
  /** The tick that the evaluator has turned to. */
  #begunAt = Number.NaN;
  #turns: Turn[] = [];
  #warnings: SliceResult["warnings"][number][] = [];
  /** Nodes of the tick at hand whose change touched the condition; undefined: that of one cell. */
  #touched: ReadonlySet<number> | undefined;
  #sameness = "";
  readonly #applier: RowApplier;
  readonly #tables: Pick<BoundsTables, "numbers" | "readings">;
  readonly #mayBeDecided: boolean;
  #decidedWindows = 0;
  /** What turns of the slice may still take, in values. */
  #room = 0;
  readonly #findingSize: number;
  /** The last turn that had room. */
  #fullAt: { readonly t: Hlc; readonly cuts: number } | undefined;

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
    this.#query = query;
    this.#options = options;
    this.#cells = cells;
    this.#program = program;
    this.#known = knownOf(program);
    // Without a condition each cut may be another row.
    this.#everyCut = query.eachChange || query.when === undefined;
    this.#findingSize = query.items.length * Math.max(1, options.nodes.length);
    this.#applier = new RowApplier(cells);
    this.#tables = program.lowering;
    // Every cut is asked for, or COMPUTE may warn at any: then each is evaluated.
    this.#mayBeDecided = !this.#everyCut && program.watched.length === 0;
    this.#findsValues = query.take?.kind !== "COUNT" || query.when === undefined;
    const generated =
      options.mayGenerate === false
        ? undefined
        : generatedWalker(program, cells, this.#known, this, this.#everyCut);
    this.#walker = generated ?? closureWalker(program, cells, this.#known, this, this.#everyCut);
    this.#context = this.#newContext();
    this.#evaluator = new Evaluator(query, cells, this.#context);
  }

  /** How the query is evaluated, for EXPLAIN. */
  get program(): Program {
    return this.#program;
  }

  run(slice: ColumnSlice): SliceResult {
    this.#open(slice);
    const pace = this.#pace;
    let reached: Hlc = slice.after;
    let ended: SliceResult["ended"];
    let windows = 0;
    try {
      const streams = streamsOf(slice, this.#followed(), this.#lists, this.counts);
      const merge = new TimeMerge(this.#cells, streams, slice.to);
      while (merge.next()) {
        windows += 1;
        const before = pace.cuts;
        this.#window(merge);
        this.#context.step(pace.cuts - before);
        reached = merge.window.until as Hlc;
        if (this.#options.isCancelled?.() === true) throw new RunEnded("cancelled");
        if (this.#fullAt !== undefined) break;
      }
      if (this.#fullAt === undefined) reached = slice.to;
    } catch (error) {
      if (error instanceof RunEnded && error.status !== "truncated") ended = error.status;
      else if (!(error instanceof NotPlain) && !(error instanceof RetroError)) throw error;
    }
    return this.#result(reached, ended, windows);
  }

  #result(reached: Hlc, ended: SliceResult["ended"], windows: number): SliceResult {
    const turns = this.#turns;
    const warnings = this.#warnings;
    this.#turns = [];
    this.#warnings = [];
    const { cuts } = this.#pace;
    const shared = { turns, windows, decidedWindows: this.#decidedWindows };
    const full = this.#fullAt;
    if (full === undefined) return { ...shared, warnings, cuts, reached, ended, isFull: false };
    const told = warnings.filter(({ t }) => t <= full.t);
    // What came after it is gone through again, whatever ended it.
    const wish = ended === "cancelled" ? ended : undefined;
    return {
      ...shared,
      warnings: told,
      cuts: full.cuts,
      reached: full.t,
      ended: wish,
      isFull: true,
    };
  }

  /** Lists of keys met so far, by their hashes. */
  readonly #lists = {
    get: (name: string) => this.#keyLists.get(name),
    set: (name: string, list: readonly { readonly log: string; readonly key: string }[]): void => {
      if (this.#keyLists.size >= KEY_LISTS) this.#keyLists.clear();
      this.#keyLists.set(name, list);
    },
  };
  readonly #keyLists = new Map<string, readonly { readonly log: string; readonly key: string }[]>();

  /** By their places in the query: those that some FROM log has. */
  #followed(): ({ readonly log: string; readonly key: string } | undefined)[] {
    return this.#query.columns.map(({ log, key }) =>
      log === undefined ? undefined : { log, key },
    );
  }

  // ---- the beginning of a slice

  #open({ after, standings, held }: ColumnSlice): void {
    const cells = this.#cells;
    const nodes = cells.nodeIds.length;
    const wanted = new Map(
      held.map(({ node, column, value }) => [column * nodes + node, fromValue(value)] as const),
    );
    for (let cell = 0; cell < cells.kinds.length; cell += 1) {
      const value = wanted.get(cell);
      // Null is a value.
      const given: Given = value === undefined ? ABSENT : value;
      if (!cells.holds(cell, given)) cells.put(cell, given);
    }
    cells.nodes = new Map(
      [...standings]
        .sort((a, b) => a.node - b.node)
        .map((standing) => [cells.nodeIds[standing.node] as string, nodeOf(standing)]),
    );
    this.#known.isStale.fill(1);
    this.#begunAt = Number.NaN;
    this.#context = this.#newContext();
    this.#evaluator = new Evaluator(this.#query, cells, this.#context);
    this.#pace.cuts = 0;
    this.#decidedWindows = 0;
    this.#room = this.#options.turnValues ?? TURN_VALUES;
    this.#fullAt = undefined;
    // What is true at `after` was told by whoever came to it: it is no cut of this slice.
    this.#pace.p = this.#walker.truth(after);
    this.#pace.q = this.#walker.follower(after);
    this.#sameness = this.#query.when === undefined ? this.#samenessAt(after) : "";
    this.#turns = [];
    this.#warnings = [];
  }

  #newContext(): RunContext {
    const { text, index } = this.#query;
    const isCancelled = this.#options.isCancelled ?? ((): boolean => false);
    return new RunContext(text, index, this.#options.limits, isCancelled);
  }

  // ---- windows

  #window(merge: TimeMerge): void {
    const { t, cell, number, count } = merge.window;
    let at = 0;
    if (count > 0 && this.#isDecided(merge)) {
      at = this.#applier.apply(t, cell, number, count, this.#pace);
      if (at > 0) {
        this.#decidedWindows += 1;
        this.#known.isStale.fill(1);
      }
      if (at >= count) return;
      at = this.#slowly(merge, at);
    }
    for (;;) {
      at = this.#walker.walk(t, cell, number, at, count, this.#pace);
      if (at >= count) return;
      at = this.#slowly(merge, at);
    }
  }

  /** Whether no row of the window can turn the condition, nor that of its window. */
  #isDecided(merge: TimeMerge): boolean {
    const coming = this.#mayBeDecided ? merge.bounds() : undefined;
    if (coming === undefined) return false;
    const tables = { cells: this.#cells, ...this.#tables };
    const { when, follower } = this.#program;
    const isDecided = ({ ir }: Conjunct): number | undefined => ir && decided(ir, coming, tables);
    for (const conjunct of when) {
      const truth = isDecided(conjunct);
      // What stands before it would be evaluated at every cut, and may have something to warn of.
      if (truth === undefined) return false;
      if (truth === 0) break;
    }
    return follower === undefined || isDecided(follower) !== undefined;
  }

  /** Every change of one tick, together; returns the first row of the next. */
  #slowly(merge: TimeMerge, start: number): number {
    const { t, cell, number, count } = merge.window;
    const cells = this.#cells;
    const moment = t[start] as number;
    const before = new Map<number, Given>();
    let end = start;
    for (; end < count && t[end] === moment; end += 1) {
      const of = cell[end] as number;
      const value = number[end] as number;
      const given: Given = Number.isNaN(value) ? merge.given(end) : value;
      if (cells.holds(of, given)) continue;
      if (!before.has(of)) before.set(of, cells.valueAt(of));
      cells.put(of, given);
    }
    const changed = [...before].filter(([of, was]) => !cells.holds(of, was)).map(([of]) => of);
    if (changed.length > 0) this.#slowCut(moment, changed);
    return end;
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
    this.#touched = new Set(changed);
    this.turn(t, changed[0] as number, p, q);
    this.#touched = undefined;
  }

  #makeStale(column: number): void {
    const { when, follower } = this.#program;
    const all = follower === undefined ? when : [...when, follower];
    all.forEach(({ columns }, index) => {
      if (columns.includes(column)) this.#known.isStale[index] = 1;
    });
  }

  // ---- what the loop asks and tells

  ask(conjunct: number, t: number): number {
    const { when, follower } = this.#program;
    const { expr } = (when[conjunct] ?? follower) as { readonly expr: BoundExpr };
    const truth = this.#evaluatorAt(t).truth(expr);
    this.#noteWarnings(t);
    return truth instanceof Unknown ? 2 : truth ? 1 : 0;
  }

  compute(t: number): void {
    this.#evaluatorAt(t);
    this.#noteWarnings(t);
  }

  #noteWarnings(t: number): void {
    for (const warning of this.#context.takeWarnings()) {
      this.#warnings.push({ t: t as Hlc, warning });
    }
  }

  turn(t: number, cell: number, p: number, q: number): void {
    const moment = t as Hlc;
    if (this.#fullAt !== undefined) return;
    if (this.#query.when === undefined) {
      const sameness = this.#samenessAt(t);
      if (sameness === this.#sameness && !this.#query.eachChange) return;
      this.#sameness = sameness;
    }
    const finding = p === 1 && this.#findsValues ? this.#find(t, cell) : undefined;
    this.#noteWarnings(t);
    this.#turns.push({ t: moment, p, q, cuts: this.#pace.cuts, finding });
    this.#room -= finding === undefined ? 1 : 1 + this.#findingSize;
    // There is room for one at the least, so that a slice always gets on.
    if (this.#room <= 0) this.#fullAt = { t: moment, cuts: this.#pace.cuts };
  }

  #find(t: number, cell: number): TurnFinding {
    const values = this.#valuesAt(t, ({ expr }) => expr);
    return { values, by: this.#by(cell), sameness: this.#sameness };
  }

  #valuesAt(t: number, of: (item: CheckedQuery["items"][number]) => BoundExpr): readonly Json[] {
    const evaluator = this.#evaluatorAt(t);
    return this.#query.items.map((item) => datumJson(evaluator.evaluate(of(item))));
  }

  #samenessAt(t: number): string {
    return JSON.stringify(this.#valuesAt(t, ({ expr }) => expr));
  }

  #by(cell: number): string[] {
    const cells = this.#cells;
    const touched = this.#touched ?? [cell];
    const nodes = new Set<string>();
    for (const of of touched) {
      if (this.#query.conditionColumns.has(cells.columnOf(of))) nodes.add(cells.nodeOf(of));
    }
    return [...nodes].sort();
  }

  /** The interpreter's evaluator over the same cells, COMPUTE run. */
  #evaluatorAt(t: number): Evaluator {
    if (this.#begunAt !== t) {
      this.#begunAt = t;
      this.#evaluator.begin(stateAt(t as Hlc, this.#cells), t as Hlc, false);
    }
    return this.#evaluator;
  }
}

/** Values of nodes in the turns of one slice, about: they wait in memory until they are told. */
const TURN_VALUES = 500_000;
/** Lists of keys that are remembered. */
const KEY_LISTS = 4_096;

function nodeOf({ service, epoch, status, isMember }: FeedStanding): NodeAtCut {
  return { service, epoch, status, isMember, held: () => HELD_ABSENT };
}

/** The cells are the state; what is asked of it beside them is nothing that the engine covers. */
function stateAt(t: Hlc, { nodes }: Cells): CutState {
  return { t, nodes, messaging: new Set(), inFlight: () => undefined, incomplete: [] };
}
