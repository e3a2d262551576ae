/**
 * What questions about the past are answered with (history.ts): shapes only. Times are `Hlc`; values
 * are kernel values.
 */
import type {
  EventKind,
  EventRef,
  Hlc,
  Json,
  LostRange,
  RetroEvent,
  Value,
} from "../../agent/kernel/index.ts";

/** Which part of the system is asked for. Empty or absent lists mean: all. */
export interface Selection {
  readonly nodes?: readonly string[];
  readonly services?: readonly string[];
  readonly logs?: readonly string[];
  readonly keys?: readonly string[];
}

export type NodeStatus = "live" | "suspect" | "left" | "expired" | "imported";

export type IncompleteReason =
  | "lagging"
  | "hole"
  | "suspect"
  | "expired"
  | "lost"
  | "not-captured"
  | "outside-retention"
  | "rebuilding"
  | "unknown-node";

/** Why a node's part of a cut is not complete. */
export interface Incomplete {
  readonly node: string;
  readonly reason: IncompleteReason;
  /** The stretch of time that is missing or uncertain, where known. */
  readonly from?: Hlc;
  readonly to?: Hlc;
  /** How many events are missing, where known. */
  readonly events?: number;
  /** First missing seq, for a hole. */
  readonly seq?: number;
  /** The last time up to which nothing is missing (`lagging`, `suspect`). */
  readonly after?: Hlc;
  /** Logs touched, for a lost range; absent: all. */
  readonly logs?: readonly string[];
}

export interface CutNode {
  readonly service: string;
  readonly epoch: number;
  /** Status at T for ends (`left`, `expired`: no member any more), else status now. */
  readonly status: NodeStatus;
  readonly watermark: Hlc;
  /** Empty for a node that has left, expired or not joined by T. Lost variables are left out. */
  readonly logs: ReadonlyMap<string, ReadonlyMap<string, Value>>;
}

/** A receive inside the cut whose send lies outside. */
export interface Violation {
  readonly send: EventRef & { readonly t: Hlc };
  readonly receive: EventRef & { readonly t: Hlc };
  readonly channel: { readonly from: string; readonly to: string };
}

/** A channel on which messages travel without our stamp: causality over it is unchecked. */
export interface UncheckedChannel {
  readonly from: string | null;
  readonly to: string | null;
  /** Address of the side that is not known as a node. */
  readonly peer: string;
  readonly count: number;
}

/** A message that was sent by T and not received by T. */
export interface InFlightMessage {
  /** `node/epoch/seq` of the send, or a foreign id. */
  readonly id: string;
  readonly send: EventRef;
  readonly from: string;
  readonly to: string | null;
  readonly peer: string | null;
  readonly sentAt: Hlc;
}

/** The state of all selected nodes at one time, with what is missing or contradicts. */
export interface Cut {
  readonly at: Hlc;
  readonly complete: boolean;
  readonly incomplete: readonly Incomplete[];
  /** Nodes that had joined and not ended by T, sorted. */
  readonly members: readonly string[];
  readonly consistent: boolean;
  readonly violations: readonly Violation[];
  readonly unchecked: readonly UncheckedChannel[];
  /** Sorted by node id. */
  readonly nodes: ReadonlyMap<string, CutNode>;
  readonly inFlight: readonly InFlightMessage[];
  /** Whether no send or receive is missing that could matter to `inFlight`. */
  readonly inFlightComplete: boolean;
  /**
   * Why not: what is missing of the time-out of messages before T. Empty although not complete: more slow
   * messages were on their way than are looked at (`limits.messagesLooked`).
   */
  readonly inFlightIncomplete: readonly Incomplete[];
  /**
   * Only where a list was too long to be given whole: how many there are in all, at least. What is
   * listed are the first nodes, the violations received first, the messages sent last.
   */
  readonly totals?: {
    readonly incomplete: number;
    readonly violations: number;
    readonly inFlight: number;
  };
}

/**
 * Why nobody can say what a variable held, nor whether it was there: changes of it are gone, or lie in
 * what an on-demand node was not asked for and may yet give. Where both are true it is `lost`.
 */
export type UnknownReason = "lost" | "not-captured";

/** Two values of a variable. Absent without a reason: there was no such variable. */
export interface BeforeAfter {
  readonly before?: Value;
  readonly after?: Value;
  /** Why `before` is not known; never beside a value. */
  readonly beforeUnknown?: UnknownReason;
  readonly afterUnknown?: UnknownReason;
}

export interface VariableDiff extends BeforeAfter {
  readonly node: string;
  readonly log: string;
  readonly key: string;
  /** Changes recorded in (from, to]. */
  readonly count: number;
}

export interface Diff {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly complete: boolean;
  readonly incomplete: readonly Incomplete[];
  /** By node, log, key. */
  readonly changes: readonly VariableDiff[];
}

export interface StepChange extends BeforeAfter {
  readonly node: string;
  readonly log: string;
  readonly key: string;
  readonly kind:
    | "set"
    | "delete"
    | "add"
    | "remove"
    | "keyframe"
    | "join"
    | "leave"
    | UnknownReason;
}

/** One moment at which something changed, with everything that changed at it. */
export interface Step {
  readonly at: Hlc;
  readonly changes: readonly StepChange[];
}

export interface VariableVersion {
  readonly at: Hlc;
  readonly epoch: number;
  readonly seq: number;
  readonly value?: Value;
  readonly deleted?: true;
  /** Why neither is known. */
  readonly unknown?: UnknownReason;
}

/** An event with its node: what `/api/events` and exports give. */
export interface NodeEvent {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly event: RetroEvent;
}

export interface EventQuery {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly selection?: Selection;
  readonly kinds?: readonly EventKind[];
  readonly limit: number;
  /** Go on after this event (the last of the page before). */
  readonly after?: EventRef & { readonly t: Hlc };
}

/** Some of the events asked for. */
export interface EventPage {
  readonly events: readonly NodeEvent[];
  readonly more: boolean;
  /** Whether no event of the whole range asked for, on this page or another, may be missing. */
  readonly complete: boolean;
  readonly incomplete: readonly Incomplete[];
}

export interface NodeSummary {
  readonly node: string;
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The latest epoch. */
  readonly epoch: number;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly joined: Hlc;
    readonly end: Hlc | null;
  }[];
  readonly status: NodeStatus;
  readonly joined: Hlc;
  /** Before this retention has left nothing of the node; null: it has all, as far as anything came. */
  readonly retainedFrom: Hlc | null;
  readonly watermark: Hlc;
  readonly lastT: Hlc;
  readonly eventCount: number;
  /** What the agent says of itself (`AgentStatus`), or null. */
  readonly agent: Json | null;
  readonly lost: readonly LostRange[];
}

export interface LogSummary {
  readonly node: string;
  readonly service: string;
  readonly log: string;
  readonly changeCount: number;
  /** Variables known at the end of the range, at most `limit`, sorted, with what they hold. */
  readonly variables: readonly { readonly key: string; readonly type: string }[];
  readonly variableCount: number;
  /** Why there may be others that are not known at that time. */
  readonly unknown?: UnknownReason;
}

/** One drawn slice of a lane. */
export interface TimelineBucket {
  /** Index of the bucket: it covers [from + index * bucketTicks, ... + bucketTicks). */
  readonly index: number;
  readonly changes: number;
  readonly sends: number;
  readonly receives: number;
  readonly requests: number;
  readonly marks: number;
  /** Longest residence of a request in microseconds, 0 if none. */
  readonly worstUs: number;
  /**
   * A violation, a lost range or a cut-short value lies in here. Of more violations in the range than
   * `limits.violationsDrawn` only some are looked at, of every part of it.
   */
  readonly flagged: boolean;
}

export interface TimelineLane {
  readonly node: string;
  readonly service: string;
  readonly status: NodeStatus;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly joined: Hlc;
    readonly end: Hlc | null;
  }[];
  readonly watermark: Hlc;
  /** Uncertain stretches inside the range: after the watermark, holes, lost ranges. */
  readonly gaps: readonly {
    readonly from: Hlc;
    readonly to: Hlc;
    readonly reason: IncompleteReason;
  }[];
  /** Only buckets that hold something, ascending. */
  readonly buckets: readonly TimelineBucket[];
  /** Exact events, in time order, when the whole answer has few; else null. */
  readonly events: readonly NodeEvent[] | null;
}

/** Messages between two nodes, gathered by bucket of send. `count` 1 means exact. */
export interface MessageBundle {
  readonly from: string;
  readonly to: string | null;
  readonly sentAt: Hlc;
  /** Null: no receive known. */
  readonly receivedAt: Hlc | null;
  readonly count: number;
}

export interface Timeline {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly bucketTicks: number;
  readonly lanes: readonly TimelineLane[];
  readonly messages: readonly MessageBundle[];
  /** Whether `events` are given and `messages` are single. */
  readonly exact: boolean;
  /** The last node of this page, where further ones have lanes: the next page goes on after it. */
  readonly next?: string;
}

/** Which lanes of a timeline: those after a node, in the order of their ids, at most so many. */
export interface LanePage {
  readonly after?: string | undefined;
  readonly limit?: number;
}
