/**
 * Every state of a range as what differs from the one before: what a query language reads. Shapes and
 * promises only; `state-feed.ts` makes it. Steps hold plain data, so that another thread may read them.
 *
 *     t        held                          a node's variables, by the numbers of node and column
 *     100      n0.c0 = 7, n1.c0 = 7          the first step: all that is held at `from`
 *     120      n0.c0 = 8                     what differs since
 *     130      n1.c0 lost, n1 lagging        what is missing is told where it begins and ends
 */
import type { Hlc, LostRange, Value } from "../../agent/kernel/index.ts";
import type { Incomplete, NodeStatus } from "./answers.ts";

/** A variable that is followed, named by its place in `FeedOptions.columns`. */
export interface FeedColumn {
  readonly log: string;
  readonly key: string;
}

export interface FeedOptions {
  /** The range, both ends included. */
  readonly from: Hlc;
  readonly to: Hlc;
  readonly columns: readonly FeedColumn[];
  /** The nodes that count; absent: all. Names that nobody knows are passed over. */
  readonly nodes?: readonly string[];
  /** Whether sends and receives show, and what is in flight is told with them. Default: no. */
  readonly messages?: boolean;
}

/** Which variables logs have in a range. */
export interface VariablesAsked {
  readonly logs: readonly string[];
  readonly from: Hlc;
  readonly to: Hlc;
  /** Asked now and then with what was found; true ends the search. */
  readonly isEnough?: (found: ReadonlyMap<string, ReadonlySet<string>>) => boolean;
}

/** What a node holds of a column. */
export type FeedHeld =
  | { readonly is: "known"; readonly value: Value }
  /** Never set in this epoch, deleted, or the node is no member. */
  | { readonly is: "absent" }
  /** Lost ranges that it has not recovered from; none: retention took it. */
  | { readonly is: "lost"; readonly by: readonly LostRange[] };

/** A node from here on. Before the first of these it had not joined. */
export interface FeedStanding {
  /** By its place in `StateFeed.nodes`. */
  readonly node: number;
  readonly service: string;
  readonly epoch: number;
  /** Up to the watermark `live` or `left`; past it the collector's judgement. */
  readonly status: NodeStatus;
  /** Joined, and neither left nor expired. */
  readonly isMember: boolean;
}

export interface FeedChange {
  readonly node: number;
  readonly column: number;
  readonly held: FeedHeld;
}

export interface FeedMessage {
  readonly from: string;
  readonly to: string | null;
}

/** Missing from a node's part from here on, beside what lost ranges leave lost: in place of what was. */
export interface FeedMissing {
  /** By its place in `StateFeed.nodes`; -1: members that are known by their messages alone, or are forgotten. */
  readonly node: number;
  readonly incomplete: readonly Incomplete[];
}

/** What differs at one tick from the step before. */
export interface FeedStep {
  readonly t: Hlc;
  readonly standings: readonly FeedStanding[];
  readonly changes: readonly FeedChange[];
  readonly missing: readonly FeedMissing[];
  /** Nodes that sent or received at this tick. */
  readonly messaging: readonly number[];
  /**
   * Messages in flight, where `messages` was asked for; null: lost ranges may hold some. Absent: not asked.
   */
  readonly inFlight?: readonly FeedMessage[] | null;
}

/** A column's last change at or before the range. */
export interface FeedLastChange {
  readonly node: number;
  readonly column: number;
  /** Undefined: before what is retained. */
  readonly at: Hlc | undefined;
  /** Absent if the change came with a new epoch or with the node's leaving: epochs are kept apart. */
  readonly previous: FeedHeld;
}

/** Steps of the next stretch, and how far that went: there may be none in it. */
export interface FeedChunk {
  readonly steps: readonly FeedStep[];
  /** Every state up to here has been given. */
  readonly reached: Hlc;
}

/** What is gone through in columns: every row with after < t <= to. */
export interface ColumnStretch {
  readonly after: Hlc;
  readonly to: Hlc;
}

/** What the header of a block says of its numbers; or of a batch that is not sealed, which says nothing. */
export interface PlannedBlock {
  /** By its place in `StateFeed.nodes`. */
  readonly node: number;
  /** Undefined: a batch, of all logs. */
  readonly log: string | undefined;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** Infinite where it holds anything that is no number, or where nothing is said. */
  readonly least: number;
  readonly greatest: number;
}

/** What of the store a feed is going to read. */
export interface FeedPlan {
  /** Blocks of segments, and batches that are not sealed. */
  readonly blocksRead: number;
  /** Blocks of segments that hold nothing of the columns. */
  readonly blocksSkipped: number;
  /** Those read in columns; undefined: too many to name. */
  readonly blocks: readonly PlannedBlock[] | undefined;
  /** Events of the selected nodes that are read in columns, about. */
  readonly columnEvents: number;
  /** The latest of the nodes' checkpoints at or before `from`; undefined: some node has none. */
  readonly start: Hlc | undefined;
  /** Events between the checkpoints and `from`, about. */
  readonly startEvents: number;
}

/**
 * The states of a range, chunk by chunk, in rising order of t; the first step is at `from`. It is of the
 * nodes and runs that were known when it was opened: what is told to the collector later may be missing
 * in it, and it is judged by what was known then. Works in short turns; holds no read of the store between.
 *
 * Cost: the state at `from`, then the events of the logs named, each once. Memory: one state and one chunk.
 *
 * @throws RetroError from each method: `cancelled` (or the signal's own error), `overloaded`,
 * `outside-retention` (retriable) if retention removed what was still to be read
 */
export interface StateFeed {
  readonly from: Hlc;
  readonly to: Hlc;
  /** Every node that may appear, by id. */
  readonly nodes: readonly string[];
  /** Every service that one of them had. */
  readonly services: readonly string[];
  /** Undefined: the range is over. */
  next(signal?: AbortSignal): Promise<FeedChunk | undefined>;
  /**
   * When these columns changed last, at or before `from`; without an entry: never, and absent. Looks back
   * further and further until it is found: of a column that hardly changes much of history may be read.
   */
  lastChanges(columns: readonly number[], signal?: AbortSignal): Promise<readonly FeedLastChange[]>;
  /**
   * Where the end of the range begins that has so many events of the selected nodes, within a factor of two;
   * `from`, if hardly more are in it. Reads records.
   */
  endWith(events: number, signal?: AbortSignal): Promise<Hlc>;
  /**
   * What is going to be read. Of the stretches that are gone through in columns (`ColumnFeed.stretches`) blocks
   * are told apart by their lists of keys, which are read; everywhere else by their logs.
   */
  plan(stretches: readonly ColumnStretch[], signal?: AbortSignal): Promise<FeedPlan>;
  /** Ends the reading. May be called twice. */
  close(): void;
}
