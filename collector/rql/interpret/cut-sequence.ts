/**
 * The port through which a query sees history: a sequence of cuts, each a state of all nodes.
 *
 * Whoever runs a query gives one: from stored history, from a live watermark, from a list in a test.
 */
import type { Hlc, LostRange, Value } from "../../../agent/kernel/index.ts";
import type { Incomplete, NodeStatus } from "../../cut/history.ts";

/** What a node holds of a variable. */
export type Held =
  | { readonly is: "known"; readonly value: Value }
  /** Never set in this epoch, deleted, or the node is no member. */
  | { readonly is: "absent" }
  /** Lost ranges that it has not recovered from. */
  | { readonly is: "lost"; readonly by: readonly LostRange[] };

export const HELD_ABSENT: Held = { is: "absent" };

export interface NodeAtCut {
  readonly service: string;
  readonly epoch: number;
  /** Up to the watermark `live` or `left`; past it the collector's judgement. */
  readonly status: NodeStatus;
  /** Joined, and neither left nor expired. */
  readonly isMember: boolean;
  /** Absent for a node that is no member. */
  held(log: string, key: string): Held;
}

export interface MessageUnderWay {
  readonly from: string;
  readonly to: string | null;
}

/** The state at t. Never changed once given. */
export interface CutState {
  readonly t: Hlc;
  /** Every node that has joined by then, those that have left too. */
  readonly nodes: ReadonlyMap<string, NodeAtCut>;
  /** Nodes that sent or received at this very tick. */
  readonly messaging: ReadonlySet<string>;
  /** Messages in flight, as in `/api/cut`; undefined where lost ranges may hold some. */
  inFlight(): readonly MessageUnderWay[] | undefined;
  /** What of this cut is missing, beside what lost ranges leave lost. */
  readonly incomplete: readonly Incomplete[];
}

/** A variable's last change at or before the start of the range. */
export interface LastChange {
  /** Undefined: it lies before what is retained. */
  readonly at: Hlc | undefined;
  /** Absent if the change came with a new epoch, or with the node's leaving: epochs are kept apart. */
  readonly previous: Held;
}

/** A sequence without its cuts. */
export interface CutRange {
  /** The range, both ends included. */
  readonly from: Hlc;
  readonly to: Hlc;
  /** Where the range begins of which these cuts are the end (LAST); absent: at `from`. */
  readonly rangeFrom?: Hlc;
  /** Every node that may appear in a state. */
  readonly nodes: readonly string[];
  /** Every service that a node may have. */
  readonly services: readonly string[];
  /** Undefined: it never changed, and is absent. Asked at the first state only. */
  lastChange(node: string, log: string, key: string): LastChange | undefined;
}

export interface CutSequence extends CutRange {
  /**
   * States in rising order of t. The first is at `from`; then one at every tick up to `to` at which
   * anything that a query may see has changed, the list of what is missing included. More states do no
   * harm: what changed is found by comparing.
   */
  readonly cuts: Iterable<CutState>;
}
