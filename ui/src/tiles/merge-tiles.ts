/**
 * Tiles side by side made into what is drawn: one lane of ascending columns per node, gaps joined
 * where they meet, every message once. Columns of a lane are made when somebody first looks at it.
 *
 * A message lies in the tile that it was received in; only where that one is not there, in the one
 * that it was sent in. So an exact tile, which lists both ends, and a counted one, which counts what
 * it received, add up to each message once.
 */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type {
  BucketColumns,
  ExactEvents,
  LaneFacts,
  MessageFacts,
  SendColumns,
  TimelineFacts,
} from "../model/timeline-facts.ts";
import { mergeSends, messagesOf } from "./merge-sends.ts";
import type { EventColumns, Tile, TileLane } from "./tile.ts";
import type { Cover, Segment } from "./tile-cover.ts";

/** Glyphs that a view may have; beyond, its lanes are columns. */
export const MAX_EXACT_ROWS = 10_000;

/** Null while nothing is held of the view. */
export function factsOf(
  cover: Pick<Cover, "cellTicks" | "segments" | "missing">,
): TimelineFacts | null {
  const exact = exactPart(cover.segments);
  const segments = exact ?? cover.segments;
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) return null;
  const dropped = cover.segments.filter((one) => !segments.includes(one));
  const missing = [...cover.missing, ...dropped.map(({ from, to }) => ({ from, to }))].sort(
    (a, b) => a.from - b.from,
  );
  let sends: SendColumns | undefined;
  let messages: readonly MessageFacts[] | undefined;
  return {
    from: Math.min(first.from, missing[0]?.from ?? first.from) as Hlc,
    to: Math.max(last.to, missing.at(-1)?.to ?? last.to) as Hlc,
    bucketTicks: cover.cellTicks,
    exact: exact !== null,
    lanes: lanesOf(segments, exact !== null),
    missing,
    get sends() {
      sends ??= mergeSends(segments);
      return sends;
    },
    get messages() {
      messages ??= messagesOf(this.sends);
      return messages;
    },
  };
}

/** What is known of the nodes, where nothing is known of what they did: all of it is missing. */
export function blankFacts(known: TimelineFacts, missing: TimelineFacts["missing"]): TimelineFacts {
  const lanes = [...known.lanes.values()].map(({ node, service, status, watermark, epochs }) => {
    const buckets = bucketsOf(node, []);
    return { node, service, status, watermark, epochs, gaps: [], exact: null, buckets };
  });
  return {
    from: (missing[0]?.from ?? known.from) as Hlc,
    to: (missing.at(-1)?.to ?? known.to) as Hlc,
    bucketTicks: known.bucketTicks,
    exact: false,
    lanes: new Map(lanes.map((lane) => [lane.node, lane])),
    sends: mergeSends([]),
    messages: [],
    missing,
  };
}

/** The parts to draw event by event; null where not all that are there can be. */
function exactPart(segments: readonly Segment[]): readonly Segment[] | null {
  const fine = segments.filter(({ isCoarse }) => !isCoarse);
  if (fine.length === 0) return null;
  let rows = 0;
  for (const { tile, from, to } of fine) {
    if (tile.events === null) return null;
    const share = tile.from === from && tile.to === to;
    rows += share ? tile.events.times.length : countIn(tile.events, from, to);
  }
  return rows <= MAX_EXACT_ROWS ? fine : null;
}

function countIn({ times }: EventColumns, from: number, to: number): number {
  return times.reduce((count, t) => (t >= from && t <= to ? count + 1 : count), 0);
}

/** By tile: where each node's lane stands. */
const places = new WeakMap<Tile, ReadonlyMap<string, number>>();

function placeOf(tile: Tile, node: string): number | undefined {
  let known = places.get(tile);
  if (known === undefined) {
    known = new Map(tile.lanes.map((lane, place) => [lane.node, place]));
    places.set(tile, known);
  }
  return known.get(node);
}

function lanesOf(segments: readonly Segment[], isExact: boolean): ReadonlyMap<string, LaneFacts> {
  const lanes = new Map<string, LaneFacts>();
  for (const { tile } of segments) {
    for (const lane of tile.lanes) {
      if (!lanes.has(lane.node)) lanes.set(lane.node, laneOf(lane.node, segments, isExact));
    }
  }
  return lanes;
}

function laneOf(node: string, segments: readonly Segment[], isExact: boolean): LaneFacts {
  let newest: TileLane | undefined;
  const gaps: { from: Hlc; to: Hlc; reason: string }[] = [];
  for (const { tile, from, to } of segments) {
    const place = placeOf(tile, node);
    const lane = place === undefined ? undefined : tile.lanes[place];
    if (lane === undefined) continue;
    if (newest === undefined || lane.watermark >= newest.watermark) newest = lane;
    for (const gap of lane.gaps) addGap(gaps, gap, from, to);
  }
  const { service = "", status = "", watermark = 0 as Hlc, epochs = [] } = newest ?? {};
  let buckets: BucketColumns | undefined;
  let exact: ExactEvents | null | undefined = isExact ? undefined : null;
  return {
    ...{ node, service, status, watermark, epochs, gaps },
    get exact() {
      exact ??= isExact ? exactOf(node, segments) : null;
      return exact;
    },
    get buckets() {
      buckets ??= bucketsOf(node, segments);
      return buckets;
    },
  };
}

/** Clipped to the segment, and joined to the one before where a tile's edge cut it in two. */
function addGap(
  gaps: { from: Hlc; to: Hlc; reason: string }[],
  gap: LaneFacts["gaps"][number],
  from: number,
  to: number,
): void {
  const start = Math.max(gap.from, from) as Hlc;
  const end = Math.min(gap.to, to) as Hlc;
  if (start > end) return;
  const last = gaps.findLast(({ reason }) => reason === gap.reason);
  if (last !== undefined && start <= last.to + 1) last.to = Math.max(last.to, end) as Hlc;
  else gaps.push({ from: start, to: end, reason: gap.reason });
}

interface Part {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

/** The rows of a lane that lie in a segment, at the level that it is drawn at. */
function cellPart(segment: Segment, node: string): Part | undefined {
  const { tile, level, from, to } = segment;
  const columns = tile.levels[level];
  const place = placeOf(tile, node);
  if (columns === undefined || place === undefined) return undefined;
  const ticks = tile.cellTicks * 2 ** level;
  const first = place === 0 ? 0 : (columns.ends[place - 1] as number);
  const end = columns.ends[place] as number;
  const firstCell = Math.floor((from - tile.from) / ticks);
  const lastCell = Math.floor((to - tile.from) / ticks);
  const start = rowFrom(columns.cell, first, end, firstCell);
  return { segment, start, end: rowFrom(columns.cell, start, end, lastCell + 1) };
}

/** First row in [low, high) whose value is >= `wanted`. */
function rowFrom(
  values: { readonly [index: number]: number },
  first: number,
  end: number,
  wanted: number,
): number {
  let low = first;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bucketsOf(node: string, segments: readonly Segment[]): BucketColumns {
  const parts = segments.flatMap((segment) => cellPart(segment, node) ?? []);
  const count = parts.reduce((sum, { start, end }) => sum + end - start, 0);
  const columns = {
    starts: new Float64Array(count),
    ends: new Float64Array(count),
    changes: new Uint32Array(count),
    messages: new Uint32Array(count),
    requests: new Uint32Array(count),
    marks: new Uint32Array(count),
    worstUs: new Float64Array(count),
    flagged: new Uint8Array(count),
  };
  let row = 0;
  for (const { segment, start, end } of parts) {
    const { tile, level } = segment;
    const cells = tile.levels[level];
    if (cells === undefined) continue;
    const ticks = tile.cellTicks * 2 ** level;
    for (const name of [
      "changes",
      "messages",
      "requests",
      "marks",
      "worstUs",
      "flagged",
    ] as const) {
      columns[name].set(cells[name].subarray(start, end), row);
    }
    for (let i = start; i < end; i += 1, row += 1) {
      const from = tile.from + (cells.cell[i] as number) * ticks;
      columns.starts[row] = from;
      columns.ends[row] = from + ticks;
    }
  }
  return columns;
}

function exactOf(node: string, segments: readonly Segment[]): ExactEvents {
  const parts = segments.flatMap((segment) => eventPart(segment, node) ?? []);
  const joined = <Column extends Float64Array | Uint8Array | Uint32Array>(
    pick: (events: EventColumns) => Column,
    empty: (length: number) => Column,
  ): Column => {
    const column = empty(parts.reduce((sum, { start, end }) => sum + end - start, 0));
    let row = 0;
    for (const { segment, start, end } of parts) {
      column.set(pick(segment.tile.events as EventColumns).subarray(start, end), row);
      row += end - start;
    }
    return column;
  };
  const residenceUs = joined(
    ({ residenceUs: us }) => us,
    (length) => new Float64Array(length),
  );
  let lines: EventLineJson[] | undefined;
  let changes: ExactEvents["changes"] | undefined;
  return {
    times: joined(
      ({ times }) => times,
      (length) => new Float64Array(length),
    ),
    glyphs: joined(
      ({ glyphs }) => glyphs,
      (length) => new Uint8Array(length),
    ),
    counts: joined(
      ({ counts }) => counts,
      (length) => new Uint32Array(length),
    ),
    residenceUs,
    longestUs: residenceUs.reduce((longest, us) => Math.max(longest, us), 0),
    get lines() {
      lines ??= parts.flatMap((part) => linesOf(part, node));
      return lines;
    },
    get changes() {
      changes ??= parts.flatMap((part) => changesOf(part, node));
      return changes;
    },
  };
}

function eventPart(segment: Segment, node: string): Part | undefined {
  const { tile, from, to } = segment;
  const place = placeOf(tile, node);
  if (tile.events === null || place === undefined) return undefined;
  const { ends, times } = tile.events;
  const first = place === 0 ? 0 : (ends[place - 1] as number);
  const end = ends[place] as number;
  const start = rowFrom(times, first, end, from);
  return { segment, start, end: rowFrom(times, start, end, to + 1) };
}

/** Read from the tile's text: most lanes are never pointed at. */
function textLines({ segment: { tile } }: Part, node: string): readonly EventLineJson[] {
  const text = tile.events?.texts[placeOf(tile, node) as number] ?? "[]";
  return JSON.parse(text) as (EventLineJson & Json)[];
}

function linesOf(part: Part, node: string): EventLineJson[] {
  const all = textLines(part, node);
  const { firsts } = part.segment.tile.events as EventColumns;
  return Array.from(
    { length: part.end - part.start },
    (_, i) => all[firsts[part.start + i] as number] as EventLineJson,
  );
}

const SAYS_A_VALUE = new Set(["set", "delete", "add", "remove", "keyframe", "join"]);

function changesOf(part: Part, node: string): { t: Hlc; line: EventLineJson }[] {
  const { from, to } = part.segment;
  return textLines(part, node).flatMap((line) => {
    if (!SAYS_A_VALUE.has(line.kind)) return [];
    const t = ticksOf(line.t);
    return t >= from && t <= to ? [{ t, line }] : [];
  });
}
