/**
 * A capture: on-demand nodes are asked to ship their windows of a past range, and what became of it.
 *
 *     asked ----> shipped          all of the range is here, durable and known to its end
 *        |  \---> partial          some of it is: from..to
 *        |  \---> outside-window   the node no longer held any of it
 *        \------> silent           no word in time; a later word still amends it
 *     streaming                    a node that ships everything anyway: nothing to ask
 *
 * The ranges are (from, to], as everywhere.
 */
import type { Hlc } from "../../agent/kernel/index.ts";

export type CaptureNodeState =
  | "asked"
  | "shipped"
  | "partial"
  | "outside-window"
  | "silent"
  | "streaming";

export interface CaptureNode {
  readonly node: string;
  readonly state: CaptureNodeState;
  /** What can be read of it: (from, to]. Absent: nothing came, or nothing needed to. */
  readonly from?: Hlc;
  readonly to?: Hlc;
  /** Why it is not all, in a sentence. */
  readonly why?: string;
}

export interface Capture {
  /** Rises with each capture; the order in which they are listed. */
  readonly number: number;
  /** The name that agents report on: never used again, by no collector. */
  readonly id: string;
  readonly from: Hlc;
  readonly to: Hlc;
  readonly reason?: string;
  /** The collector's wall clock, Unix ms. */
  readonly askedMs: number;
  /** Who asked for it, where a node did: the first; and all that were folded into it, bounded. */
  readonly triggers: readonly CaptureTrigger[];
  /** Sorted by id; bounded. */
  readonly nodes: readonly CaptureNode[];
  /** On-demand nodes that were not asked: there were too many. */
  readonly unasked: number;
}

export interface CaptureTrigger {
  readonly node: string;
  readonly id: string;
  readonly t: Hlc;
}

/** Asked while a node may yet ship; done when all did, or had no need to; else partial. */
export function stateOf({ nodes, unasked }: Capture): "asked" | "done" | "partial" {
  if (nodes.some(({ state }) => state === "asked")) return "asked";
  const isDone = nodes.every(({ state }) => state === "shipped" || state === "streaming");
  return isDone && unasked === 0 ? "done" : "partial";
}

/** The capture with one node's part replaced. */
export function withNode(capture: Capture, part: CaptureNode): Capture {
  return {
    ...capture,
    nodes: capture.nodes.map((one) => (one.node === part.node ? part : one)),
  };
}

const RANK: Readonly<Record<CaptureNodeState, number>> = {
  asked: 0,
  silent: 0,
  "outside-window": 1,
  partial: 2,
  shipped: 3,
  streaming: 4,
};

/** Whether a later word says more than an earlier one: a node that is asked again may hold less by then. */
export function isBetter(later: CaptureNodeState, earlier: CaptureNodeState): boolean {
  return RANK[later] > RANK[earlier];
}
