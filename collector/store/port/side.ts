/**
 * Side blocks: how a node was doing, second by second of its own raw clock. They are not events and no cut sees
 * them; the store keeps their bytes and looks into none.
 */
import type { SideBlock, SideStream } from "../../../agent/kernel/index.ts";

/** A block as stored; its identity is (epochId, stream, second, part). */
export interface StoredSideBlock extends SideBlock {
  readonly epochId: number;
  /** Collector's wall clock when it came, Unix ms. */
  readonly arrivalMs: number;
}

/** Which blocks of an epoch: seconds of the node's raw clock, `untilSecond` not among them. */
export interface SideRange {
  readonly fromSecond: number;
  readonly untilSecond: number;
  /** Absent: all. */
  readonly streams?: readonly SideStream[];
}

/** Removes the oldest blocks of epochs: each from its first on, as long as one condition holds. */
export interface SideRemoval {
  readonly epochIds: readonly number[];
  /** Blocks that came before this, Unix ms. */
  readonly arrivedBeforeMs?: number;
  /** Blocks of seconds before this. */
  readonly beforeSecond?: number;
  /** Removed at most. */
  readonly limit: number;
}
