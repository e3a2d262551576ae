/** Bounds on standing queries. */
import type { RunLimits } from "../rql/limits.ts";

export interface MonitorLimits {
  /** Monitors at a time; one more is refused, `too-many`. */
  readonly monitors: number;
  /** How often it is looked whether more is known. */
  readonly lookMs: number;
  /** Rows of a monitor that a repair may still amend. */
  readonly rows: number;
  /** Alerts of a monitor that are kept. */
  readonly alerts: number;
  /** How far a monitor got is written at least so often. */
  readonly saveMs: number;
  readonly nameLength: number;
  /** After a webhook took no alert it is tried again, after this, then ever longer .. */
  readonly retryMs: number;
  /** .. up to this. */
  readonly mostRetryMs: number;
}

export const MONITOR_LIMITS: MonitorLimits = {
  monitors: 64,
  lookMs: 250,
  rows: 256,
  alerts: 256,
  saveMs: 10_000,
  nameLength: 200,
  retryMs: 1_000,
  mostRetryMs: 60_000,
};

/** Bounds of one round: rows are kept, and told to many. */
export const MONITOR_RUN_LIMITS: Partial<RunLimits> = { rows: 10_000, rowBytes: 8 * 1024 };
