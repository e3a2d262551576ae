/**
 * An answer of `/api/timeline` made into a tile. Runs in a worker: reading a megabyte of JSON takes
 * longer than a frame. Pages of one tile (other lanes, the same range) become one tile.
 */
import { EVENT_KINDS } from "../../../agent/kernel/index.ts";
import type { EventLineJson, TimelineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import { type Glyph, GlyphCode, NOBODY, type SendColumns } from "../model/timeline-facts.ts";
import { bytesOfColumns, emptyCells, pyramidOf } from "./cell-columns.ts";
import { gatherSends } from "./gather-sends.ts";
import { NodePlaces } from "./node-places.ts";
import type { CellColumns, EventColumns, Tile, TileLane } from "./tile.ts";

type LaneJson = TimelineJson["lanes"][number];

/** Bundles of messages that a tile keeps: several tiles make a view, which draws fewer. */
export const MAX_TILE_SENDS = 1_500;
/** A bundle is some eight pixels wide at first. */
const BUNDLE_CELLS = 8;
/** What a lane without columns takes, about. */
const LANE_BYTES = 600;

/** `pages` have the same range and no lane in common; at least one. */
export function decodeTile(pages: readonly TimelineJson[]): Tile {
  const [first] = pages;
  if (first === undefined) throw new Error("a tile has a page");
  const from = ticksOf(first.from);
  const to = ticksOf(first.to);
  const lanes = pages.flatMap((page) => page.lanes);
  const cellCount = Math.floor((to - from) / first.bucketTicks) + 1;
  const levels = pyramidOf(readCells(lanes), cellCount);
  const isExact = pages.every(({ exact }) => exact);
  const events = isExact ? readEvents(lanes) : null;
  const sends = readMessages(pages.flatMap((page) => page.messages));
  const messages = isExact ? sends : gathered(sends, first.bucketTicks * BUNDLE_CELLS);
  const columnBytes = [...levels, events ?? {}, messages].reduce(
    (sum: number, columns) => sum + bytesOfColumns(columns),
    0,
  );
  const textBytes = events?.texts.reduce((sum, text) => sum + text.length, 0) ?? 0;
  return {
    from,
    to,
    cellTicks: first.bucketTicks,
    lanes: lanes.map(readLane),
    levels,
    events,
    messages,
    bytes: columnBytes + textBytes + lanes.length * LANE_BYTES,
  };
}

/** The buffers of a tile, which move to whoever it is sent to. */
export function buffersOf({ levels, events, messages }: Tile): ArrayBuffer[] {
  return [...levels, events ?? {}, messages].flatMap((columns) =>
    Object.values(columns).flatMap((column: unknown) =>
      ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [],
    ),
  );
}

function readLane(lane: LaneJson): TileLane {
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
    gaps: lane.gaps.map(({ from, to, reason }) => ({
      from: ticksOf(from),
      to: ticksOf(to),
      reason,
    })),
  };
}

function readCells(lanes: readonly LaneJson[]): CellColumns {
  const rows = lanes.reduce((sum, { buckets }) => sum + buckets.length, 0);
  const columns = emptyCells(rows, lanes.length);
  let row = 0;
  for (const [lane, { buckets }] of lanes.entries()) {
    for (const bucket of buckets) {
      columns.cell[row] = at(bucket, 0);
      columns.changes[row] = at(bucket, 1);
      columns.messages[row] = at(bucket, 2) + at(bucket, 3);
      columns.requests[row] = at(bucket, 4);
      columns.marks[row] = at(bucket, 5);
      columns.worstUs[row] = at(bucket, 6);
      columns.flagged[row] = at(bucket, 7);
      row += 1;
    }
    columns.ends[lane] = row;
  }
  return columns;
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}

/** Changes of one commit (equal t) become one row. */
function readEvents(lanes: readonly LaneJson[]): EventColumns {
  const times: number[] = [];
  const glyphs: number[] = [];
  const residenceUs: number[] = [];
  const counts: number[] = [];
  const firsts: number[] = [];
  const ends: number[] = [];
  const texts: string[] = [];
  for (const { events } of lanes) {
    const start = times.length;
    for (const [place, event] of (events ?? []).entries()) {
      const glyph = glyphOf(event.kind);
      if (glyph === undefined) continue; // a newer collector's kind
      const t = ticksOf(event.t);
      const last = times.length - 1;
      const isSameCommit =
        last >= start && times[last] === t && isChange(glyph) && isChange(glyphs[last] as number);
      if (isSameCommit) {
        glyphs[last] = GlyphCode.commit;
        counts[last] = (counts[last] as number) + 1;
        continue;
      }
      times.push(t);
      glyphs.push(glyph);
      residenceUs.push(Number(event["residenceUs"] ?? 0));
      counts.push(1);
      firsts.push(place);
    }
    ends.push(times.length);
    texts.push(JSON.stringify(events ?? []));
  }
  return {
    ends: Uint32Array.from(ends),
    times: Float64Array.from(times),
    glyphs: Uint8Array.from(glyphs),
    residenceUs: Float64Array.from(residenceUs),
    counts: Uint32Array.from(counts),
    firsts: Uint32Array.from(firsts),
    texts,
  };
}

function isChange(glyph: number): boolean {
  return glyph === GlyphCode.change || glyph === GlyphCode.delete || glyph === GlyphCode.commit;
}

function glyphOf(kind: EventLineJson["kind"]): number | undefined {
  if (kind === "set" || kind === "add" || kind === "remove") return GlyphCode.change;
  return (EVENT_KINDS as readonly string[]).includes(kind) ? GlyphCode[kind as Glyph] : undefined;
}

function readMessages(messages: TimelineJson["messages"]): SendColumns {
  const places = new NodePlaces();
  const columns = {
    senders: Uint16Array.from(messages, ({ from }) => places.of(from)),
    receivers: Uint16Array.from(messages, ({ to }) => (to === null ? NOBODY : places.of(to))),
    sentAt: Float64Array.from(messages, ({ sentAt }) => ticksOf(sentAt)),
    receivedAt: Float64Array.from(messages, ({ receivedAt }) =>
      receivedAt === null ? Number.NaN : ticksOf(receivedAt),
    ),
    counts: Uint32Array.from(messages, ({ count }) => count),
  };
  return { nodes: places.names, ...columns };
}

/** Few enough to be bundled anew in each frame of a zoom. */
function gathered(sends: SendColumns, ticks: number): SendColumns {
  if (sends.counts.length <= MAX_TILE_SENDS) return sends;
  const { senders, receivers } = sends;
  const nowhere = sends.nodes.length;
  const pairOf = (row: number): number =>
    (senders[row] as number) * (nowhere + 1) + Math.min(nowhere, receivers[row] as number);
  const rows = Array.from(sends.counts.keys());
  const pairs = (nowhere + 1) ** 2;
  const bundles = gatherSends(sends, { rows, pairOf, pairs, ticks, most: MAX_TILE_SENDS });
  const pick = (column: ArrayLike<number>) => bundles.map(([row]) => column[row] as number);
  return {
    nodes: sends.nodes,
    senders: Uint16Array.from(pick(senders)),
    receivers: Uint16Array.from(pick(receivers)),
    sentAt: Float64Array.from(pick(sends.sentAt)),
    receivedAt: Float64Array.from(pick(sends.receivedAt)),
    counts: Uint32Array.from(bundles, ([, count]) => count),
  };
}
