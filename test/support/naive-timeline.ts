/**
 * A timeline answer as facts, read the slow and obvious way and without tiles: what the merged tiles of
 * the UI are compared with, and what tests of painters and panels that need no tiles stand on.
 */
import { EVENT_KINDS, type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { EventLineJson, H, TimelineJson } from "../../collector/api/shapes.ts";
import {
  type BucketColumns,
  type ExactEvents,
  type Glyph,
  GlyphCode,
  type LaneFacts,
  NOBODY,
  type TimelineFacts,
} from "../../ui/src/model/timeline-facts.ts";

export function readTimeline(json: TimelineJson): TimelineFacts {
  const from = ticks(json.from);
  const nodes = [
    ...new Set(json.messages.flatMap((m) => (m.to === null ? [m.from] : [m.from, m.to]))),
  ];
  return {
    from,
    to: ticks(json.to),
    bucketTicks: json.bucketTicks,
    exact: json.exact,
    missing: [],
    lanes: new Map(json.lanes.map((lane) => [lane.node, readLane(lane, from, json.bucketTicks)])),
    messages: json.messages.map((message) => ({
      from: message.from,
      to: message.to,
      sentAt: ticks(message.sentAt),
      receivedAt: message.receivedAt && ticks(message.receivedAt),
      count: message.count,
    })),
    sends: {
      nodes,
      senders: Uint16Array.from(json.messages, (m) => nodes.indexOf(m.from)),
      receivers: Uint16Array.from(json.messages, ({ to }) =>
        to === null ? NOBODY : nodes.indexOf(to),
      ),
      sentAt: Float64Array.from(json.messages, ({ sentAt }) => ticks(sentAt)),
      receivedAt: Float64Array.from(json.messages, ({ receivedAt }) =>
        receivedAt === null ? Number.NaN : ticks(receivedAt),
      ),
      counts: Uint32Array.from(json.messages, ({ count }) => count),
    },
  };
}

function ticks(time: H): Hlc {
  const t = parseHlc(time.hlc);
  if (t === undefined) throw new Error(`not a time: ${time.hlc}`);
  return t;
}

type LaneJson = TimelineJson["lanes"][number];

function readLane(lane: LaneJson, from: Hlc, bucketTicks: number): LaneFacts {
  return {
    node: lane.node,
    service: lane.service,
    status: lane.status,
    watermark: ticks(lane.watermark),
    epochs: lane.epochs.map(({ epoch, joined, end }) => ({
      epoch,
      joined: ticks(joined),
      end: end && ticks(end),
    })),
    gaps: lane.gaps.map((gap) => ({
      from: ticks(gap.from),
      to: ticks(gap.to),
      reason: gap.reason,
    })),
    exact: lane.events && readExact(lane.events),
    buckets: readBuckets(lane.buckets, from, bucketTicks),
  };
}

function readBuckets(rows: LaneJson["buckets"], from: Hlc, bucketTicks: number): BucketColumns {
  const at = (row: readonly number[], index: number) => row[index] ?? 0;
  return {
    starts: Float64Array.from(rows, (row) => from + at(row, 0) * bucketTicks),
    ends: Float64Array.from(rows, (row) => from + (at(row, 0) + 1) * bucketTicks),
    changes: Uint32Array.from(rows, (row) => at(row, 1)),
    messages: Uint32Array.from(rows, (row) => at(row, 2) + at(row, 3)),
    requests: Uint32Array.from(rows, (row) => at(row, 4)),
    marks: Uint32Array.from(rows, (row) => at(row, 5)),
    worstUs: Float64Array.from(rows, (row) => at(row, 6)),
    flagged: Uint8Array.from(rows, (row) => at(row, 7)),
  };
}

function readExact(events: readonly EventLineJson[]): ExactEvents {
  const rows: { t: Hlc; glyph: number; line: EventLineJson; count: number }[] = [];
  const changes: { t: Hlc; line: EventLineJson }[] = [];
  for (const line of events) {
    if (!(EVENT_KINDS as readonly string[]).includes(line.kind)) continue;
    const t = ticks(line.t);
    const glyph = glyphOf(line.kind);
    const last = rows.at(-1);
    if (isChange(glyph) || line.kind === "keyframe" || line.kind === "join")
      changes.push({ t, line });
    if (last !== undefined && last.t === t && isChange(glyph) && isChange(last.glyph)) {
      last.glyph = GlyphCode.commit;
      last.count += 1;
    } else rows.push({ t, glyph, line, count: 1 });
  }
  const residenceUs = rows.map(({ line }) => Number(line["residenceUs"] ?? 0));
  return {
    times: Float64Array.from(rows, ({ t }) => t),
    glyphs: Uint8Array.from(rows, ({ glyph }) => glyph),
    residenceUs: Float64Array.from(residenceUs),
    longestUs: Math.max(0, ...residenceUs),
    lines: rows.map(({ line }) => line),
    counts: Uint32Array.from(rows, ({ count }) => count),
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
