/** Standing queries and what they told: as they are kept, and as they are answered. Plain data. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { RqlWarning } from "../rql/errors.ts";
import type { IntervalLine, RowLine } from "../rql/interpret/lines.ts";
import type { TimeJson } from "../rql/interpret/output.ts";

/** A row as an alert tells it: an open one has no end yet. */
export type AlertRow =
  | RowLine
  | (Omit<IntervalLine, "to" | "durationMs"> & { readonly to: null; readonly durationMs: null });

export type AlertEvent = "open" | "close" | "amend";

/** One firing. Stored once, under an id that never changes. */
export interface Alert {
  readonly type: "alert";
  /** `<monitor>/<number>`, counted from 1. */
  readonly id: string;
  readonly monitor: string;
  readonly event: AlertEvent;
  /** Of the row that it is about, from 1 in the order in which they were found. */
  readonly n: number;
  /** Null: the row is withdrawn, a repair has shown that it never was. */
  readonly row: AlertRow | null;
}

/** A row that was told and not withdrawn. */
export interface ToldRow {
  readonly n: number;
  readonly service: string;
  readonly from: Hlc;
  /** Null: still open. */
  readonly to: Hlc | null;
  readonly row: AlertRow;
}

/** Everything that is kept of a monitor. */
export interface MonitorRecord {
  readonly id: string;
  readonly name: string | null;
  readonly rql: string;
  /** Where alerts are sent; null: nowhere. */
  readonly webhook: string | null;
  /** Number of the last alert that the webhook has taken. */
  readonly delivered: number;
  /** It looks at the cuts after this. */
  readonly since: Hlc;
  /** Every cut up to here has been evaluated. */
  readonly evaluatedTo: Hlc;
  /** Rows that ended by here are final: more were told since than are kept. */
  readonly finalTo: Hlc;
  readonly nextN: number;
  readonly nextAlert: number;
  /** The latest, by time; those before them are final. */
  readonly rows: readonly ToldRow[];
  /** The latest, in order. */
  readonly alerts: readonly Alert[];
  /** Members that were not waited for, and how far they were known then. */
  readonly laggards: readonly { readonly node: string; readonly watermark: Hlc }[];
  /** Why the last round did not come to its end. */
  readonly trouble: { readonly code: string; readonly message: string } | null;
}

/** What whoever makes a monitor is told beside it. */
export interface MonitorAdvice {
  /** A variable or a node that nobody has, and its like: it may still come. */
  readonly warnings: readonly RqlWarning[];
  /** Those that it looks at, by id: neither left nor expired. */
  readonly nodes: readonly string[];
}

export type MadeMonitor = MonitorRecord & MonitorAdvice;

/** A monitor as `/api/monitors` tells it. */
export interface MonitorJson {
  readonly id: string;
  readonly name: string | null;
  readonly rql: string;
  readonly webhook: string | null;
  /** Alerts that the webhook has not taken yet. */
  readonly undelivered: number;
  readonly since: TimeJson;
  readonly evaluatedTo: TimeJson;
  /** Rows that are open now. */
  readonly open: readonly AlertRow[];
  /** The latest, oldest first. */
  readonly alerts: readonly Alert[];
  readonly trouble: { readonly code: string; readonly message: string } | null;
}

/** The same, as the answer to whoever made it. */
export type MadeMonitorJson = MonitorJson & MonitorAdvice;
