/**
 * A tile in the page's memory: one answer of `/api/timeline`, as typed columns.
 *
 * All lanes of a tile share their columns: lane i has the rows from `ends[i - 1]` up to `ends[i]`. Rows
 * stand only for cells in which something happened, ascending. `levels[0]` is what the collector sent,
 * each further one has cells twice as wide (cell-columns.ts): so a tile can be drawn from far away
 * before its parent has been asked for.
 *
 *     levels[2]   |        7        |
 *     levels[1]   |   3    |   4    |
 *     levels[0]   | 1 | 2  | 0 | 4  |
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { LaneFacts, SendColumns } from "../model/timeline-facts.ts";

/** Counts of a tile's lanes at one cell width. */
export interface CellColumns {
  /** Row after the last of each lane. */
  readonly ends: Uint32Array;
  /** Number of the cell, from the tile's `from`. */
  readonly cell: Uint16Array;
  readonly changes: Uint32Array;
  /** Sends and receives. */
  readonly messages: Uint32Array;
  readonly requests: Uint32Array;
  readonly marks: Uint32Array;
  /** The worst residence in microseconds; never a mean. */
  readonly worstUs: Float64Array;
  readonly flagged: Uint8Array;
}

/** Single events of a tile's lanes; changes of one commit are one row. */
export interface EventColumns {
  readonly ends: Uint32Array;
  /** Ticks, ascending within a lane. */
  readonly times: Float64Array;
  readonly glyphs: Uint8Array;
  readonly residenceUs: Float64Array;
  /** Events of the row. */
  readonly counts: Uint32Array;
  /** Index of the row's first event among the events of the lane's text. */
  readonly firsts: Uint32Array;
  /** Of each lane, its event lines as a JSON array: read when somebody points at one. */
  readonly texts: readonly string[];
}

/** What is known of a node, without its events. */
export type TileLane = Omit<LaneFacts, "exact" | "buckets">;

export interface Tile {
  /** First and last tick, both in it. */
  readonly from: Hlc;
  readonly to: Hlc;
  /** Width of a cell of `levels[0]`, a power of two. */
  readonly cellTicks: number;
  readonly lanes: readonly TileLane[];
  readonly levels: readonly CellColumns[];
  /** Null where the tile holds too many events to give them one by one. */
  readonly events: EventColumns | null;
  /** One by one where the tile is exact, else gathered. */
  readonly messages: SendColumns;
  /** What it takes in memory, about. */
  readonly bytes: number;
}
