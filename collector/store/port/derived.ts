/**
 * What the cut engine worked out and need not work out again: full states, and counts for the timeline.
 * All of it can be made anew from events, so all of it is dropped when a repair makes it wrong.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";

/**
 * A full state of one log, kept by the collector at the end of an event block: the bytes are the cut
 * engine's own (collector/cut). The store adds and verifies a checksum.
 */
export interface CheckpointWrite {
  readonly epochId: number;
  /** State after all events with seq <= this ... */
  readonly seq: number;
  /** ... the last of which has this t; later events of the epoch are later than t. */
  readonly t: Hlc;
  /** Which checkpoint to start from for every log of the epoch. */
  readonly directory: Uint8Array;
  /**
   * `store.repairCount(epochId)` as it was *before* the events behind this checkpoint were read. If a
   * repair came in between, the checkpoint is dropped without a word: it would leave the repair out.
   */
  readonly repairCount: number;
  /** Written so that what lies before it can go: like `prune` it is allowed on a full disk. */
  readonly makesRoom?: true;
  /** Logs that changed since the directory before, with their state. */
  readonly logs: readonly { readonly log: string; readonly bytes: Uint8Array }[];
}

export interface DirectoryRecord {
  readonly epochId: number;
  readonly seq: number;
  readonly t: Hlc;
  readonly bytes: Uint8Array;
}

/** Checkpoints that nobody needs any more, because others near them do. */
export interface CheckpointThinning {
  readonly epochId: number;
  /** As it was before the checkpoints were looked at: after a repair nothing is removed. */
  readonly repairCount: number;
  /** T of directories. */
  readonly directories: readonly Hlc[];
  readonly states: readonly { readonly log: string; readonly seq: number }[];
}

/**
 * What the cut engine counted of stretches of one epoch, so as not to count again: the bytes are its own
 * (cut/timeline-tile.ts). Tile `index` of a level covers [index * span, (index + 1) * span), the span
 * being `tileSpan(level)` of tile-levels.ts. Made from the contiguous prefix alone, so that only a repair makes it stale.
 */
export interface TilesWrite {
  readonly epochId: number;
  /** As in `CheckpointWrite`: tiles counted before a repair are dropped. */
  readonly repairCount: number;
  readonly tiles: readonly TileRecord[];
}

export interface TileRecord {
  readonly level: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}
