/**
 * What others keep in the store under a number, without its looking inside: captures, monitors and
 * saved cuts. Whoever writes them bounds their number.
 */
import type { Json } from "../../../agent/kernel/index.ts";

interface Numbered {
  readonly number: number;
  readonly body: Json;
}

interface NumberedWrite {
  readonly put: readonly Numbered[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}

/** One capture (ingest/captures.ts). */
export interface StoredCapture extends Numbered {}

export interface CapturesWrite extends NumberedWrite {}

/** One standing query with its alerts (monitor/monitors.ts). */
export interface StoredMonitor extends Numbered {}

export interface MonitorsWrite extends NumberedWrite {}

/** A cut kept under a name (retention/saved-cuts.ts). The store looks into neither part. */
export interface SavedRecord {
  readonly number: number;
  /** Small: all of them are read at start-up. */
  readonly label: Json;
  readonly bytes: Uint8Array;
}

export interface SavedWrite {
  readonly put: readonly SavedRecord[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}
