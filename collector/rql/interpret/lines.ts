/** The lines of an answer: NDJSON, one object a line, as `POST /api/query` sends them. */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { RqlWarning } from "../errors.ts";
import { msOf, type TimeJson, timeJson, valuesJson } from "./output.ts";
import type { Finding, FoundRow } from "./row.ts";
import { type ShortfallJson, shortfallsJson } from "./shortfalls.ts";

export type EndStatus = "done" | "truncated" | "cancelled" | "budget" | "failed";

export interface StartLine {
  readonly type: "start";
  readonly query: number;
  readonly columns: readonly string[];
  readonly from: TimeJson;
  readonly to: TimeJson;
  readonly nodes: readonly string[];
}

export type WarningLine = { readonly type: "warning" } & RqlWarning;

interface RowBase {
  readonly type: "row";
  readonly query: number;
  /** From 1, in the order of time. */
  readonly n: number;
  /** When grouped by service. */
  readonly service?: string;
  readonly complete: boolean;
  readonly incomplete: readonly ShortfallJson[];
  readonly by: readonly string[];
  readonly values: { readonly [column: string]: Json };
}

/** A stretch [from, to). */
export interface IntervalLine extends RowBase {
  readonly from: TimeJson;
  readonly to: TimeJson;
  readonly durationMs: number;
  readonly sinceStart: boolean;
  readonly open: boolean;
}

/** A single cut: EACH CHANGE. */
export interface CutLine extends RowBase {
  readonly at: TimeJson;
}

export type RowLine = IntervalLine | CutLine;

export interface ErrorLine {
  readonly type: "error";
  readonly query: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface EndLine {
  readonly type: "end";
  readonly query: number;
  readonly status: EndStatus;
  readonly rows: number;
  readonly matches: number;
  readonly matchedMs: number;
  readonly unknownMs: number;
  readonly undecided: number;
  readonly cuts: number;
  readonly searchedTo: TimeJson;
  readonly complete: boolean;
  readonly incomplete: readonly ShortfallJson[];
  readonly elapsedMs: number;
}

/** An interval that is still open some time after it was found; its row follows, under the same `n`. */
export interface HitLine {
  readonly type: "hit";
  readonly query: number;
  readonly n: number;
  readonly service?: string;
  readonly from: TimeJson;
  readonly values: { readonly [column: string]: Json };
}

/** What a query is going to do: with EXPLAIN, in place of rows. */
export interface PlanLine {
  readonly type: "plan";
  readonly query: number;
  /** For people. */
  readonly text: string;
  /** The slowest in use. */
  readonly mode: "interpreter" | "compiled" | "incremental";
  readonly workers: number;
  readonly blocks: { readonly read: number; readonly skipped: number; readonly total: number };
  readonly columns: readonly string[];
  /** Why cuts must be visited in order; null: they need not. */
  readonly sequential: string | null;
}

/** How far the search has come. */
export interface ProgressLine {
  readonly type: "progress";
  readonly query: number;
  readonly searchedTo: TimeJson;
  readonly cuts: number;
  /** Of the range's time, from 0 to 1. */
  readonly fraction: number;
}

export type ResultLine =
  | StartLine
  | PlanLine
  | WarningLine
  | HitLine
  | RowLine
  | ProgressLine
  | ErrorLine
  | EndLine;

/** An open interval as it is sent. */
export function hitLine(
  n: number,
  { t, values }: Finding,
  query: number,
  headings: readonly string[],
  service: string | undefined,
  mostBytes: number,
): HitLine {
  const head = { type: "hit", query, n, ...(service === undefined ? {} : { service }) } as const;
  return { ...head, from: timeJson(t), values: valuesJson(headings, values, mostBytes) };
}

/** A row as it is sent. */
export function rowLine(
  found: FoundRow,
  query: number,
  headings: readonly string[],
  service: string | undefined,
  mostBytes: number,
): RowLine {
  const head = {
    type: "row",
    query,
    n: found.n,
    ...(service === undefined ? {} : { service }),
  } as const;
  if (found.kind === "cut") {
    const { finding, shortfalls } = found;
    const { t, by } = finding;
    return {
      ...head,
      at: timeJson(t),
      ...completeness(shortfallsJson(shortfalls, t)),
      by,
      values: valuesJson(headings, finding.values, mostBytes),
    };
  }
  const { t, to, sinceStart, open, shortfalls, by, values } = found.stretch;
  return {
    ...head,
    from: timeJson(t),
    to: timeJson(to),
    durationMs: msOf(to - t),
    sinceStart,
    open,
    ...completeness(shortfallsJson(shortfalls, to as Hlc)),
    by,
    values: valuesJson(headings, values, mostBytes),
  };
}

function completeness(incomplete: readonly ShortfallJson[]): {
  readonly complete: boolean;
  readonly incomplete: readonly ShortfallJson[];
} {
  return { complete: incomplete.length === 0, incomplete };
}
