/** A flag: one rule's word that something is out of the usual on one node, in a stretch of its own clock. */
import type { Interval } from "./recording.ts";

export type DetectionRule = "percentile" | "load" | "freeze" | "oldest" | "heartbeat" | "hop-gap";

export interface Flag extends Interval {
  readonly rule: DetectionRule;
  readonly node: string;
  /** Of one operation only; null: of the node. */
  readonly operation: string | null;
  /** Of a hop gap: who was called. `node` is who called. */
  readonly to: string | null;
  readonly windowMs: number;
  /** Requests (load), us (all else). */
  readonly value: number;
  readonly median: number;
  /** How far above the median, in s. */
  readonly score: number;
  /** Whether it opens an episode by itself; others only strengthen one. */
  readonly opens: boolean;
}
