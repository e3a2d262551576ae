/**
 * What a request's time is made of: pure functions of its calls and waits.
 *
 *     |--------------------- residence ----------------------|
 *        |---- call a ----|       |pool wait|--- call d ---|
 *            |-- call b --------|
 *        \___ downstream wait: the union, never the sum
 *
 *     exclusive = residence - downstream wait - pool wait      (local locks stay inside)
 *     hop gap of a call = (end - start) - residence of the callee's request
 *
 * A hop gap is a difference of two durations, so clocks that differ do not show in it. It holds the wire,
 * the accept queue, and the time for which the callee's socket lay unread because its loop was blocked.
 */
import { coveredOf, lengthOf, unionOf } from "./intervals.ts";
import type { TracedCall, TracedRequest } from "./recording.ts";

export interface RequestTimes {
  readonly residenceUs: number;
  readonly downstreamUs: number;
  readonly poolUs: number;
  readonly exclusiveUs: number;
}

/** How a request's residence is shared out. The three parts add up to it. */
export function requestTimes({ startUs, endUs, calls, waits }: TracedRequest): RequestTimes {
  const inside = (one: { readonly startUs: number; readonly endUs: number }) => ({
    startUs: Math.max(one.startUs, startUs),
    endUs: Math.min(one.endUs, endUs),
  });
  const residenceUs = endUs - startUs;
  const called = unionOf(calls.map(inside));
  const downstreamUs = lengthOf(called);
  const pools = unionOf(waits.filter(({ downstream }) => downstream !== null).map(inside));
  const poolUs = pools.reduce(
    (sum, one) => sum + (one.endUs - one.startUs) - coveredOf(one, called),
    0,
  );
  return { residenceUs, downstreamUs, poolUs, exclusiveUs: residenceUs - downstreamUs - poolUs };
}

/** What a call took beyond its handling; undefined: the callee's request is not known. */
export function hopGapUs({ startUs, endUs, callee }: TracedCall): number | undefined {
  if (callee === null) return undefined;
  return Math.max(0, endUs - startUs - callee.residenceUs);
}
