/**
 * What detection works on: one node's recordings of a stretch of time, decoded and put together, however
 * they came (live or from the store). Times are Unix microseconds of the node's own raw physical clock;
 * nothing here knows of other nodes' clocks.
 */
import type { LoadCell } from "../../agent/kernel/index.ts";

/** All cells of one second, of all parts. */
export interface LoadSecond {
  readonly second: number;
  readonly cells: readonly LoadCell[];
}

/** A stretch of time: `endUs` is not in it. */
export interface Interval {
  readonly startUs: number;
  readonly endUs: number;
}

export interface GcPause extends Interval {
  readonly kind: string;
  readonly heapBytes: number;
}

export interface Wait extends Interval {
  readonly name: string;
  readonly kind: "pool" | "lock";
  /** The service that a pool leads to. */
  readonly downstream: string | null;
}

/** Samples of one signal, ascending in time. */
export interface Samples {
  readonly atUs: readonly number[];
  readonly values: readonly number[];
}

/** One call of a request, as its caller saw it. */
export interface TracedCall extends Interval {
  /** The peer as the caller names it: a node, a service or an address. */
  readonly peer: string;
  /** The request that it became on the other side, where that is known. */
  readonly callee: {
    readonly node: string;
    readonly arrivedUs: number;
    readonly residenceUs: number;
  } | null;
}

/** One handled request. */
export interface TracedRequest extends Interval {
  readonly operation: string;
  /** How far the stamp of its arrival was ahead of the raw clock; absent: not at all. */
  readonly leadUs?: number;
  readonly calls: readonly TracedCall[];
  readonly waits: readonly Wait[];
}

/** All that is known of one node in a stretch of time. Lists are ascending in time. */
export interface NodeRecording {
  readonly node: string;
  readonly service: string;
  readonly load: readonly LoadSecond[];
  /** Stretches in which the heartbeat was late by 10 ms or more. */
  readonly gaps: readonly Interval[];
  readonly gc: readonly GcPause[];
  readonly waits: readonly Wait[];
  readonly signals: ReadonlyMap<string, Samples>;
  /** Signals that this node cannot give. */
  readonly unavailable: readonly string[];
  /** By departure. Empty where requests were not shipped. */
  readonly requests: readonly TracedRequest[];
}
