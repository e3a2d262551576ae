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
  /**
   * Send the window's events in (from, to] (hex), as capture `id`, with what makes them readable from
   * `from` on. `to` may lie up to 60 s ahead: it is then sent when that time has come.
   */
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

/** `absent`: the package that the hook is for has not been loaded by the service (so far). */
export type HookState = "active" | "absent" | "unavailable" | "degraded" | "shadowed" | "off";

/** A pair of processes that exchange messages without our stamp, as one side sees it. */
export interface UnstampedChannel {
  readonly peer: string;
  readonly direction: "in" | "out";
  readonly count: number;
}

/** What is shipped: everything as it is recorded, or joins and heartbeats, and the window when asked. */
export type StreamMode = "all" | "on-demand";

/**
 * What became of a `window` command, sent with or after the last event of it and repeated until a batch
 * that says it is acknowledged.
 *
 *     shipped          all of (from, to] was sent, and keyframes before it: readable from `from` on
 *     partial          some of it: `from`..`to` here is what can be read
 *     outside-window   none of it is in the window any more; `earliest` is what could have been asked for
 */
export interface CaptureReport {
  readonly id: string;
  readonly state: "shipped" | "partial" | "outside-window";
  /** Hex: from here on what was sent can be read. Absent: nothing was sent. */
  readonly from?: string;
  /** Hex: up to here. */
  readonly to?: string;
  /** What was sent, keyframes before `from` included; of the epoch of the batch that carries the report. */
  readonly firstSeq?: number;
  readonly lastSeq?: number;
  /** Hex: the earliest time that could have been asked for. */
  readonly earliest?: string;
}

/** Somebody on the node asks that all on-demand nodes ship their windows around `t`. */
export interface TriggerRequest {
  /** Unique for the node, over restarts too: one that comes again is the same. */
  readonly id: string;
  /** Hex. */
  readonly t: string;
  readonly reason: string;
}

/** Reports, and requests, in one status: the latest. */
export const MAX_CAPTURE_REPORTS = 16;
export const MAX_TRIGGERS = 16;

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
  /** Steps of the wall clock that were followed; absent in older agents. */
  readonly clockSteps?: number;
  /** Bounded; most used first. */
  readonly unstamped: readonly UnstampedChannel[];
  /** Remote stamps not merged, per peer; bounded. */
  readonly refused: Readonly<Record<string, number>>;
  /** Headers that could not be read, per peer; bounded; absent in older agents. */
  readonly malformed?: Readonly<Record<string, number>>;
  /** Absent: `all`. */
  readonly stream?: StreamMode;
  /** The latest MAX_CAPTURE_REPORTS, until acknowledged; absent: none. */
  readonly captures?: readonly CaptureReport[];
  /** Until acknowledged; absent: none. */
  readonly triggers?: readonly TriggerRequest[];
}
