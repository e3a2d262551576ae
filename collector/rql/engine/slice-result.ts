/**
 * What going through a slice comes to: the cuts at which something turns. Plain data: it travels between
 * threads.
 */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import type { RqlWarning } from "../errors.ts";

/** What was found at a cut at which a row may begin. */
export interface TurnFinding {
  /** One per column, as JSON. */
  readonly values: readonly Json[];
  /** Nodes whose change touched the condition, in order. */
  readonly by: readonly string[];
  /** Without a condition: the selected values, by which an interval ends. */
  readonly sameness: string;
  /** Said if a row begins here; absent: it does, and they stand with those of the slice. */
  readonly warnings?: readonly RqlWarning[];
}

/** A cut at which the condition, or that of its window, is another than before, or that is asked for. */
export interface Turn {
  readonly t: Hlc;
  /** 0 false, 1 true, 2 unknown. */
  readonly p: number;
  readonly q: number;
  /** Cuts of the slice up to this one, itself included. */
  readonly cuts: number;
  /** Where a row may begin here. */
  readonly finding: TurnFinding | undefined;
}

/** Goes through slices of one query, one after the other, in any order. */
export interface SliceEvaluation {
  run(slice: ColumnSlice): SliceResult;
}

export interface SliceResult {
  /** What it tells of is later than this; absent: than the beginning of the slice, as nothing is due there. */
  readonly after?: Hlc;
  /** Something that the query looks at changed at `reached`: the tick after it is a cut. */
  readonly hasPulse?: boolean;
  /** GROUP BY SERVICE: what was found of each, all up to `reached`; then nothing stands here by itself. */
  readonly groups?: readonly { readonly service: string; readonly result: SliceResult }[];
  readonly turns: readonly Turn[];
  readonly cuts: number;
  /** Everything up to here was gone through. Before the end of the slice: it is not plain, or `ended`. */
  readonly reached: Hlc;
  readonly ended: "cancelled" | "budget" | undefined;
  /** It turned so often that it ends at `reached`: another slice goes on from there. */
  readonly isFull: boolean;
  /** In order of time, each place of the text once. */
  readonly warnings: readonly { readonly t: Hlc; readonly warning: RqlWarning }[];
  /** Rows, and those of which bounds decided, so that they were applied and nothing was evaluated. */
  readonly rows: number;
  readonly decidedRows: number;
}
