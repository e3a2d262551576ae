/**
 * What is kept of messages beside their events: those that break the order of time, those that took
 * long, and, stretch by stretch, all of them joined. So a cut finds the messages that touch its moment
 * without reading what lies around it.
 */
import type { EventRef, Hlc } from "../../../agent/kernel/index.ts";

interface MessageRecord {
  /**
   * Absent: one. Where a batch holds very many, most come added up: `count` receives of one batch from
   * one node, over the stretch in which some of them is (message-tally.ts); `send` and `receive` name
   * those of its ends, which may be two messages. Who lists messages one by one says that there are more.
   */
  readonly count?: number;
  /** Of the receive: `receivingGroup` of the kernel; absent: none. */
  readonly group?: string;
  readonly sendT: Hlc;
  readonly receiveT: Hlc;
  readonly send: EventRef;
  readonly receive: EventRef;
}

/** A receive that is not later than its send: every cut with receiveT <= T < sendT is inconsistent. */
export interface ViolationRecord extends MessageRecord {}

/** A message that took longer than the in-flight window; kept apart so that a cut can find it. */
export interface SlowMessageRecord extends MessageRecord {}

/**
 * A stretch of time whose messages somebody joins, from all events of all epochs in [from, until].
 * Whoever stores an event of that time later breaks it, before what was joined is written or after.
 */
export interface MessageStretch {
  readonly from: Hlc;
  readonly until: Hlc;
}

/** Messages sent in one cell of a stretch, by the cut engine's own numbering and coding. */
export interface MessageCell {
  readonly level: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** About which times violations and slow messages are no longer known as they were: `sweep` took some. */
export interface MessagesGone {
  /** The earliest beginning of one that went. */
  readonly from: Hlc;
  /** The latest end of one. */
  readonly until: Hlc;
}
