/**
 * Slices handed to threads: ports and plain shapes. Whoever hands over has read the bytes; whoever is handed
 * them decodes, merges and evaluates, and needs nothing else.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import type { Schema } from "../check/schema.ts";
import type { RunLimits } from "../limits.ts";
import type { SliceResult } from "./slice-result.ts";

/** What a thread must know of a query before its slices come: the text is checked again there. */
export interface SliceSetup {
  readonly text: string;
  readonly schema: Schema;
  readonly now: Hlc;
  /** Which query of the text. */
  readonly index: number;
  /** The nodes of the feed, by place. */
  readonly nodes: readonly string[];
  readonly limits: RunLimits;
}

/** One query's slices. */
export interface OpenSlices {
  /** How many slices are gone through at a time. */
  readonly workers: number;
  /** Goes through a slice; slices may be given before the one before is done. @throws JobBroken if its thread is gone */
  run(slice: ColumnSlice): Promise<SliceResult>;
  /** Slices under way end with `cancelled`, soon. */
  cancel(): void;
  /** Gives the threads back. May be called twice. */
  close(): void;
}

export interface SliceThreads {
  /** How many slices of one query are gone through at a time. */
  readonly workers: number;
  open(setup: SliceSetup): OpenSlices;
  /** Ends all threads. May be called twice. */
  close(): Promise<void>;
}
