/**
 * What others keep in the store under a number, without its looking inside: captures, monitors and
 * saved cuts. Whoever writes them bounds their number.
 */
import type { Json } from "../../../agent/kernel/index.ts";

/** One capture (ingest/captures.ts), kept under its number. The store does not look into it. */
export interface StoredCapture {
  readonly number: number;
  readonly body: Json;
}

export interface CapturesWrite {
  readonly put: readonly StoredCapture[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}

/** One standing query with its alerts (monitor/monitors.ts), kept under its number. The store does not look into it. */
export interface StoredMonitor {
  readonly number: number;
  readonly body: Json;
}

export interface MonitorsWrite {
  readonly put: readonly StoredMonitor[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}

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
