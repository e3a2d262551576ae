/**
 * The event-source port: where shipping gets events from, and all it knows of the agent's state. The
 * feed of agent/state satisfies it; runtime.ts adds `reopen`.
 */
import type { EpochRef, EventColumns, Hlc, LostRange } from "../kernel/index.ts";

/** Consecutive events of one epoch, of which nothing later is at or before `closed`. */
export interface SourceCut extends EpochRef {
  readonly service: string;
  /** Of the first event, or of the next to come if there are none. */
  readonly firstSeq: number;
  readonly closed: Hlc;
  /** Good until the next call of `cut` or `heartbeat`: encode at once. */
  readonly events: EventColumns;
  /**
   * Events before `firstSeq` that were lost before they could be cut. Each is counted nowhere else; their
   * logs get a keyframe when `askKeyframes` asks for it.
   */
  readonly lost: readonly LostRange[];
  /** Logs that the events change or frame. */
  readonly logs: readonly string[];
  /** Logs that they frame. */
  readonly framed: readonly string[];
  /** Whether a send or a receive is among them. */
  readonly messages: boolean;
}

/** Why a further epoch is wanted. */
export interface ReopenRequest {
  /** The new epoch and its stamps must be above these. */
  readonly aboveEpoch: number;
  readonly aboveT: Hlc | null;
  /** Another live process has the node id: take a different one. */
  readonly nodeInUse: boolean;
}

/** A captured range that is being read. */
export interface CaptureSource {
  /** From here on, and up to there, what was read can be understood. */
  readonly fromT: Hlc;
  readonly reachedT: Hlc;
  /** What was asked for and is not between the two has left the window. */
  readonly hasGap: boolean;
  /** Another epoch began: nothing more comes. */
  readonly isOver: boolean;
  /** What was read; of the epoch in which it was begun. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** From here on the window is still needed. */
  readonly nextIndex: number;
  /** The next events at or before `to`; null: none now. @throws as `EventSource.cut` */
  cut(to: Hlc): SourceCut | null;
}

/**
 * What a source has more where events are shipped on demand. Its `cut` gives joins and goodbyes alone, its
 * `heartbeat` declares all else, as `not-captured`, and `pendingCount` is 0.
 */
export interface OnDemandSource {
  /** Events in the window that nobody asked for, and that left it so. */
  readonly keptCount: number;
  readonly agedOutCount: number;
  /** The earliest time from which a capture could be read; undefined: there is none. */
  readonly earliestT: Hlc | undefined;
  /** Begins to read what lies behind `from`; undefined: nothing could be read. */
  capture(from: Hlc): CaptureSource | undefined;
  /** Keeps the window from that index on, whatever its age; undefined: no longer. */
  hold(index: number | undefined): void;
  /** Takes back what was cut and cannot be shipped; returns how many events of it. */
  giveBack(node: string, epoch: number, firstSeq: number, lastSeq: number): number;
}

export interface EventSource {
  readonly node: string;
  readonly epoch: number;
  /** Events recorded and not yet cut. */
  readonly pendingCount: number;
  /** Where events are shipped on demand; undefined: all are shipped as they come. */
  readonly onDemand: OnDemandSource | undefined;
  /** The latest time known here: no later event is before it. @throws what a broken clock throws */
  now(): Hlc;

  /** The next events in order, or null if none are pending. @throws what a broken clock throws; nothing is lost by it */
  cut(): SourceCut | null;
  /** An empty cut, while none are pending. @throws as `cut` */
  heartbeat(): SourceCut;

  /** Asks for keyframes of these logs (null: all) at the next `addKeyframes`. */
  askKeyframes(logs: readonly string[] | null): void;
  /** Records keyframes that were asked for or are due, of so many bytes together; they are pending then. */
  addKeyframes(roomBytes: number): void;
  /** A log whose state fits into no keyframe, so that a loss in it cannot heal; undefined: none. */
  readonly unframedLog: string | undefined;

  /** Frees what is past its age. Called at each flush tick, and seldom where nothing is shipped. Never throws. */
  tidy(): void;

  /** Opens a further epoch, with join and keyframes. Called with nothing pending. */
  reopen(request: ReopenRequest): void;
}
