/**
 * History in columns, for the stretches in which nothing but values changes: shapes and promises only;
 * column-feed.ts makes them, column-rows.ts reads them. All is plain data, so that another thread may
 * decode what this one has read.
 *
 *     range      |------------------------------------------------------------|
 *     happens        join             loss          watermark of n3
 *     stretches  | - | plain          | - - - | plain | - - - - - - - - - - - |
 *     slices         |-----|-----|----|       |-------|
 *
 * In a plain stretch every cut is complete, nobody joins or leaves, and nothing that is followed is lost.
 */
import type { Hlc, Value } from "../../agent/kernel/index.ts";
import type { FeedColumn, FeedStanding } from "./feed-shapes.ts";

/** Rows with after < t <= to: the state at `after` is known, and no other than values change by `to`. */
export interface PlainStretch {
  readonly after: Hlc;
  readonly to: Hlc;
}

/** What was stored of one node and log, as it lies there. */
export interface ColumnPart {
  /** By its place in the feed's nodes. */
  readonly node: number;
  /** The log whose block it is; undefined: a batch as it came, of all logs. */
  readonly log: string | undefined;
  readonly bytes: Uint8Array;
  /** The bytes are a record that is still to be checked, against this key (`checkedBlock`). */
  readonly key?: Uint8Array;
  /** Of a block: when its segment begins, how many events it has, and the last of them. */
  readonly segmentT: Hlc;
  readonly count: number;
  readonly lastT: Hlc;
}

/**
 * What a node holds where a slice begins, or where the node's first part begins, if that is earlier: rows
 * from there on tell the rest. Whoever is not named holds nothing.
 */
export interface HeldAtStart {
  readonly node: number;
  readonly column: number;
  readonly value: Value;
}

/** A part of a plain stretch, complete in itself: whoever has it needs nothing else to go through its cuts. */
export interface ColumnSlice extends PlainStretch {
  readonly standings: readonly FeedStanding[];
  readonly held: readonly HeldAtStart[];
  /** By node, then by time. */
  readonly parts: readonly ColumnPart[];
  /** Events in it, about, and those of all its parts: some lie before or behind it. */
  readonly eventCount: number;
  readonly partEventCount: number;
}

/** Which columns, of which nodes; as `FeedOptions`. */
export interface ColumnOptions {
  /** The range, both ends included. */
  readonly from: Hlc;
  readonly to: Hlc;
  /** Undefined where nothing is to be followed: the others keep their places. */
  readonly columns: readonly (FeedColumn | undefined)[];
  /** Stretches with fewer events, about, are not told. */
  readonly leastEvents: number;
  /** The nodes that count; absent: all. Names that nobody knows are passed over. */
  readonly nodes?: readonly string[];
}

/**
 * The plain stretches of a range, and their slices. It is of the nodes and runs that were known when it was
 * opened, as a `StateFeed`. Works in short turns; holds no read of the store between.
 *
 * @throws RetroError from each method: `cancelled` (or the signal's own error), `overloaded`
 */
export interface ColumnFeed {
  /** Every node that may appear, by id. */
  readonly nodes: readonly string[];
  /** In order; they do not touch. Cost: records, and a state or two for each. */
  stretches(signal?: AbortSignal): Promise<readonly PlainStretch[]>;
  /**
   * The slice after `after`, which lies in the stretch that ends at `to`, with about `events` events. Undefined:
   * something of it cannot be read, or is no longer there, or not plain after all: its states tell.
   * Cost: the state at `after`, and the bytes of its blocks, which are not decoded.
   */
  slice(
    after: Hlc,
    to: Hlc,
    events: number,
    signal?: AbortSignal,
  ): Promise<ColumnSlice | undefined>;
}
