/** What ingest is given, and its limits. */
import type { HistoryStore } from "../store/history-store.ts";
import type { EpochLimits, FullLogsView } from "./epoch-room.ts";
import type { IngestNotice } from "./notice.ts";
import type { IngestGate } from "./prepare.ts";
import type { RateLimit } from "./rate-limits.ts";
import type { IngestTimers } from "./timers.ts";

export const DEFAULT_MAX_QUEUED_BYTES: number = 64 * 1024 * 1024;
export const DEFAULT_MAX_GROUP_BYTES: number = 8 * 1024 * 1024;

export interface IngestOptions {
  readonly store: HistoryStore;
  readonly timers: IngestTimers;
  /** A node silent for so long has expired. Default: 60 s. */
  readonly expireAfterMs?: number;
  /** How far a live agent's stamps may be ahead of the collector's clock. Default: 1 day. */
  readonly maxAheadMs?: number;
  /** Bytes of bodies that may wait for the store; beyond them requests are refused, `overloaded`. */
  readonly maxQueuedBytes?: number;
  /** Bytes of bodies that go into one transaction. */
  readonly maxGroupBytes?: number;
  /** So much a second is taken from one node. */
  readonly nodeRate?: RateLimit;
  /** Nodes and epochs that are kept. */
  readonly limits?: Partial<EpochLimits>;
  /**
   * Messages longer on their way are kept apart. The same as the cut engine's `messageTimeoutMs`; to
   * change it for a store that has history leaves what is stored as it is. Default: 30 s.
   */
  readonly messageTimeoutMs?: number;
  /** Logs that take no more variables. Default: every log does. */
  readonly fullLogs?: FullLogsView;
  /** Whether a batch is older than what is retained. */
  readonly isTooOld?: IngestGate["isTooOld"];
  /** Told of nodes that come, go and are sent to another name; for the log. */
  readonly onNotice?: (notice: IngestNotice) => void;
}
