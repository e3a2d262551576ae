/**
 * One query's evaluation as work that is handed over, bit by bit: ports and plain shapes. Who hands over
 * reads the store; who evaluates may be another thread, so that no condition holds up the event loop.
 *
 *     reader                      evaluating thread
 *     start(job)  ──────────────▶ checks the text again, as trees do not travel
 *     take(steps) ──────────────▶ folds, evaluates     ──▶ write(lines), waits until they are taken
 *     pass(result) ─────────────▶ rows of what the engine found in a slice (../engine)
 *     finish()    ──────────────▶ last rows, end
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { FeedStep } from "../../cut/history.ts";
import type { Schema } from "../check/schema.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import type { RunFailure } from "../interpret/interpretation.ts";
import type { RunLimits } from "../limits.ts";
import type { FeedHead } from "./fold.ts";

export interface QueryJob {
  readonly text: string;
  readonly schema: Schema;
  readonly now: Hlc;
  /** Which query of the text. */
  readonly index: number;
  readonly head: FeedHead;
  /** Milliseconds spent on the query before: on passes that did not answer. */
  readonly spentMs?: number;
  readonly limits: Partial<RunLimits>;
}

/** How far a job has come. */
export interface JobState {
  /** No further steps are wanted: finish. */
  readonly isOver: boolean;
  readonly rows: number;
  readonly cuts: number;
  readonly searchedTo: Hlc;
  /** Of LAST: rows that it would tell, of those that surely begin in what was searched. Else 0. */
  readonly lastRows: number;
}

/** Takes lines of NDJSON; resolves when there is room for more. */
export type WriteLines = (text: string) => Promise<void>;

/**
 * A job that has started. Each call resolves once its lines are taken; a further call may be made before
 * that and waits its turn.
 * @throws JobBroken from each call if the thread is gone
 */
export interface RunningJob {
  /** `resumes`: the first step tells all that is held where slices have come to, and is no cut. */
  take(steps: readonly FeedStep[], resumes?: boolean): Promise<JobState>;
  /** What the engine found in a slice, in place of its steps. */
  pass(result: SliceResult): Promise<JobState>;
  /** The range is over, or `isOver`. Nothing may follow. */
  finish(): Promise<JobState>;
  /** It cannot go on. Nothing may follow. */
  fail(failure: RunFailure): Promise<JobState>;
  /** Nobody wants it any more: it ends within `CANCEL_MS`, wherever it is. After the end: nothing. */
  cancel(): void;
}

export interface QueryThreads {
  /** Begins a job: its first lines are those of its start. */
  start(job: QueryJob, write: WriteLines): RunningJob;
  /** Ends all jobs. May be called twice. */
  close(): Promise<void>;
}
