/**
 * What `/api/timeline` says, made ready to draw: typed columns sorted by time.
 *
 * Exact lanes hold one row per event; changes of one commit (equal t) become one glyph. Dense lanes
 * hold one row per bucket. Both are bounded by the pixels asked for.
 */
import { EVENT_KINDS, type Hlc } from "../../../agent/kernel/index.ts";
import type { EventLineJson, TimelineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";

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
  /** The first event of the glyph, and how many share it. */
  readonly lines: readonly EventLineJson[];
  readonly counts: Uint32Array;
  /** Every event that says what a variable holds, those inside commits too; ascending. */
  readonly changes: readonly { readonly t: Hlc; readonly line: EventLineJson }[];
}

export interface BucketColumns {
  /** First tick of each bucket, ascending. */
  readonly starts: Float64Array;
  readonly changes: Float64Array;
  readonly messages: Float64Array;
  readonly requests: Float64Array;
  readonly marks: Float64Array;
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
  readonly from: Hlc;
  readonly to: Hlc;
  readonly bucketTicks: number;
  readonly exact: boolean;
  readonly lanes: ReadonlyMap<string, LaneFacts>;
  readonly messages: readonly MessageFacts[];
}

export function readTimeline(json: TimelineJson): TimelineFacts {
  const from = ticksOf(json.from);
  return {
    from,
    to: ticksOf(json.to),
    bucketTicks: json.bucketTicks,
    exact: json.exact,
    lanes: new Map(json.lanes.map((lane) => [lane.node, readLane(lane, from, json.bucketTicks)])),
    messages: json.messages.map((message) => ({
      from: message.from,
      to: message.to,
      sentAt: ticksOf(message.sentAt),
      receivedAt: message.receivedAt && ticksOf(message.receivedAt),
      count: message.count,
    })),
  };
}

type LaneJson = TimelineJson["lanes"][number];

function readLane(lane: LaneJson, from: Hlc, bucketTicks: number): LaneFacts {
  return {
    node: lane.node,
    service: lane.service,
    status: lane.status,
    watermark: ticksOf(lane.watermark),
    epochs: lane.epochs.map(({ epoch, joined, end }) => ({
      epoch,
      joined: ticksOf(joined),
      end: end && ticksOf(end),
    })),
    gaps: lane.gaps.map((gap) => ({
      from: ticksOf(gap.from),
      to: ticksOf(gap.to),
      reason: gap.reason,
    })),
    exact: lane.events && readExact(lane.events),
    buckets: readBuckets(lane.buckets, from, bucketTicks),
  };
}

function readBuckets(rows: LaneJson["buckets"], from: Hlc, bucketTicks: number): BucketColumns {
  const column = (pick: (row: readonly number[]) => number) => Float64Array.from(rows, pick);
  return {
    starts: column((row) => from + at(row, 0) * bucketTicks),
    changes: column((row) => at(row, 1)),
    messages: column((row) => at(row, 2) + at(row, 3)),
    requests: column((row) => at(row, 4)),
    marks: column((row) => at(row, 5)),
    worstUs: column((row) => at(row, 6)),
    flagged: Uint8Array.from(rows, (row) => at(row, 7)),
  };
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}

function readExact(events: readonly EventLineJson[]): ExactEvents {
  const lines: EventLineJson[] = [];
  const times: number[] = [];
  const glyphs: number[] = [];
  const counts: number[] = [];
  const changes: { t: Hlc; line: EventLineJson }[] = [];
  for (const event of events) {
    if (!(EVENT_KINDS as readonly string[]).includes(event.kind)) continue; // a newer collector's kind
    const t = ticksOf(event.t);
    const glyph = glyphOf(event.kind);
    if (isChange(glyph) || event.kind === "keyframe" || event.kind === "join") {
      changes.push({ t, line: event });
    }
    const last = lines.length - 1;
    if (isChange(glyph) && times[last] === t && isChange(glyphs[last] as number)) {
      glyphs[last] = GlyphCode.commit;
      counts[last] = (counts[last] as number) + 1;
      continue;
    }
    lines.push(event);
    times.push(t);
    glyphs.push(glyph);
    counts.push(1);
  }
  return {
    times: Float64Array.from(times),
    glyphs: Uint8Array.from(glyphs),
    residenceUs: Float64Array.from(lines, (line) => Number(line["residenceUs"] ?? 0)),
    lines,
    counts: Uint32Array.from(counts),
    changes,
  };
}

function isChange(glyph: number): boolean {
  return glyph === GlyphCode.change || glyph === GlyphCode.delete || glyph === GlyphCode.commit;
}

function glyphOf(kind: string): number {
  if (kind === "set" || kind === "add" || kind === "remove") return GlyphCode.change;
  return GlyphCode[kind as Glyph];
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
