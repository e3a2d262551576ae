/**
 * What the store knows of each run of each node. Small, and in memory: a store of any size knows all
 * of its epochs as soon as it is open.
 */
import type { Hlc, LostRange } from "../../../agent/kernel/index.ts";

/** Inclusive range of seqs. */
export interface SeqRange {
  readonly first: number;
  readonly last: number;
}

/** Seqs with the t of the first and the last event. */
export interface TimedRange extends SeqRange {
  readonly firstT: Hlc;
  readonly lastT: Hlc;
}

/** Seqs stored without a hole. A hole between two of these has bounds in time. */
export interface StoredRange extends TimedRange {
  /** The promise that came with the last of them: later events of the epoch are later than this. */
  readonly closed: Hlc;
}

/** How an epoch ended, with the t from which the node is no member. */
export interface EpochEnd {
  readonly kind: "left" | "expired";
  readonly t: Hlc;
}

/** Everything known about one run of one node. Rewritten whole when it changes. */
export interface EpochRecord {
  /** Small integer given by the store, never used again. */
  readonly id: number;
  readonly node: string;
  readonly epoch: number;
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Random per start of the agent; empty until the join is known. */
  readonly instance: string;
  readonly imported: boolean;
  /** When the epoch began: t of the join, or of the earliest event known. */
  readonly joined: Hlc;
  /** Seqs stored, ascending, disjoint, not touching. Nearly always one range. */
  readonly stored: readonly StoredRange[];
  /**
   * Declared lost and not stored since, ascending by firstSeq, disjoint. Bounded: of an epoch with
   * very many the closest are folded into one that lies over stored events too; those count as lost.
   * Readers let a lost range cover all its seqs, whatever is stored there.
   */
  readonly lost: readonly LostRange[];
  /** Last seq up to which everything is stored or declared lost. 0: nothing yet. */
  readonly contiguousSeq: number;
  /**
   * `closed` of the last contiguous batch: no event at or before it is missing, but for lost ranges.
   * `MIN_HLC` while the first events are missing.
   */
  readonly watermark: Hlc;
  /** The highest `closed` promised by any batch, contiguous or not. */
  readonly closed: Hlc;
  /** The highest t stored. */
  readonly lastT: Hlc;
  readonly end: EpochEnd | null;
  /** Collector's wall clock (Unix ms) when the first and the latest batch came. */
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
  readonly eventCount: number;
  /** Logs seen, with what is known of each. */
  readonly logs: Readonly<Record<string, LogRecord>>;
  /** The agent's latest status, as it sent it (`AgentStatus`), or null. */
  readonly status: unknown;
  /**
   * Nothing of this run has come: receives name it as a sender. It is kept so that it can expire like
   * others: `joined` is the time of the first such receive, `lastT` the latest sending known. Absent
   * as soon as something comes of the run itself.
   */
  readonly named?: true;
}

export interface LogRecord {
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  readonly changeCount: number;
}
