/**
 * Load, latency and exclusive time the slow and obvious way: every microsecond of every request is looked at. Shares
 * no code with agent/tracing.
 */

/** A request whose times are all known, in whole microseconds of one clock. */
export interface NaiveRequest {
  readonly operation: string;
  readonly startUs: number;
  readonly endUs: number;
  /** From the request's start. */
  readonly calls: readonly (readonly [startUs: number, endUs: number])[];
  /** Waits for pools that lead downstream. */
  readonly pools: readonly (readonly [startUs: number, endUs: number])[];
}

/** What the request was doing in the microsecond after `us`, from its start. */
export function doingAt(request: NaiveRequest, us: number): "downstream" | "pool" | "itself" {
  const isIn = ([start, end]: readonly [number, number]): boolean => us >= start && us < end;
  if (request.calls.some(isIn)) return "downstream";
  return request.pools.some(isIn) ? "pool" : "itself";
}

/** Microseconds of each kind between two times of the clock. */
export function timesOf(
  request: NaiveRequest,
  fromUs: number,
  toUs: number,
): { readonly downstream: number; readonly pool: number; readonly itself: number } {
  const times = { downstream: 0, pool: 0, itself: 0 };
  const end = Math.min(toUs, request.endUs);
  for (let us = Math.max(fromUs, request.startUs); us < end; us += 1) {
    times[doingAt(request, us - request.startUs)] += 1;
  }
  return times;
}
