/** The JSON of `/api/latency`, `/api/bottlenecks` and of the live event `bottleneck`: types only. */
import type { H, IncompleteJson } from "./shapes.ts";

/**
 * A percentile is null where there are so few requests that not one would lie beyond it: fewer than 100 have no p99.
 * `maxUs` and `count` say what there is.
 */
export interface LatencyWindowJson {
  readonly count: number;
  readonly maxUs: number;
  readonly p50Us: number | null;
  readonly p90Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
  readonly p999Us: number | null;
  /** Merged counts: [lowest value of the bucket in us, count], rising; with `cells`, of the cell. */
  readonly buckets: readonly (readonly [us: number, count: number])[];
}

export interface LatencySeriesJson {
  readonly side: "server" | "caller";
  /** Callers are known by the second: theirs is at least 1,000. */
  readonly windowMs: number;
  readonly windows: readonly (LatencyWindowJson & { readonly start: H })[];
  /** All windows merged. */
  readonly total: LatencyWindowJson;
}

export interface LatencyJson {
  readonly from: H;
  readonly to: H;
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly server: LatencySeriesJson;
  readonly caller: LatencySeriesJson;
}

export interface EpisodeTierJson {
  readonly service: string;
  readonly node: string;
  /** What is charged is the way between two nodes; `node` is the one that was called. */
  readonly edge?: { readonly from: string; readonly to: string };
}

export interface EpisodeJson {
  readonly id: string;
  readonly status: "open" | "closed" | "revised";
  readonly revision: number;
  readonly class: "fault" | "burst";
  /** Raw physical time of the charged node; see `skew`. */
  readonly onset: H;
  readonly end: H | null;
  /**
   * The same by the stamps of that node, which may be ahead of its clock: where the episode lies among the
   * events of a lane, and what a cut is to be asked for at.
   */
  readonly stamped: { readonly onset: H; readonly end: H | null };
  readonly durationMs: number;
  readonly drainMs: number;
  readonly tier: EpisodeTierJson;
  readonly severity: {
    readonly requestMs: number;
    readonly requests: number;
    readonly worstMs: number;
  };
  readonly triggers: readonly {
    readonly rule: string;
    readonly node: string;
    readonly to?: string;
    readonly operation?: string;
    readonly windowMs: number;
    readonly value: number;
    readonly median: number;
    readonly score: number;
  }[];
  readonly causes: readonly {
    readonly cause: string;
    readonly node: string;
    readonly ms: number;
    readonly share: number;
    readonly score: number;
    readonly evidence: readonly string[];
  }[];
  readonly unexplainedMs: number;
  readonly candidates: readonly (EpisodeTierJson & {
    readonly z: number;
    readonly excessRequestMs: number;
  })[];
  readonly path: readonly {
    readonly from: string;
    readonly to: string;
    readonly kind: string;
    readonly requestMs: number;
  }[];
  readonly skew: {
    readonly boundMs: number | null;
    readonly orderUsed: boolean;
    /** The onset by the clock of `reference`, with the middle of the bounds between the two. */
    readonly adjustedOnset: H;
    readonly reference: string;
  };
  readonly signals: { readonly unavailable: readonly string[] };
  readonly snapshot: {
    readonly at: H;
    /** Null: nobody has looked. */
    readonly complete: boolean | null;
    readonly pinned: boolean;
  };
  /** Null: none was asked for. */
  readonly capture: {
    readonly id: string;
    readonly state: string;
    readonly missing: readonly string[];
  } | null;
}

export interface BottlenecksJson {
  readonly from: H;
  readonly to: H;
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  /** Present if more requests lie in the range than are read: ask for less of it. */
  readonly cutShort?: true;
  /** No agent told of its load in this range, so nothing could be found: `requests: true` is set in none. */
  readonly unwatched?: true;
  readonly episodes: readonly EpisodeJson[];
}
