/**
 * Takes down what turns in a slice, and speaks for the interpreter: its word where the fast form has none,
 * the values of a row where one may begin, and warnings.
 */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { BoundExpr, CheckedQuery } from "../check/bound.ts";
import type { CutState } from "../interpret/cut-sequence.ts";
import { Evaluator } from "../interpret/evaluate.ts";
import { datumJson } from "../interpret/output.ts";
import { RunContext } from "../interpret/run-context.ts";
import type { RunLimits } from "../limits.ts";
import { Unknown } from "../values/datum.ts";
import type { Cells } from "./cells.ts";
import { Deadlines } from "./deadlines.ts";
import { decidesByTime, type Program } from "./program.ts";
import type { SliceResult, Turn, TurnFinding } from "./slice-result.ts";
import type { Listener, Pace } from "./walker.ts";

/** Values of nodes in the turns of one slice, about: they wait in memory until they are told. */
const TURN_VALUES = 500_000;

export interface TurnRecorderOptions {
  readonly query: CheckedQuery;
  readonly program: Program;
  readonly cells: Cells;
  readonly pace: Pace;
  readonly limits: RunLimits;
  readonly turnValues: number | undefined;
  readonly isCancelled: () => boolean;
}

/** What was taken down of a slice. */
export type Recorded = Pick<SliceResult, "turns" | "warnings">;

export class TurnRecorder implements Listener {
  readonly #options: TurnRecorderOptions;
  readonly #findsValues: boolean;
  /** What a turn with its values takes of the room. */
  readonly #findingSize: number;
  #context: RunContext;
  #evaluator: Evaluator;
  /** The tick that the evaluator has turned to. */
  #begunAt = Number.NaN;
  #turns: Turn[] = [];
  #warnings: SliceResult["warnings"][number][] = [];
  /** Cells whose change touched the condition, of the tick at hand; undefined: the one that is told. */
  #touched: readonly number[] | undefined;
  /** Whether the cut at hand is the first that is told, and what was told before it not known. */
  #isFirst = false;
  #sameness = "";
  /** What turns of the slice may still take, in values. */
  #room = 0;
  /** Where time alone decides, what else is told than turns; and what was told last. */
  readonly #deadlines: Deadlines | undefined;
  #toldP = 0;
  #toldQ = 0;
  #fullAt: { readonly t: Hlc; readonly cuts: number } | undefined;

  constructor(options: TurnRecorderOptions) {
    const { query, cells } = options;
    this.#options = options;
    this.#findsValues = query.take?.kind !== "COUNT" || query.when === undefined;
    this.#findingSize = query.items.length * Math.max(1, cells.nodeIds.length);
    this.#deadlines = decidesByTime(query) ? new Deadlines(query.window?.ticks ?? 0) : undefined;
    this.#context = this.#newContext();
    this.#evaluator = new Evaluator(query, cells, this.#context);
  }

  /** The last turn that had room, if there was no more for those after it: the slice ends there. */
  get fullAt(): { readonly t: Hlc; readonly cuts: number } | undefined {
    return this.#fullAt;
  }

  /** Another slice begins: nothing is taken down of what is asked until `start`. */
  open(): void {
    const { query, cells, turnValues } = this.#options;
    this.#begunAt = Number.NaN;
    this.#context = this.#newContext();
    this.#evaluator = new Evaluator(query, cells, this.#context);
    this.#room = turnValues ?? TURN_VALUES;
    this.#fullAt = undefined;
    this.#turns = [];
    this.#warnings = [];
  }

  /** The cells hold what they held at `after`: what was asked for so far was told by whoever came there. */
  start(after: Hlc): void {
    this.#sameness = this.#options.query.when === undefined ? this.#samenessAt(after) : "";
    this.#turns = [];
    this.#warnings = [];
    this.#context.forget();
    const { p, q } = this.#options.pace;
    this.#deadlines?.open(after, p);
    this.#toldP = p;
    this.#toldQ = q;
  }

  /** Leaves the tick at hand: whether a Became turned true at it. */
  leave(t: number): boolean {
    const hasBecome = this.#evaluatorAt(t).end();
    this.#noteWarnings(t);
    return hasBecome;
  }

  /** Counts steps. @throws RunEnded */
  step(steps: number): void {
    this.#context.step(steps);
  }

  /** Gives what was taken down away. */
  take(): Recorded {
    const turns = this.#turns;
    const warnings = this.#warnings;
    this.#turns = [];
    this.#warnings = [];
    return { turns, warnings };
  }

  #newContext(): RunContext {
    const { query, limits, isCancelled } = this.#options;
    return new RunContext(query.text, query.index, limits, isCancelled);
  }

  // ---- what the loop asks and tells

  ask(conjunct: number, t: number): number {
    const { when, follower } = this.#options.program;
    const { expr } = (when[conjunct] ?? follower) as { readonly expr: BoundExpr };
    const truth = this.#evaluatorAt(t).truth(expr);
    this.#noteWarnings(t);
    return truth instanceof Unknown ? 2 : truth ? 1 : 0;
  }

  compute(t: number): void {
    this.#evaluatorAt(t);
    this.#noteWarnings(t);
  }

  turn(t: number, cell: number, p: number, q: number): void {
    const { query, pace } = this.#options;
    const moment = t as Hlc;
    if (this.#fullAt !== undefined) return;
    const hasTurned = p !== this.#toldP || q !== this.#toldQ;
    const begins = p === 1 && (this.#toldP !== 1 || query.when === undefined || query.eachChange);
    this.#toldP = p;
    this.#toldQ = q;
    if (this.#deadlines?.isDue(t, p) === false && !hasTurned) return;
    if (query.when === undefined) {
      const sameness = this.#samenessAt(t);
      // At the start of the range Became is false where it is unknown here: the first cut may differ from it.
      if (sameness === this.#sameness && !query.eachChange && !this.#isFirst) return;
      this.#sameness = sameness;
    }
    const finding = this.#findsValues ? this.#findingAt(t, cell, p, begins) : undefined;
    this.#noteWarnings(t);
    this.#turns.push({ t: moment, p, q, cuts: pace.cuts, finding });
    this.#room -= finding === undefined ? 1 : 1 + this.#findingSize;
    // There is room for one at the least, so that a slice always gets on.
    if (this.#room <= 0) this.#fullAt = { t: moment, cuts: pace.cuts };
  }

  /**
   * As `turn`, at a tick at which several cells changed. `isFirst`: what the condition was before may have been
   * told otherwise.
   */
  turnOfMany(
    t: number,
    changed: readonly number[],
    p: number,
    q: number,
    isFirst: boolean = false,
  ): void {
    this.#touched = changed;
    this.#isFirst = isFirst;
    this.turn(t, changed[0] as number, p, q);
    this.#touched = undefined;
    this.#isFirst = false;
  }

  #noteWarnings(t: number): void {
    for (const warning of this.#context.takeWarnings()) {
      this.#warnings.push({ t: t as Hlc, warning });
    }
  }

  // ---- the values of a row

  /** Only where a row begins: values that nobody asks for must not warn. */
  #findingAt(t: number, cell: number, p: number, begins: boolean): TurnFinding | undefined {
    if (p !== 1 || !(begins || this.#isFirst)) return undefined;
    if (!this.#isFirst) return this.#find(t, cell);
    this.#evaluatorAt(t);
    const { result, warnings } = this.#context.aside(() => this.#find(t, cell));
    return { ...result, warnings };
  }

  #find(t: number, cell: number): TurnFinding {
    const values = this.#valuesAt(t, ({ expr }) => expr);
    return { values, by: this.#by(cell), sameness: this.#sameness };
  }

  #valuesAt(t: number, of: (item: CheckedQuery["items"][number]) => BoundExpr): readonly Json[] {
    const evaluator = this.#evaluatorAt(t);
    return this.#options.query.items.map((item) => datumJson(evaluator.evaluate(of(item))));
  }

  #samenessAt(t: number): string {
    return JSON.stringify(this.#valuesAt(t, ({ expr }) => expr));
  }

  #by(cell: number): string[] {
    const { cells, query } = this.#options;
    const nodes = new Set<string>();
    for (const of of this.#touched ?? [cell]) {
      if (query.conditionColumns.has(cells.columnOf(of))) nodes.add(cells.nodeOf(of));
    }
    return [...nodes].sort();
  }

  /** The interpreter's evaluator over the same cells, COMPUTE run. */
  #evaluatorAt(t: number): Evaluator {
    if (this.#begunAt !== t) {
      this.#begunAt = t;
      this.#evaluator.begin(stateAt(t as Hlc, this.#options.cells), t as Hlc, false);
    }
    return this.#evaluator;
  }
}

/** The cells are the state; what is asked of it beside them is nothing that the engine covers. */
function stateAt(t: Hlc, { nodes }: Cells): CutState {
  return { t, nodes, messaging: new Set(), inFlight: () => undefined, incomplete: [] };
}
