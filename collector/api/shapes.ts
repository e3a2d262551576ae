/**
 * The JSON that the HTTP API speaks: types only, shared by the API, the command line and the UI.
 * A time in an answer is always `H`. Values are in JSON form (sets as `{"$set": [...]}`).
 * The routes and their parameters: README.md.
 */
import type { Json } from "../../agent/kernel/index.ts";

/** A time in an answer: 16 hex digits, exact; and ISO 8601 with microseconds, for people. */
export interface H {
  readonly hlc: string;
  readonly time: string;
}

export interface IncompleteJson {
  readonly node: string;
  readonly reason: string;
  readonly from?: H;
  readonly to?: H;
  readonly events?: number;
  readonly seq?: number;
  readonly after?: H;
  readonly logs?: readonly string[];
}

export interface EventRefJson {
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly at: H;
}

export interface CutJson {
  /** Only of a saved cut: it is as it was when it was saved, whatever came or went since. */
  readonly saved?: { readonly id: string; readonly name: string; readonly savedAt: H };
  readonly at: H;
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly members: readonly string[];
  readonly consistent: boolean;
  readonly violations: readonly {
    readonly send: EventRefJson;
    readonly receive: EventRefJson;
    readonly channel: { readonly from: string; readonly to: string };
  }[];
  readonly unchecked: readonly {
    readonly from: string | null;
    readonly to: string | null;
    readonly peer: string;
    /** Messages that the node's run has seen so far, after T too: no part of the cut. */
    readonly count: number;
  }[];
  readonly nodes: {
    readonly [node: string]: {
      readonly service: string;
      readonly epoch: number;
      readonly status: string;
      readonly watermark: H;
      readonly logs: { readonly [log: string]: { readonly [key: string]: Json } };
    };
  };
  readonly inFlight: readonly {
    readonly id: string;
    readonly from: string;
    readonly to: string | null;
    readonly peer: string | null;
    readonly sentAt: H;
  }[];
  readonly inFlightComplete: boolean;
  /** Why not: what is missing of the 30 s before. */
  readonly inFlightIncomplete: readonly IncompleteJson[];
  /** Only where a list was shortened: how many there are in all, at least. */
  readonly totals?: {
    readonly incomplete: number;
    readonly violations: number;
    readonly inFlight: number;
  };
}

/** A cut kept under a name. */
export interface SavedJson {
  readonly id: string;
  readonly name: string;
  readonly at: H;
  readonly savedAt: H;
  readonly complete: boolean;
  readonly consistent: boolean;
  readonly memberCount: number;
  /** As it is stored. */
  readonly bytes: number;
}

export interface SavedListJson {
  /** Newest first. */
  readonly saved: readonly SavedJson[];
  readonly bytes: number;
  /** How many were given up for want of room since the collector started. */
  readonly givenUp: number;
}

export interface SavedCutJson extends SavedJson {
  readonly cut: CutJson;
}

export interface ErasedJson {
  /** Batches and segments removed from epochs that go on. */
  readonly pieces: number;
  /** Epochs of which nothing is left. */
  readonly epochs: number;
  readonly nodes: readonly {
    readonly node: string;
    /** Where its history begins now; null: nothing of it is left. */
    readonly retainedFrom: H | null;
  }[];
  /** Saved cuts that lost something of what they showed, or all. */
  readonly saved: number;
}

/** Why a value is not known: its changes are gone, or were not captured and may yet be. */
export type UnknownJson = "lost" | "not-captured";

/** Absent without a reason: there was no such variable. */
export interface BeforeAfterJson {
  readonly before?: Json;
  readonly after?: Json;
  /** Never beside a value. */
  readonly beforeUnknown?: UnknownJson;
  readonly afterUnknown?: UnknownJson;
}

export interface DiffJson {
  readonly from: H;
  readonly to: H;
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly changes: readonly (BeforeAfterJson & {
    readonly node: string;
    readonly log: string;
    readonly key: string;
    readonly count: number;
  })[];
}

export interface StepsJson {
  /** Whether no event of the range gone through may be missing: other steps may lie in it. */
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly steps: readonly {
    readonly at: H;
    readonly changes: readonly (BeforeAfterJson & {
      readonly node: string;
      readonly log: string;
      readonly key: string;
      /** That of an event, or `lost` or `not-captured`: from here on its value is not known. */
      readonly kind: string;
    })[];
  }[];
}

export interface VariableHistoryJson {
  /** Whether no version of this page's range may be missing. */
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly values: readonly {
    readonly at: H;
    readonly epoch: number;
    readonly seq: number;
    readonly value?: Json;
    readonly deleted?: true;
    /** Not known: changes of it are gone. */
    readonly lost?: true;
    /** Not known: it was not captured, and may yet be. */
    readonly notCaptured?: true;
  }[];
  readonly next?: string;
}

export interface NodesJson {
  /** The collector's. */
  readonly version?: string;
  /** The collector's clock when it answered. */
  readonly now: H;
  /** First and last time stored; null while nothing is. */
  readonly extent: { readonly first: H; readonly last: H } | null;
  /** The lowest watermark of the live nodes; null without any. */
  readonly watermark: H | null;
  /** How much of the past is kept. */
  readonly retention?: {
    readonly retentionMs: number | null;
    readonly maxBytes: number | null;
    readonly usedBytes: number;
    readonly fileBytes: number;
    /** The collector's clock jumped ahead: for now nothing is removed for its age. */
    readonly paused: boolean;
    /** Since the start: batches or segments removed, epochs forgotten, clock jumps, rounds that failed. */
    readonly removed: number;
    readonly forgotten: number;
    readonly clockJumps: number;
    readonly failures: number;
  };
  /** What the collector has taken in since it started: events, and refused requests by code. */
  readonly ingest?: {
    readonly stored: number;
    readonly repeated: number;
    /** Batches that contradicted what is stored. An alarm. */
    readonly conflicts: number;
    /** Batches that came again and were too much to compare. */
    readonly uncompared: number;
    readonly expired: number;
    readonly refused: Readonly<Record<string, number>>;
    /** Of those: refused for a limit, by its reason (`rate-of-node`, `memory`, `too-many-nodes`). */
    readonly limits: Readonly<Record<string, number>>;
  };
  /** Questions being answered, and what became of others since the start. */
  readonly questions?: {
    readonly running: number;
    readonly waiting: number;
    readonly held: number;
    readonly refused: number;
    readonly cancelled: number;
    readonly timedOut: number;
  };
  readonly nodes: readonly {
    readonly node: string;
    readonly service: string;
    readonly tags: Readonly<Record<string, string>>;
    readonly epoch: number;
    readonly epochs: readonly {
      readonly epoch: number;
      readonly joined: H;
      readonly end: H | null;
    }[];
    readonly status: string;
    readonly joined: H;
    /** Retention has left nothing before this; null: it has taken nothing. */
    readonly retainedFrom: H | null;
    readonly watermark: H;
    readonly hooks: Json;
    readonly counts: Json;
    readonly drops: Json;
    /** `on-demand`: it ships its window only when asked (`/api/captures`). */
    readonly stream: "all" | "on-demand";
    readonly lost: readonly LostRangeJson[];
    /** What an on-demand node was not asked for, over all its runs; null: nothing. */
    readonly notCaptured: {
      readonly rangeCount: number;
      readonly events: number;
      readonly from: H;
      readonly to: H;
      /** The latest 16; all of them with `ranges=all`. */
      readonly ranges: readonly LostRangeJson[];
    } | null;
    /** Milliseconds that the node's HLC is ahead of its physical time. */
    readonly lead: number | null;
    /** Steps of its wall clock that the agent followed; null: it does not say. */
    readonly clockSteps: number | null;
    /** Stamps beyond the gate, and headers that could not be read, by peer; null: it does not say. */
    readonly refused: Json;
    readonly malformed: Json;
    /** Against the clocks of other nodes, by the messages of the last seconds; null: not looked up yet. */
    readonly offsets: {
      readonly at: H;
      readonly pairs: readonly {
        readonly node: string;
        readonly lowerUs: number | null;
        readonly upperUs: number | null;
        readonly moved: boolean;
      }[];
    } | null;
  }[];
}

export interface LostRangeJson {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly from: H;
  readonly to: H;
  readonly logs: readonly string[] | null;
  /** Whether a send or a receive may be among them. */
  readonly messages: boolean;
  readonly reason: string;
}

export interface CaptureJson {
  readonly id: string;
  /** `asked` while some node may yet ship; `done`: all of it is here, durable; else `partial`. */
  readonly state: "asked" | "done" | "partial";
  /** The range is (from, to]. */
  readonly from: H;
  readonly to: H;
  readonly reason?: string;
  /** The node whose agent asked for it, the first of `count`. */
  readonly trigger?: { readonly node: string; readonly at: H; readonly count: number };
  readonly nodes: readonly {
    readonly node: string;
    readonly state: "asked" | "shipped" | "partial" | "outside-window" | "silent" | "streaming";
    /** What of it can be read: (from, to]. */
    readonly from?: H;
    readonly to?: H;
    readonly why?: string;
  }[];
  /** On-demand nodes that were not asked, where there were too many. */
  readonly unasked?: number;
}

export interface CapturesJson {
  /** Newest first. */
  readonly captures: readonly CaptureJson[];
  /** What became of agents' triggers since the collector started. */
  readonly triggers: {
    readonly taken: number;
    readonly folded: number;
    readonly limited: number;
    readonly refused: number;
    readonly repeated: number;
  };
}

export interface SchemaJson {
  readonly services: readonly string[];
  readonly nodes: readonly string[];
  readonly logs: readonly {
    readonly node: string;
    readonly service: string;
    readonly log: string;
    readonly changes: number;
    readonly variableCount: number;
    readonly variables: readonly { readonly key: string; readonly type: string }[];
    /** Why there may be variables that are not listed. */
    readonly unknown?: UnknownJson;
  }[];
}

/** An event line (../interop/README.md) with epoch and seq, and `t` as H. */
export type EventLineJson = {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly seq: number;
  readonly t: H;
  readonly kind: string;
} & { readonly [field: string]: Json };

export interface EventsJson {
  /** The range, both ends in it. */
  readonly from: H;
  readonly to: H;
  readonly events: readonly EventLineJson[];
  /** Whether no event of the whole range, of whatever kind, may be missing; the same on every page. */
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly next?: string;
}

export interface TimelineJson {
  readonly from: H;
  readonly to: H;
  readonly bucketTicks: number;
  readonly exact: boolean;
  readonly lanes: readonly {
    readonly node: string;
    readonly service: string;
    readonly status: string;
    readonly epochs: readonly {
      readonly epoch: number;
      readonly joined: H;
      readonly end: H | null;
    }[];
    readonly watermark: H;
    readonly gaps: readonly { readonly from: H; readonly to: H; readonly reason: string }[];
    /** [index, changes, sends, receives, requests, marks, worstUs, flagged 0|1], ascending by index. */
    readonly buckets: readonly (readonly number[])[];
    readonly events: readonly EventLineJson[] | null;
  }[];
  readonly messages: readonly {
    readonly from: string;
    readonly to: string | null;
    readonly sentAt: H;
    readonly receivedAt: H | null;
    readonly count: number;
  }[];
  /** While there are more lanes: the `cursor` of the next page. */
  readonly next?: string;
}

export interface HealthJson {
  readonly status: "ok" | "degraded";
}
