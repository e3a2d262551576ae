/**
 * An episode as it is given out (section 11 of the specification): the API, the command line and live events
 * all carry this. Times are Unix microseconds here; the API makes H of them.
 */
import type { DetectionRule } from "./flags.ts";

export type Cause =
  | "run"
  | "gc"
  | "run-queue"
  | "throttled"
  | "sync-io"
  | "freeze"
  | "libuv-pool"
  | "async-io"
  | "pool"
  | "lock"
  | "downstream"
  | "network";

export type EpisodeClass = "fault" | "burst";
export type EpisodeStatus = "open" | "closed" | "revised";

export interface EpisodeTier {
  readonly service: string;
  readonly node: string;
  /** What is charged is the way from one node to another; `node` is the one that was called. */
  readonly edge?: { readonly from: string; readonly to: string };
}

export interface EpisodeTrigger {
  readonly rule: DetectionRule;
  readonly node: string;
  /** Of a hop gap: who was called. */
  readonly to?: string;
  readonly operation?: string;
  readonly windowMs: number;
  /** Requests for load, completions expected for freeze, else ms. */
  readonly value: number;
  readonly median: number;
  readonly score: number;
}

export interface EpisodeCause {
  readonly cause: Cause;
  readonly node: string;
  readonly ms: number;
  /** Of `durationMs`. */
  readonly share: number;
  readonly score: number;
  readonly evidence: readonly string[];
}

export interface EpisodeCandidate extends EpisodeTier {
  readonly z: number;
  readonly excessRequestMs: number;
}

export interface EpisodeHop {
  readonly from: string;
  readonly to: string;
  readonly kind: "downstream" | "network" | "pool";
  readonly requestMs: number;
}

export interface Episode {
  /** The same for the same stall, whoever asks: made of its first flag. */
  readonly id: string;
  readonly status: EpisodeStatus;
  readonly revision: number;
  readonly class: EpisodeClass;
  /** By the charged node's own clock. */
  readonly onsetUs: number;
  readonly endUs: number;
  /** The same by the reference node's clock, as far as calls tell: what other nodes are compared in. */
  readonly adjustedOnsetUs: number;
  /** How far the stamps of the node whose clock that is were ahead of it then: where it lies on a lane. */
  readonly leadUs: number;
  readonly durationMs: number;
  /** From the end until load is usual again. */
  readonly drainMs: number;
  readonly tier: EpisodeTier;
  readonly severity: {
    readonly requestMs: number;
    /** Requests at the entry that took longer than usual. */
    readonly requests: number;
    readonly worstMs: number;
  };
  readonly triggers: readonly EpisodeTrigger[];
  readonly causes: readonly EpisodeCause[];
  readonly unexplainedMs: number;
  /** Most expensive first; two within 20 % of each other may both be meant. */
  readonly candidates: readonly EpisodeCandidate[];
  readonly path: readonly EpisodeHop[];
  readonly skew: {
    /** Half the width of the bounds between the clocks involved; null: nothing is known. */
    readonly boundMs: number | null;
    readonly orderUsed: boolean;
    /** Whose clock `adjustedOnset` is of. */
    readonly reference: string;
  };
  readonly signals: { readonly unavailable: readonly string[] };
}
