/** What the collector's cuts say of the ring, and what about it is not as it must be. */
import type { Hlc } from "retroscope";
import type { Collector, WalkRow } from "retroscope/collector";
import { isMendable, isOneRing, KILLED_LOG, RING_LOG, type RingState, ringAt } from "./one-ring.ts";

export type History = Collector["history"];

export interface TakenStep {
  readonly text: string;
  readonly t: Hlc;
}

export interface Stretch {
  readonly from: Hlc;
  readonly to: Hlc;
}

/** The parts of a run, in their order. */
export interface Course {
  readonly before: Stretch;
  readonly taken: readonly TakenStep[];
  readonly after: Stretch;
}

/** What was found in one stretch of the run. */
export interface Found {
  readonly text: string;
  readonly cuts: number;
  /** Stretches in which the members were not one ring. */
  readonly broken: number;
  readonly brokenMs: number;
  /** Whether the answer lacks nothing: what a killed node did last may never have been told. */
  readonly complete: boolean;
}

export interface Answer {
  readonly calms: readonly Found[];
  readonly steps: readonly Found[];
  readonly faults: readonly string[];
}

/** Walks every cut of the run. */
export async function readAnswer(history: History, course: Course): Promise<Answer> {
  const { before, taken, after } = course;
  const faults: string[] = [];
  const calms: Found[] = [];
  for (const [text, range] of [
    ["before", before],
    ["after", after],
  ] as const) {
    const found = await lookAt(history, text, range);
    calms.push(found);
    if (found.broken > 0) faults.push(`not one ring in the calm ${text} the churn`);
    if (found.cuts < 2) faults.push(`nothing happened in the calm ${text} the churn`);
    if (!found.complete) faults.push(`the calm ${text} the churn is not complete`);
  }
  const steps: Found[] = [];
  for (const [i, { text, t }] of taken.entries()) {
    const to = ((taken[i + 1]?.t ?? after.from) - 1) as Hlc;
    const found = await lookAt(history, text, { from: t, to });
    steps.push(found);
    if (found.broken === 0) faults.push(`${text}: the ring was never seen broken`);
  }
  const whole = { from: before.from, to: after.to };
  for await (const row of broken(history, whole, isMendable)) {
    faults.push(`in pieces that no stabilising joins, for ${row.durationMs.toFixed(1)} ms`);
  }
  const { violationCount } = await history.causality(whole);
  if (violationCount > 0) faults.push(`${violationCount} receives are not later than their sends`);
  return { calms, steps, faults };
}

const LOGS = [RING_LOG, KILLED_LOG] as const;

async function lookAt(history: History, text: string, range: Stretch): Promise<Found> {
  let cuts = 0;
  for await (const _ of history.walk({ ...range, logs: [...LOGS] })) cuts += 1;
  const rows: WalkRow[] = [];
  for await (const row of broken(history, range, isOneRing)) rows.push(row);
  const brokenMs = rows.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const complete = history.missing(range, { logs: [...LOGS] }).length === 0;
  return { text, cuts, broken: rows.length, brokenMs, complete };
}

/** The question itself: the stretches in which a predicate over the whole ring does not hold. */
function broken(
  history: History,
  range: Stretch,
  holds: (state: RingState) => boolean,
): AsyncIterable<WalkRow> {
  return history.walk({ ...range, logs: [...LOGS] }, (view) => {
    const state = ringAt(view);
    return state === undefined ? undefined : !holds(state);
  });
}
