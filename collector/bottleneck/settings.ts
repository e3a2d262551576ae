/**
 * What detection and attribution go by. All of it can be set; the defaults are those of section 12 of
 * the specification, assumed until the benchmark (test/bench/vsb) confirms or changes them.
 */
export interface BottleneckSettings {
  /** Scales at which load is looked at, in slots of 10 ms: 10, 20, 50, 100 ms. */
  readonly loadScales: readonly number[];
  /** Scales of the percentile rule, in slots: 50 ms, 100 ms, 1 s. */
  readonly percentileScales: readonly number[];
  /** The scale at which nodes are compared with each other, in slots: 50 ms. */
  readonly rankScale: number;
  readonly baselineMs: number;
  /** With less history than this only heartbeat and freeze fire. */
  readonly warmUpMs: number;
  /** A baseline is good for so long: it is that of the time before a multiple of this. */
  readonly baselineStepMs: number;
  /** A window is flagged above median + so many s. */
  readonly flagAt: number;
  /** Latency must also be so many times its median. */
  readonly latencyFactor: number;
  /** Requests over the limit with which the percentile rule opens an episode by itself. */
  readonly alonePercentileRequests: number;
  /** Fewer requests than this have no p99: their maximum is taken. */
  readonly percentileFloorCount: number;
  /** Load that independent requests, as they usually are, reach more rarely than this is no chance. */
  readonly chanceProbability: number;
  readonly loadFloor: number;
  readonly loadFloorShare: number;
  readonly latencyFloorUs: number;
  readonly latencyFloorShare: number;
  /** Probability below which no completion for so long is no chance. */
  readonly freezeProbability: number;
  readonly oldestFactor: number;
  readonly oldestFloorUs: number;
  readonly heartbeatAt: number;
  readonly heartbeatFloorUs: number;
  readonly hopGapCalls: number;
  /** Flags less than this apart are one episode. */
  readonly mergeMs: number;
  readonly onsetAt: number;
  readonly onsetBackMs: number;
  /** An episode is over when load stays calm for so long. */
  readonly calmMs: number;
  /** Episodes below so many request-ms are dropped. */
  readonly severityFloorRequestMs: number;
  /** A node is a candidate from this z on. */
  readonly candidateZ: number;
  /** Candidates within this share of the first are as good. */
  readonly tieShare: number;
  /** Arrivals so many times as many as usual make a burst. */
  readonly burstFactor: number;
  /** Clocks drift apart by so many parts per million at most. */
  readonly driftPpm: number;
}

export const DEFAULT_BOTTLENECK_SETTINGS: BottleneckSettings = {
  loadScales: [1, 2, 5, 10],
  percentileScales: [5, 10, 100],
  rankScale: 5,
  baselineMs: 60_000,
  warmUpMs: 5_000,
  baselineStepMs: 2_000,
  flagAt: 4,
  latencyFactor: 2,
  alonePercentileRequests: 3,
  percentileFloorCount: 100,
  chanceProbability: 1e-5,
  loadFloor: 0.5,
  loadFloorShare: 0.1,
  latencyFloorUs: 1_000,
  latencyFloorShare: 0.05,
  freezeProbability: 1e-4,
  oldestFactor: 2,
  oldestFloorUs: 20_000,
  heartbeatAt: 8,
  heartbeatFloorUs: 10_000,
  hopGapCalls: 3,
  mergeMs: 50,
  onsetAt: 2,
  onsetBackMs: 1_000,
  calmMs: 50,
  severityFloorRequestMs: 20,
  candidateZ: 4,
  tieShare: 0.2,
  burstFactor: 1.5,
  driftPpm: 50,
};

/** A slot, the grain of all cells, in milliseconds. */
export const SLOT_MS = 10;
