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

export interface EventSource {
  readonly node: string;
  readonly epoch: number;
  /** Events recorded and not yet cut. */
  readonly pendingCount: number;

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
