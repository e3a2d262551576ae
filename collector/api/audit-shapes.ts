/**
 * The JSON of the questions about the answers themselves: `/api/causality`, `/api/explain`, and what
 * `/api/live` tells. Types only; the rest is in shapes.ts.
 */
import type { CutJson, EventRefJson, H, IncompleteJson, NodesJson } from "./shapes.ts";

/** Of `to`'s clock over `from`'s, in microseconds; null: no message tells. */
export interface ClockOffsetJson {
  readonly from: string;
  readonly to: string;
  readonly lowerUs: number | null;
  readonly upperUs: number | null;
  readonly messages: number;
  /** The bounds contradict each other: a clock was set, or drifted, within the range. */
  readonly moved: boolean;
}

/** What `/api/nodes` says of one node's clock: how far others' are ahead of it. */
export type NodeOffsetsJson = NonNullable<NodesJson["nodes"][number]["offsets"]>;

export interface CausalityJson {
  readonly from: H;
  readonly to: H;
  /** Whether no event of the range may be missing. */
  readonly complete: boolean;
  readonly incomplete: readonly IncompleteJson[];
  readonly messages: { readonly sends: number; readonly receives: number; readonly joined: number };
  readonly violations: CutJson["violations"];
  readonly violationCount: number;
  readonly unstamped: CutJson["unchecked"];
  readonly receivesWithoutSend: readonly {
    /** `unstamped`, `unknown-node`, `unknown-epoch`, `lost`, `not-captured`, `hole`, `lagging`, `contradiction` or `unknown-id`. */
    readonly reason: string;
    readonly from: string | null;
    readonly to: string;
    readonly peer: string | null;
    readonly count: number;
    readonly first: EventRefJson;
  }[];
  /** Sends later than this are too young to be missed. */
  readonly judgedTo: H;
  readonly sendsWithoutReceive: readonly {
    readonly from: string;
    readonly to: string | null;
    readonly peer: string | null;
    readonly count: number;
    readonly first: EventRefJson;
    readonly last: H;
  }[];
  readonly backward: readonly { readonly event: EventRefJson; readonly before: H }[];
  readonly overlapping: readonly {
    readonly node: string;
    readonly epoch: number;
    readonly joined: H;
    readonly earlierEpoch: number;
    readonly reached: H;
  }[];
  readonly unmerged: readonly {
    readonly from: string;
    readonly to: string;
    readonly count: number;
    readonly first: H;
  }[];
  readonly offsets: readonly ClockOffsetJson[];
  /** Lists that are longer than what is given. */
  readonly cutShort: readonly string[];
  /** Batches that ingest refused since it started because a stamp did not rise, or contradicted what is stored. */
  readonly refused: { readonly batches: number; readonly conflicts: number } | null;
}

export interface ExplainJson {
  readonly at: H;
  readonly complete: boolean;
  readonly consistent: boolean;
  readonly inFlightComplete: boolean;
  readonly members: readonly string[];
  /** One sentence. */
  readonly summary: string;
  /** What is missing, node by node; then channels that contradict; then what makes `inFlight` uncertain. */
  readonly findings: readonly (IncompleteJson & {
    readonly concerns: "state" | "order" | "messages";
    readonly why: string;
    readonly advice: string;
  })[];
}

/** `watermark`: up to `watermark` every cut is complete, but for lost ranges. */
export interface LiveWatermarkJson {
  readonly now: H;
  /** Null: no node is live. */
  readonly watermark: H | null;
  /** The last time of anything stored; null: nothing is. */
  readonly last: H | null;
}

/** `nodes`: who is there, whenever that changes. */
export interface LiveNodesJson {
  readonly nodes: readonly {
    readonly node: string;
    readonly service: string;
    readonly epoch: number;
    readonly status: string;
  }[];
}

/** `amended`: answers about (from, to] may have changed, by what came late or was given up. */
export interface LiveAmendedJson {
  readonly ranges: readonly { readonly node: string; readonly from: H; readonly to: H }[];
  /** Which ranges cannot be said: any answer may have changed. */
  readonly all?: true;
}
