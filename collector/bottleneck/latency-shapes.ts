/** Shapes of latency answers: what `GET /api/latency` is made of. Times in us are of the nodes' raw clocks. */

/** Counts by bucket, or by cell: [lowest value of it in us, count], rising. */
export type LatencyBucketCounts = readonly (readonly [valueUs: number, count: number])[];

/** One window of a series. Windows without requests are left out. */
export interface LatencyWindow {
  /** Unix microseconds, a multiple of the window's length. */
  readonly startUs: number;
  readonly count: number;
  readonly maxUs: number;
  readonly percentiles: LatencyPercentiles;
  readonly buckets: LatencyBucketCounts;
}

/** Null: so few requests that not one would lie beyond it. Under 100 there is no p99; see `maxUs`. */
export interface LatencyPercentiles {
  readonly p50Us: number | null;
  readonly p90Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
  readonly p999Us: number | null;
}

/** Requests as their servers saw them, or calls as their callers did. */
export interface LatencySeries {
  readonly side: "server" | "caller";
  readonly windowMs: number;
  readonly windows: readonly LatencyWindow[];
  /** Of all windows together: merged, not averaged. */
  readonly total: Omit<LatencyWindow, "startUs">;
}
