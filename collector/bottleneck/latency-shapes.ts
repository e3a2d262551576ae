/** Shapes of latency answers: what `GET /api/latency` is made of. Times in us are of the nodes' raw clocks. */

/** Counts by bucket: [lowest value of the bucket in us, count], rising. */
export type LatencyBucketCounts = readonly (readonly [valueUs: number, count: number])[];

/** One window of a series. Windows without requests are left out. */
export interface LatencyWindow {
  /** Unix microseconds, a multiple of the window's length. */
  readonly startUs: number;
  readonly count: number;
  readonly maxUs: number;
  /** Null: fewer than 100 requests, which have no p99; see `maxUs`. */
  readonly percentiles: LatencyPercentiles | null;
  readonly buckets: LatencyBucketCounts;
}

export interface LatencyPercentiles {
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** Requests as their servers saw them, or calls as their callers did. */
export interface LatencySeries {
  readonly side: "server" | "caller";
  readonly windowMs: number;
  readonly windows: readonly LatencyWindow[];
  /** Of all windows together: merged, not averaged. */
  readonly total: Omit<LatencyWindow, "startUs">;
}
