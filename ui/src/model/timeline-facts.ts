/**
 * What there is to draw of a stretch of time: typed columns sorted by time, put together from tiles
 * (tiles/merge-tiles.ts).
 *
 * Exact lanes hold one row per event; changes of one commit (equal t) become one glyph. Dense lanes
 * hold one row per bucket in which anything happened. Both are bounded by the pixels asked for.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";

export const GLYPHS = [
  "change",
  "commit",
  "delete",
  "send",
  "receive",
  "request",
  "mark",
  "keyframe",
  "join",
  "leave",
] as const;
export type Glyph = (typeof GLYPHS)[number];
export const GlyphCode: { readonly [glyph in Glyph]: number } = Object.fromEntries(
  GLYPHS.map((glyph, code) => [glyph, code]),
) as { [glyph in Glyph]: number };

export interface ExactEvents {
  /** Ticks, ascending. */
  readonly times: Float64Array;
  readonly glyphs: Uint8Array;
  /** Microseconds, for requests; else 0. */
  readonly residenceUs: Float64Array;
  /** The longest of them: a request may reach so far to the left of its time. */
  readonly longestUs: number;
  /** The first event of the glyph, and how many share it. */
  readonly lines: readonly EventLineJson[];
  readonly counts: Uint32Array;
  /** Every event that says what a variable holds, those inside commits too; ascending. */
  readonly changes: readonly { readonly t: Hlc; readonly line: EventLineJson }[];
}

export interface BucketColumns {
  /** First tick of each bucket, ascending. */
  readonly starts: Float64Array;
  /** The tick after each; wider than the others where only a coarser tile is known yet. */
  readonly ends: Float64Array;
  readonly changes: Uint32Array;
  readonly messages: Uint32Array;
  readonly requests: Uint32Array;
  readonly marks: Uint32Array;
  readonly worstUs: Float64Array;
  readonly flagged: Uint8Array;
}

export interface LaneFacts {
  readonly node: string;
  readonly service: string;
  readonly status: string;
  readonly watermark: Hlc;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly joined: Hlc;
    readonly end: Hlc | null;
  }[];
  readonly gaps: readonly { readonly from: Hlc; readonly to: Hlc; readonly reason: string }[];
  readonly exact: ExactEvents | null;
  readonly buckets: BucketColumns;
}

export interface MessageFacts {
  readonly from: string;
  readonly to: string | null;
  readonly sentAt: Hlc;
  readonly receivedAt: Hlc | null;
  readonly count: number;
  /** Two messages, joined over a hidden node. */
  readonly isJoined?: boolean;
}

export interface TimelineFacts {
  /** First and last tick that it speaks of. */
  readonly from: Hlc;
  readonly to: Hlc;
  readonly bucketTicks: number;
  readonly exact: boolean;
  readonly lanes: ReadonlyMap<string, LaneFacts>;
  /** The messages in columns, for painting, and one by one for whoever looks at few. */
  readonly sends: SendColumns;
  readonly messages: readonly MessageFacts[];
  /** Stretches of [from, to] of which nothing is known yet, ascending: blank there means nothing. */
  readonly missing: readonly { readonly from: number; readonly to: number }[];
}

/** In `SendColumns`: the receiver is not known. */
export const NOBODY = 0xffff;

export interface SendColumns {
  /** Names of senders and receivers; the columns hold places in it. */
  readonly nodes: readonly string[];
  readonly senders: Uint16Array;
  /** `NOBODY` where the receiver is not known. */
  readonly receivers: Uint16Array;
  readonly sentAt: Float64Array;
  /** NaN where no receive is known. */
  readonly receivedAt: Float64Array;
  readonly counts: Uint32Array;
  /** 1 where two messages were joined over a hidden node; absent where none was. */
  readonly joined?: Uint8Array;
}

/** Events of a bucket that are drawn. */
export function eventsIn({ changes, messages, requests, marks }: BucketColumns, i: number): number {
  return (
    (changes[i] as number) +
    (messages[i] as number) +
    (requests[i] as number) +
    (marks[i] as number)
  );
}

/** First index whose value is >= `wanted`. */
export function lowerBound(sorted: Float64Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
