/**
 * One query over one set of nodes (all that are selected, or those of one service), state by state.
 *
 *     state ─▶ tracker: what differs? ─▶ a cut? ─▶ COMPUTE, WHEN, q ─▶ intervals, followers ─▶ rows
 *                 │                                        ▲
 *                 └ ticks between states at which time alone turns something: an Age passes its
 *                   constant; the tick after a Changed or Became
 *
 * Evaluated are the start of the range, every tick at which a named variable or the membership differs,
 * sends and receives and changes of status where the query asks for them, and those ticks between.
 */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { Incomplete } from "../../cut/history.ts";
import type { CheckedQuery } from "../check/bound.ts";
import type { Turn } from "../engine/slice-result.ts";
import { type Truth, UNDEFINED } from "../values/datum.ts";
import { ChangeTracker, type Chooses } from "./change-tracker.ts";
import type { CutRange, CutState } from "./cut-sequence.ts";
import { Evaluator } from "./evaluate.ts";
import { Followers } from "./followers.ts";
import { Intervals } from "./intervals.ts";
import { datumJson } from "./output.ts";
import type { Finding, FoundRow, RunTotals, Stretch } from "./row.ts";
import type { RunContext } from "./run-context.ts";
import { type Shortfall, Shortfalls } from "./shortfalls.ts";

export class GroupRun {
  /** The first cut later than the start of the range. */
  firstCutAt: Hlc | undefined;
  readonly #query: CheckedQuery;
  readonly #sequence: CutRange;
  readonly #context: RunContext;
  readonly #tracker: ChangeTracker;
  readonly #evaluator: Evaluator;
  readonly #shortfalls: Shortfalls;
  readonly #intervals: Intervals;
  readonly #followers: Followers | undefined;
  /** Rows that qualified since they were taken last. */
  #found: FoundRow[] = [];
  #state: CutState | undefined;
  /** The last tick that was looked at. */
  #t: Hlc | undefined;
  /** The last tick that was done with: behind #t while it is evaluated. */
  #doneTo: Hlc | undefined;
  /** The tick after a Changed or Became. */
  #pulseAt: Hlc | undefined;
  #statuses = "";
  #cuts = 0;
  #matches = 0;
  #matchedTicks = 0;
  /** The end of the last row. */
  #matchedTo: Hlc;

  constructor(query: CheckedQuery, sequence: CutRange, context: RunContext, chooses: Chooses) {
    this.#query = query;
    this.#sequence = sequence;
    this.#context = context;
    this.#matchedTo = sequence.from;
    this.#tracker = new ChangeTracker(query.columns, chooses);
    this.#evaluator = new Evaluator(query, this.#tracker, context);
    this.#shortfalls = new Shortfalls(query.columns);
    const { window } = query;
    const least = window?.kind === "for-at-least" ? window.ticks : 0;
    const isWatched = window !== undefined && window.kind !== "for-at-least";
    this.#intervals = new Intervals((stretch) => {
      if (!isWatched && stretch.to - stretch.t >= least) this.#match(stretch);
    });
    if (isWatched) {
      const emit = (stretch: Stretch): void => this.#match(stretch);
      const { waiting } = context.limits;
      const kind = window.kind === "then" ? "then" : "not-followed-by";
      const { ticks } = window;
      this.#followers = new Followers({ kind, ticks, most: waiting }, emit, () => this.#isFull());
    }
  }

  get totals(): RunTotals {
    return {
      matches: this.#matches,
      matchedTicks: this.#matchedTicks,
      unknownTicks: this.#intervals.unknownTicks,
      undecided: this.#followers?.undecided ?? 0,
      cuts: this.#cuts,
    };
  }

  /** What was missing at some cut that was searched. */
  get shortfalls(): readonly Shortfall[] {
    return this.#shortfalls.all;
  }

  /** An interval that has not ended and will be a row, whatever comes. */
  get openRow(): { readonly n: number; readonly finding: Finding } | undefined {
    const { window, eachChange } = this.#query;
    const isWatched = window !== undefined && window.kind !== "for-at-least";
    const finding = this.#intervals.open;
    if (finding === undefined || isWatched || eachChange) return undefined;
    const isLongEnough = (this.#t as Hlc) - finding.t >= (window?.ticks ?? 0);
    return isLongEnough ? { n: this.#matches + 1, finding } : undefined;
  }

  /** Up to where was searched. */
  get searchedTo(): Hlc {
    return this.#doneTo ?? this.#sequence.from;
  }

  /** Selected nodes of the state at hand. */
  get nodes(): readonly string[] {
    return [...this.#tracker.nodes.keys()];
  }

  takeFound(): FoundRow[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }

  /** Takes the next state of the sequence. */
  move(state: CutState): void {
    this.#passTime((state.t - 1) as Hlc);
    if (this.#isFull()) return;
    const isStart = this.#state === undefined;
    const isScheduled = !isStart && this.#nextTick() === state.t;
    const passing = isScheduled ? this.#passingAges(state.t) : [];
    const differs = this.#tracker.moveTo(state, this.#sequence);
    this.#state = state;
    this.#t = state.t;
    // A message to or from a selected node may be moved by one that is not selected.
    const isMessaging = this.#query.usesMessages && state.messaging.size > 0;
    const messages = isMessaging ? this.nodes.filter((node) => state.messaging.has(node)) : [];
    const hasNewStatus = this.#hasNewStatus();
    const isCut = differs || isScheduled || isMessaging || hasNewStatus;
    if (this.#isFullBy(state.t)) return;
    this.#shortfalls.moveTo(state.t, this.#tracker.nodes, this.#missingIn(state));
    if (isCut) this.#evaluate(state.t, isStart, isStart ? [] : [...messages, ...passing]);
    this.#note();
  }

  /**
   * A turn found by the engine in a stretch in which nothing but values changes, and nothing is missing.
   * `before`: cuts before its slice. Whether its cut was looked at: not if time alone has decided before.
   */
  turn({ t, p, q, cuts, finding }: Turn, before: number): boolean {
    this.#pulseAt = undefined;
    this.#cuts = before + cuts - 1;
    if (this.#isFullBy(t)) return false;
    this.#t = t;
    this.firstCutAt ??= t;
    this.#cuts = before + cuts;
    const truth = truthOf(p);
    const { sameness = "", values = [], by = [], warnings = [] } = finding ?? {};
    const find = (): Finding => {
      for (const warning of warnings) this.#context.say(warning);
      return { t, values, by };
    };
    if (this.#query.eachChange && truth === true) this.#matchCut(find());
    this.#intervals.move(t, truth, false, sameness, find);
    this.#followers?.move(t, truth, truthOf(q), find);
    this.#note();
    return true;
  }

  /** The next tick at which time alone turns something; infinite: there is none, or nothing more is wanted. */
  get nextTick(): number {
    if (this.#state === undefined || this.#isFull()) return Number.POSITIVE_INFINITY;
    return this.#nextTick();
  }

  /** What comes next is later than `after`: the ticks up to there at which time turns something are due. */
  passUntil(after: Hlc): void {
    this.#passTime(after);
  }

  /**
   * The engine has gone through all up to `reached`; `cuts` so far. `hasPulse`: something that the query looks
   * at changed there.
   */
  passed(reached: Hlc, cuts: number, hasPulse: boolean): void {
    this.#t = reached;
    this.#cuts = cuts;
    this.#doneTo = reached;
    this.#pulseAt = hasPulse ? ((reached + 1) as Hlc) : undefined;
  }

  /** Takes the state to which the engine has come: no cut, it was told. */
  resume(state: CutState): void {
    this.#tracker.moveTo(state, this.#sequence);
    this.#tracker.settle();
    this.#state = state;
    this.#t = state.t;
    if (this.#query.becames.length > 0) {
      // What was true by here: Became asks for it at the next cut.
      this.#evaluator.begin(state, state.t, false);
      this.#evaluator.end();
    }
    this.#shortfalls.moveTo(state.t, this.#tracker.nodes, this.#missingIn(state));
  }

  /** The range ends, `end` included. */
  finish(end: Hlc): void {
    this.#passTime(end);
    if (this.#isFull() || this.#isFullBy((end + 1) as Hlc)) return;
    this.#t = end;
    this.#followers?.finish(end);
    this.#intervals.finish(end);
    this.#doneTo = end;
  }

  /** Evaluates the ticks up to `last` at which time alone turns something. */
  #passTime(last: Hlc): void {
    if (this.#state === undefined) return;
    for (let tick = this.#nextTick(); tick <= last; tick = this.#nextTick()) {
      if (this.#isFullBy(tick)) return;
      const passing = this.#passingAges(tick);
      this.#tracker.settle();
      this.#t = tick;
      this.#evaluate(tick, false, passing);
      this.#note();
      if (this.#isFull()) return;
    }
  }

  /** Whether all that is wanted was found: no later tick is looked at, whatever states there are. */
  #isFull(): boolean {
    const { take } = this.#query;
    return (take?.kind === "FIRST" || take?.kind === "LIMIT") && this.#matches >= take.count;
  }

  /**
   * Whether what was waited for, and is decided by time alone before `t`, is all that is wanted: then nothing
   * at `t` is looked at.
   */
  #isFullBy(t: Hlc): boolean {
    const before = this.#matches;
    this.#followers?.expire(t);
    if (this.#matches === before || !this.#isFull()) return false;
    this.#doneTo = this.#matchedTo;
    this.#intervals.leave(this.#matchedTo);
    return true;
  }

  #nextTick(): Hlc {
    const now = this.#t as Hlc;
    let next: number = this.#pulseAt ?? Number.POSITIVE_INFINITY;
    for (const [, , tick] of this.#ageTicks()) if (tick > now && tick < next) next = tick;
    return next as Hlc;
  }

  #passingAges(tick: Hlc): string[] {
    return this.#ageTicks().flatMap(([node, , passes]) => (passes === tick ? [node] : []));
  }

  /** For each Age that is compared: node, column, and the tick at which the comparison may turn. */
  #ageTicks(): (readonly [node: string, column: number, tick: number])[] {
    return this.#query.ages.flatMap(({ column, node: only, ticks }) =>
      this.nodes.flatMap((node) => {
        const changedAt = this.#tracker.changedAt(column, node);
        const isAsked = only === undefined || only === node;
        return changedAt === undefined || !isAsked
          ? []
          : [[node, column, changedAt + ticks] as const];
      }),
    );
  }

  /** What is missing of selected nodes; and of those of which not even that is known, unless nodes are named. */
  #missingIn({ nodes, incomplete }: CutState): readonly Incomplete[] {
    if (incomplete.length === 0) return incomplete;
    const { nodes: asked } = this.#query;
    return incomplete.filter(({ node }) =>
      nodes.has(node) ? this.#tracker.nodes.has(node) : asked === undefined || asked.includes(node),
    );
  }

  #hasNewStatus(): boolean {
    if (!this.#query.usesStatus) return false;
    const told = JSON.stringify([...this.#tracker.nodes].map(([id, { status }]) => [id, status]));
    const isNew = told !== this.#statuses;
    this.#statuses = told;
    return isNew;
  }

  #evaluate(t: Hlc, isStart: boolean, alsoBy: readonly string[]): void {
    const { when, window, eachChange, items, take } = this.#query;
    const evaluator = this.#evaluator;
    this.#pulseAt = undefined;
    if (!isStart) this.firstCutAt ??= t;
    evaluator.begin(this.#state as CutState, t, isStart);
    this.#cuts += 1;
    const truth: Truth = when === undefined ? true : evaluator.truth(when);
    const q: Truth = window?.expr === undefined ? false : evaluator.truth(window.expr);
    // What is only counted shows no values.
    const shown = take?.kind === "COUNT" ? [] : items;
    const values = (): readonly Json[] =>
      shown.map(({ expr }) => datumJson(evaluator.evaluate(expr)));
    const find = (): Finding => ({ t, values: values(), by: isStart ? [] : this.#by(alsoBy) });
    if (eachChange && truth === true) this.#matchCut(find());
    // Without a condition the interval ends when a selected value differs; an Age always does.
    const lasting = items.filter(({ isAge }) => !isAge).map(({ expr }) => expr);
    const sameness =
      when === undefined
        ? JSON.stringify(lasting.map((expr) => datumJson(evaluator.evaluate(expr))))
        : "";
    this.#intervals.move(t, truth, isStart, sameness, find);
    this.#followers?.move(t, truth, q, find);
    const hasBecome = evaluator.end() && !isStart;
    if (hasBecome || this.#hasChanged()) this.#pulseAt = (t + 1) as Hlc;
  }

  #hasChanged(): boolean {
    return this.#query.changes.some(({ column, node }) =>
      node === undefined
        ? this.#tracker.changedAnywhere(column)
        : this.#tracker.changed(column, node) === true,
    );
  }

  #by(also: readonly string[]): string[] {
    const touched = this.#tracker.touchedIn(this.#query.conditionColumns);
    return [...new Set([...touched, ...also])].sort();
  }

  #note(): void {
    const { current } = this.#shortfalls;
    this.#intervals.note(current);
    this.#followers?.note(current);
    this.#doneTo = this.#t;
  }

  #match(stretch: Stretch): void {
    // Several may be decided at once, and fewer be wanted.
    if (!this.#query.eachChange && this.#isFull()) return;
    this.#matchedTicks += stretch.to - stretch.t;
    if (this.#query.eachChange) return;
    this.#matches += 1;
    this.#matchedTo = stretch.to;
    this.#found.push({ kind: "interval", n: this.#matches, stretch });
  }

  #matchCut(finding: Finding): void {
    this.#matches += 1;
    const shortfalls = new Set(this.#shortfalls.current);
    this.#found.push({ kind: "cut", n: this.#matches, finding, shortfalls });
  }
}

function truthOf(code: number): Truth {
  return code === 2 ? UNDEFINED : code === 1;
}
