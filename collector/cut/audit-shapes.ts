/** What the audit of causality answers (causality.ts): shapes only. */
import type { EventRef, Hlc } from "../../agent/kernel/index.ts";
import type { Incomplete, UncheckedChannel, Violation } from "./answers.ts";

/**
 * How far two nodes' physical clocks can be apart, from the messages between them:
 * clock(`to`) - clock(`from`) is in [lowerTicks, upperTicks]. The other direction is its mirror image.
 */
export interface ClockOffset {
  readonly from: string;
  readonly to: string;
  /** Null: no message tells. */
  readonly lowerTicks: number | null;
  readonly upperTicks: number | null;
  /** Messages that told something, in both directions. */
  readonly messages: number;
  /** The bounds contradict each other: a clock was set, or drifted, within the range. */
  readonly moved: boolean;
}

/** The bounds of one moment: those that `/api/nodes` shows. */
export interface ClockOffsets {
  /** The end of the stretch whose messages were looked at. */
  readonly at: Hlc;
  readonly pairs: readonly ClockOffset[];
}

/**
 * Why there is no send to a receive: it carried no stamp; nobody knows that node or that run of it; its
 * event is lost, was not captured, is missing or has not come yet; what is stored there is no such send;
 * or no send has that foreign id.
 */
export type NoSendReason =
  | "unstamped"
  | "unknown-node"
  | "unknown-epoch"
  | "lost"
  | "not-captured"
  | "hole"
  | "lagging"
  | "contradiction"
  | "unknown-id";

/** Receives of one node from one sender, for which there is no send. */
export interface ReceivesWithoutSend {
  readonly reason: NoSendReason;
  /** The sending node that the receives name; null: none. */
  readonly from: string | null;
  readonly to: string;
  /** The sender's address, as the first of them has it. */
  readonly peer: string | null;
  readonly count: number;
  readonly first: EventRef & { readonly t: Hlc };
}

/** Sends of one node to one receiver that nobody is known to have received, though the time-out is over. */
export interface SendsWithoutReceive {
  readonly from: string;
  /** The receiving node, where the send names it. */
  readonly to: string | null;
  readonly peer: string | null;
  readonly count: number;
  readonly first: EventRef & { readonly t: Hlc };
  readonly lastT: Hlc;
}

/** A stamp that is not later than the one before it in its run. Ingest refuses such: an alarm. */
export interface BackwardStamp {
  readonly event: EventRef & { readonly t: Hlc };
  readonly beforeT: Hlc;
}

/** A run that began before what an earlier run of its node had reached: two processes under one id. */
export interface OverlappingRuns {
  readonly node: string;
  readonly epoch: number;
  readonly joined: Hlc;
  readonly earlierEpoch: number;
  readonly reached: Hlc;
}

/** Stamps that a receiver did not merge: beyond its gate. */
export interface UnmergedStamps {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly firstT: Hlc;
}

/** What the recorded messages of a range say of causality and clocks. */
export interface CausalityAudit {
  readonly from: Hlc;
  readonly to: Hlc;
  /** Whether no event of the range may be missing. */
  readonly complete: boolean;
  readonly incomplete: readonly Incomplete[];
  /** Recorded in the range; joined: receives whose send is known. */
  readonly messages: { readonly sends: number; readonly receives: number; readonly joined: number };
  /** Some cut of the range holds the receive and not the send. */
  readonly violations: readonly Violation[];
  /** How many violations touch the range, at least. */
  readonly violationCount: number;
  /** What agents say of messages without a stamp, over their whole run. */
  readonly unstamped: readonly UncheckedChannel[];
  readonly receivesWithoutSend: readonly ReceivesWithoutSend[];
  /** Sends later than this are too young to be missed. */
  readonly judgedTo: Hlc;
  readonly sendsWithoutReceive: readonly SendsWithoutReceive[];
  readonly backward: readonly BackwardStamp[];
  readonly overlapping: readonly OverlappingRuns[];
  readonly unmerged: readonly UnmergedStamps[];
  /** By pair of nodes, in order of their names. */
  readonly offsets: readonly ClockOffset[];
  /** Lists that are longer than what is given. */
  readonly cutShort: readonly string[];
}
