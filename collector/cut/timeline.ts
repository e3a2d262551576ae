/**
 * A range of time for drawing: per node counts in buckets, gaps, messages gathered by bucket, and the
 * events one by one when the whole answer has few.
 *
 * A bucket is a power of two of ticks wide and lies at a multiple of its width, so `from` of the
 * answer is moved back to the beginning of its first bucket: panning shows the same buckets again, and
 * counts come from the tiles of tile-source.ts.
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { ViolationRecord } from "../store/history-store.ts";
import { holesOf, missingEvents } from "./completeness.ts";
import { type CutContext, membersNow } from "./context.ts";
import type { LanePage, Selection, Timeline, TimelineBucket, TimelineLane } from "./history.ts";
import { reasonOf } from "./log-image.ts";
import { compareText, type NodeSpans, statusOf } from "./membership.ts";
import { beginningOf, outsideRetention } from "./pruned.ts";
import { type Chosen, choose } from "./selection.ts";
import { epochList } from "./summaries.ts";
import type { TileSource } from "./tile-source.ts";
import { exactEvents, exactMessages, gatheredMessages } from "./timeline-messages.ts";
import { addBatch, addTile, countAt, emptyTile, Measure, type Tile } from "./timeline-tile.ts";
import type { Work } from "./turns.ts";
import { isChosen } from "./variables.ts";

/**
 * A page has lanes of its own, and the messages that those sent or received; whether it is exact is decided
 * by its own events.
 * @throws RetroError `bad-parameter` unless from <= to and pixels >= 1; `unknown-node`, `unknown-log`
 */
export function* timelineOf(
  context: CutContext,
  tiles: TileSource,
  range: { readonly from: Hlc; readonly to: Hlc },
  pixels: number,
  selection: Selection = {},
  page: LanePage = {},
): Work<Timeline> {
  if (!(range.from <= range.to && pixels >= 1)) {
    throw new RetroError("bad-parameter", "a timeline needs from <= to and a pixel or more");
  }
  const { chosen, others, next } = pageOf(choose(selection, membersNow(context)), page);
  // On both sides of 2020 there is always a bucket, however wide they are.
  const fewest = range.from < 0 && range.to >= 0 ? 2 : 1;
  const most = Math.max(fewest, Math.min(Math.floor(pixels), context.limits.buckets));
  const level = levelFor(range, most);
  const bucketTicks = 2 ** level;
  const first = Math.floor(range.from / bucketTicks);
  const count = Math.floor(range.to / bucketTicks) - first + 1;
  const from = (first * bucketTicks) as Hlc;
  const drawn = { from, to: range.to };
  const counted: Tile[] = [];
  for (const node of chosen.nodes) {
    counted.push(yield* countNode(context, tiles, node, level, first, count, chosen));
  }
  const exact =
    counted.reduce((sum, tile) => sum + eventsIn(tile), 0) <= context.limits.exactEvents;
  const violations = byNode(yield* violationsIn(context, drawn));
  const lanes: TimelineLane[] = [];
  for (const [index, node] of chosen.nodes.entries()) {
    const { record } = node.latest;
    const tile = counted[index] as Tile;
    const ofNode = violations.get(node.node) ?? [];
    lanes.push({
      node: node.node,
      service: record.service,
      status: statusOf(record, context.timers.nowMs(), context.limits.suspectAfterMs),
      epochs: epochList(node),
      watermark: record.watermark,
      gaps: gapsOf(context, node, drawn.from, drawn.to),
      buckets: bucketsOf(tile, flagged(context, node, ofNode, level, first, count)),
      events: exact ? exactEvents(context, node, drawn, chosen) : null,
    });
    yield;
  }
  const messages = exact
    ? yield* exactMessages(context, chosen, drawn, others)
    : yield* gatheredMessages(chosen, counted, context.limits.bundles);
  const answer = { ...drawn, bucketTicks, lanes, messages, exact };
  return next === undefined ? answer : { ...answer, next };
}

/** The lanes of a page: nodes are sorted, so a node is a place to go on after, also once it is gone. */
function pageOf(
  chosen: Chosen,
  { after, limit = Number.POSITIVE_INFINITY }: LanePage,
): {
  readonly chosen: Chosen;
  readonly others: readonly NodeSpans[];
  readonly next: string | undefined;
} {
  const rest =
    after === undefined
      ? chosen.nodes
      : chosen.nodes.filter(({ node }) => compareText(node, after) > 0);
  const nodes = rest.length <= limit ? rest : rest.slice(0, limit);
  const isHere = new Set(nodes);
  return {
    chosen: { ...chosen, nodes },
    others: chosen.nodes.filter((one) => !isHere.has(one)),
    next: nodes.length === rest.length ? undefined : nodes.at(-1)?.node,
  };
}

/** The finest level that covers the range with at most so many buckets. */
function levelFor({ from, to }: { readonly from: Hlc; readonly to: Hlc }, buckets: number): number {
  let level = 0;
  while (Math.floor(to / 2 ** level) - Math.floor(from / 2 ** level) + 1 > buckets) {
    level += 1;
    if (level > 60) break;
  }
  return level;
}

function* countNode(
  context: CutContext,
  tiles: TileSource,
  { spans }: NodeSpans,
  level: number,
  first: number,
  count: number,
  chosen: Chosen,
): Work<Tile> {
  const result = emptyTile(level, first, count);
  const hasFilter = chosen.logs !== undefined || chosen.keys !== undefined;
  const start = (first * 2 ** level) as Hlc;
  const last = ((first + count) * 2 ** level - 1) as Hlc;
  for (const { record } of spans) {
    if (record.joined > last || record.lastT < start) continue;
    if (!hasFilter) {
      addTile(result, yield* tiles.cells(record, level, first, count));
      continue;
    }
    const from = Math.max(start, beginningOf(context.store, record)) as Hlc;
    const to = Math.min(last, record.lastT) as Hlc;
    const choice = { logs: chosen.logs, messages: true, rest: true };
    for (const batch of context.source.batches(record.id, from, to, { choice })) {
      addBatch(result, batch, {
        counts: (log, key) => isChosen(chosen, log, key),
        countsKeyframe: (log) => chosen.logs === undefined || chosen.logs.has(log),
      });
      yield;
    }
  }
  return result;
}

function eventsIn({ columns }: Tile): number {
  return columns
    .slice(0, Measure.worstUs)
    .reduce((sum, column) => sum + (column?.reduce((all, count) => all + count, 0) ?? 0), 0);
}

/** Parts of a range in which violations are looked for apart, where there are too many. */
const PARTS = 64;

/**
 * Violations that touch the range; of more than `violationsDrawn` the first of each 64th of it, so that
 * they show wherever they are: a clock that is far off makes thousands a second.
 */
function* violationsIn(
  { store, limits }: CutContext,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
): Work<readonly ViolationRecord[]> {
  const most = limits.violationsDrawn;
  const all = store.violationsBetween(from, to, most);
  if (all.length < most) return all;
  const found = [...all];
  const width = (to - from + 1) / PARTS;
  for (let part = 0; part < PARTS; part += 1) {
    yield;
    const start = Math.ceil(from + part * width) as Hlc;
    const end = Math.ceil(from + (part + 1) * width - 1) as Hlc;
    if (start > end) continue;
    for (const one of store.violationsBetween(start, end, Math.ceil(most / PARTS))) found.push(one);
  }
  return found;
}

/** When a violation shows on a node's lane: at its sends, and at its receives. */
function byNode(violations: readonly ViolationRecord[]): ReadonlyMap<string, readonly Hlc[]> {
  const found = new Map<string, Hlc[]>();
  const note = (node: string, t: Hlc): void => {
    const times = found.get(node);
    if (times === undefined) found.set(node, [t]);
    else times.push(t);
  };
  for (const { send, receive, sendT, receiveT } of violations) {
    note(send.node, sendT);
    note(receive.node, receiveT);
  }
  return found;
}

/** Buckets with a violation of the node, or inside one of its lost ranges. */
function flagged(
  context: CutContext,
  { spans }: NodeSpans,
  violations: readonly Hlc[],
  level: number,
  first: number,
  count: number,
): ReadonlySet<number> {
  const found = new Set<number>();
  const flag = (from: Hlc, to: Hlc): void => {
    const start = Math.max(0, Math.floor(from / 2 ** level) - first);
    const end = Math.min(count - 1, Math.floor(to / 2 ** level) - first);
    for (let index = start; index <= end; index += 1) found.add(index);
  };
  for (const t of violations) flag(t, t);
  for (const { record } of spans) {
    // What was not captured is a gap of the lane, and nothing that went wrong.
    for (const range of context.source.lostRanges(record)) {
      if (reasonOf(range) === "lost") flag(range.firstT, range.lastT);
    }
  }
  return found;
}

function bucketsOf(tile: Tile, flags: ReadonlySet<number>): TimelineBucket[] {
  const buckets: TimelineBucket[] = [];
  for (let index = 0; index < tile.cellCount; index += 1) {
    const isFlagged = flags.has(index) || countAt(tile, Measure.cutShort, index) > 0;
    let isEmpty = !isFlagged;
    for (let measure = 0; isEmpty && measure < Measure.worstUs; measure += 1) {
      isEmpty = countAt(tile, measure, index) === 0;
    }
    if (isEmpty) continue;
    buckets.push({
      index,
      changes: countAt(tile, Measure.changes, index),
      sends: countAt(tile, Measure.sends, index),
      receives: countAt(tile, Measure.receives, index),
      requests: countAt(tile, Measure.requests, index),
      marks: countAt(tile, Measure.marks, index),
      worstUs: countAt(tile, Measure.worstUs, index),
      flagged: isFlagged,
    });
  }
  return buckets;
}

/** Stretches of the range in which something of the node is missing. */
function gapsOf(
  context: CutContext,
  { spans }: NodeSpans,
  from: Hlc,
  to: Hlc,
): TimelineLane["gaps"] {
  return spans
    .flatMap((span) => {
      const { record, until } = span;
      const last = Math.min(to, until - 1) as Hlc;
      if (record.joined > to || last < from) return [];
      const before = outsideRetention(context.store, record, record.joined);
      const gone =
        before?.to === undefined
          ? []
          : [{ from: record.joined, to: before.to, reason: before.reason }];
      const open = missingEvents(span, last, context.timers.nowMs(), context.limits)
        .filter(({ reason }) => reason !== "hole")
        .map(({ reason }) => ({ from: record.closed, to: last, reason }));
      const holes = holesOf(record).map((hole) => ({ ...hole, reason: "hole" as const }));
      const lost = context.source
        .lostRanges(record)
        .map((range) => ({ from: range.firstT, to: range.lastT, reason: reasonOf(range) }));
      return [...gone, ...holes, ...lost, ...open];
    })
    .filter((gap) => gap.to >= from && gap.from <= to)
    .map((gap) => ({
      from: Math.max(gap.from, from) as Hlc,
      to: Math.min(gap.to, to) as Hlc,
      reason: gap.reason,
    }))
    .sort((a, b) => a.from - b.from || a.to - b.to);
}
