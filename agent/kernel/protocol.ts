/**
 * What agents and collectors say to each other beside batches, as JSON: the reply to
 * `POST /v1/batches` and the status that agents send along.
 *
 * A request body is one or more encoded batches, one after the other (wire.ts frames carry their own
 * length). It is taken whole or refused whole. `?hold=1s` on an empty batch lets the collector keep
 * the reply open for so long, until it has a command.
 *
 *     agent   POST /v1/batches   [batch][batch]...
 *     collector   200 {"acks": [...], "commands": [...]}     after both are durable
 */

/** The path of the ingest door. */
export const INGEST_PATH = "/v1/batches";
export const BATCH_MEDIA_TYPE = "application/vnd.retroscope.batch";

/** The collector's word that a batch is durable. */
export interface BatchAck {
  readonly node: string;
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Events stored now; the rest of the batch was known already. */
  readonly storedCount: number;
  /**
   * Another process holds this epoch under another instance id: nothing of the batch was stored, nor will
   * be. Take another node id (`node-in-use` comes along) and record on under that.
   */
  readonly conflict?: true;
  /** In answer to a join: the highest epoch and stamp (hex) known for the node from before it. */
  readonly known?: { readonly epoch: number; readonly t: string };
}

/** What a collector may ask of an agent. Unknown commands are counted and ignored. */
export type AgentCommand =
  /** Send the full state of these logs (null: all) next. */
  | { readonly command: "keyframe"; readonly node: string; readonly logs: readonly string[] | null }
  /** Open a further epoch above these, with keyframes: this epoch is unknown here, or not above what is known. */
  | {
      readonly command: "rejoin";
      readonly node: string;
      readonly aboveEpoch: number;
      /** Hex stamp. */
      readonly aboveT: string;
      readonly reason: "unknown-epoch" | "not-above";
    }
  /** Another live process has this node id: append `.<pid>`, open a new epoch, warn. */
  | { readonly command: "node-in-use"; readonly node: string }
  /** Send the window from..to (hex), as capture `id`. */
  | {
      readonly command: "window";
      readonly node: string;
      readonly id: string;
      readonly from: string;
      readonly to: string;
    }
  /** Flush no more often than this. */
  | { readonly command: "slow"; readonly node: string; readonly intervalMs: number }
  /** Heartbeat every 250 ms for so long. */
  | { readonly command: "poll"; readonly node: string; readonly forMs: number };

export interface IngestReply {
  readonly acks: readonly BatchAck[];
  readonly commands: readonly AgentCommand[];
}

/** The body of every error answer of the collector. */
export interface ErrorReply {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly [detail: string]: unknown;
  };
}

export type HookState = "active" | "unavailable" | "degraded" | "shadowed" | "off";

/** A pair of processes that exchange messages without our stamp, as one side sees it. */
export interface UnstampedChannel {
  readonly peer: string;
  readonly direction: "in" | "out";
  readonly count: number;
}

/** What an agent says about itself in a batch's `status`, as plain JSON, at join and with heartbeats. */
export interface AgentStatus {
  readonly pid: number;
  readonly version: string;
  readonly health: "ok" | "degraded" | "off";
  readonly hooks: Readonly<Record<string, HookState>>;
  /** Events recorded, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Events dropped, by reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** How far the HLC is ahead of physical time. */
  readonly leadMs: number;
  /** Bounded; most used first. */
  readonly unstamped: readonly UnstampedChannel[];
  /** Remote stamps not merged, per peer; bounded. */
  readonly refused: Readonly<Record<string, number>>;
}
