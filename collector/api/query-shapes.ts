/** The lines of `POST /api/query`, one JSON object each, and the alerts of monitors, for those who ask. */

export type { Alert, AlertRow, MadeMonitorJson, MonitorJson } from "../monitor/shapes.ts";
export type {
  CutLine,
  EndLine,
  EndStatus,
  ErrorLine,
  HitLine,
  IntervalLine,
  PlanLine,
  ProgressLine,
  ResultLine,
  RowLine,
  StartLine,
  WarningLine,
} from "../rql/interpret/lines.ts";
export type { ShortfallJson } from "../rql/interpret/shortfalls.ts";

/** The body of the question. `from`, `to`: where queries without ON TIME begin and end to search. */
export interface QueryQuestion {
  readonly rql: string;
  readonly explain?: boolean;
  readonly from?: string;
  readonly to?: string;
}
