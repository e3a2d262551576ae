/**
 * History: the questions that can be asked of the past, as the API, RQL and users' own tests see them.
 * Times are `Hlc`; values are kernel values. `createHistory(store, ...)` in this folder answers.
 *
 * The cut at T is the set of events with t <= T. It is *consistent* if no receive inside has its send
 * outside, *complete* if nothing inside is missing; else the answer says why, per node.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type {
  Cut,
  Diff,
  EventPage,
  EventQuery,
  Incomplete,
  LanePage,
  LogSummary,
  NodeSummary,
  Selection,
  Step,
  Timeline,
  VariableVersion,
} from "./answers.ts";
import type { CausalityAudit, ClockOffsets } from "./audit-shapes.ts";
import type { Bisect } from "./bisect-shapes.ts";
import type { ColumnFeed, ColumnOptions } from "./column-shapes.ts";
import type { FeedOptions, StateFeed, VariablesAsked } from "./feed-shapes.ts";
import type { NodeSide, SideQuery } from "./side-shapes.ts";
import type { Walk } from "./walk-shapes.ts";

export type * from "./answers.ts";
export type * from "./audit-shapes.ts";
export type * from "./bisect-shapes.ts";
export type * from "./column-shapes.ts";
export type * from "./feed-shapes.ts";
export type * from "./side-shapes.ts";
export type * from "./walk-shapes.ts";

/**
 * The questions. Those that may read much of history are answered in short turns of work, so that
 * nothing else waits for them; when `signal` aborts they end with RetroError `cancelled`. Unknown nodes and logs throw RetroError `unknown-node`, `unknown-log` naming the
 * nearest.
 */
export interface History {
  /** The lowest and highest time of anything stored; undefined while empty. */
  extent(): { readonly first: Hlc; readonly last: Hlc } | undefined;
  /** The lowest watermark of the live nodes: every cut up to it is complete, but for lost ranges. */
  liveWatermark(): Hlc | undefined;
  nodes(): readonly NodeSummary[];
  schema(
    range?: { readonly from: Hlc; readonly to: Hlc },
    signal?: AbortSignal,
  ): Promise<readonly LogSummary[]>;
  /** In one turn of the event loop, whatever is to be read. */
  cutAt(t: Hlc, selection?: Selection): Cut;
  /** The same in turns, where much is to be read: messages that nobody has joined yet, violations of others. */
  cutInTurns(t: Hlc, selection?: Selection, signal?: AbortSignal): Promise<Cut>;
  /** Resolves with the cut as soon as it is complete, or as it is after `waitMs`. */
  waitForCut(t: Hlc, selection: Selection, waitMs: number, signal?: AbortSignal): Promise<Cut>;
  diff(
    from: Hlc,
    to: Hlc,
    selection?: Selection,
    options?: { readonly all?: boolean },
    signal?: AbortSignal,
  ): Promise<Diff>;
  /** Nearest first. `next`: moments later than `from`; `prev`: the change at or before `from` is undone first, as (t <= from). */
  step(
    from: Hlc,
    direction: "next" | "prev",
    count: number,
    selection?: Selection,
    signal?: AbortSignal,
  ): Promise<readonly Step[]>;
  /** Versions of one variable in [from, to], the value at `from` first. */
  variable(
    node: string,
    log: string,
    key: string,
    range: { readonly from: Hlc; readonly to: Hlc },
    limit: number,
    signal?: AbortSignal,
  ): Promise<{ readonly versions: readonly VariableVersion[]; readonly next: Hlc | undefined }>;
  /** Why events of [from, to] that concern the selection may be missing; empty: none is. Reads no event. */
  missing(
    range: { readonly from: Hlc; readonly to: Hlc },
    selection?: Selection,
  ): readonly Incomplete[];
  events(query: EventQuery, signal?: AbortSignal): Promise<EventPage>;
  timeline(
    range: { readonly from: Hlc; readonly to: Hlc },
    pixels: number,
    selection?: Selection,
    signal?: AbortSignal,
    page?: LanePage,
  ): Promise<Timeline>;
  /** What the messages of [from, to] say of causality and clocks; of a selection its nodes count. */
  causality(
    range: { readonly from: Hlc; readonly to: Hlc },
    selection?: Selection,
    signal?: AbortSignal,
  ): Promise<CausalityAudit>;
  /** How far the nodes' clocks are apart by the latest messages; undefined: not looked up yet. */
  offsets(): ClockOffsets | undefined;
  /** How nodes were doing: their load, latencies and resources, second by second. */
  side(query: SideQuery, signal?: AbortSignal): Promise<readonly NodeSide[]>;
  /**
   * Runs work of somebody else's in turns with the questions: it may pause at each `yield`, which is to come every few
   * milliseconds, and nothing else waits for it longer than that.
   */
  inTurns<Answer>(work: Generator<void, Answer, void>, signal?: AbortSignal): Promise<Answer>;
  /** Every state of a range as what differs: what queries read. @throws RetroError `bad-parameter` */
  feed(options: FeedOptions): StateFeed;
  /** The same in columns, where nothing but values changes: what is searched fast. */
  columns(options: ColumnOptions): ColumnFeed;
  /** Names of all logs ever seen, and of those in lost ranges. */
  logNames(): readonly string[];
  /**
   * The variables that logs have at the beginning and at the end of a range, or change in it; of a very
   * long range some that come and go within it may be missing. By log; of an unknown one: none.
   */
  variables(
    asked: VariablesAsked,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** Every cut of a range, or the stretches in which a predicate holds: see `Walk`. */
  readonly walk: Walk;
  /** When a predicate turned true that stays true, by halving the range: see `Bisect`. */
  readonly bisect: Bisect;
}
