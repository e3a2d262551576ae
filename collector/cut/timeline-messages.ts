/** The messages and single events of a timeline. */
import { type Hlc, messageId, type RetroEvent } from "../../agent/kernel/index.ts";
import { eventOfRow } from "../store/segment-rows.ts";
import type { CutContext } from "./context.ts";
import { indexAfter } from "./epoch-source.ts";
import type { MessageBundle, NodeEvent } from "./history.ts";
import { ticksOfMs } from "./limits.ts";
import type { NodeSpans } from "./membership.ts";
import type { Chosen } from "./selection.ts";
import type { Tile } from "./timeline-tile.ts";
import type { Work } from "./turns.ts";
import { isChosen } from "./variables.ts";

interface TimeRange {
  readonly from: Hlc;
  readonly to: Hlc;
}

/** The events of one lane, in time order; of the changes and keyframes only the chosen. */
export function exactEvents(
  context: CutContext,
  { node, spans }: NodeSpans,
  { from, to }: TimeRange,
  chosen: Chosen,
): NodeEvent[] {
  const found: NodeEvent[] = [];
  for (const { record } of spans) {
    if (record.joined > to || record.lastT < from) continue;
    const choice = { logs: chosen.logs, messages: true, rest: true };
    for (const batch of context.source.batches(record.id, from, to, { choice })) {
      const { events } = batch;
      const end = indexAfter(events.t, to, events.count);
      for (let i = indexAfter(events.t, (from - 1) as Hlc, events.count); i < end; i += 1) {
        const event = eventOfRow(batch, i);
        if (isDrawn(event, chosen)) {
          found.push({ node, service: record.service, epoch: record.epoch, event });
        }
      }
    }
  }
  return found.sort((a, b) => a.event.t - b.event.t);
}

function isDrawn(event: RetroEvent, chosen: Chosen): boolean {
  if (event.kind === "keyframe") return chosen.logs === undefined || chosen.logs.has(event.log);
  return "log" in event ? isChosen(chosen, event.log, event.key) : true;
}

/**
 * Every message that touches the range on a chosen node, each by itself, by time of sending. Receives of
 * what the chosen nodes sent are looked for on `others` too: the nodes of other pages.
 */
export function* exactMessages(
  context: CutContext,
  chosen: Chosen,
  range: TimeRange,
  others: readonly NodeSpans[] = [],
): Work<MessageBundle[]> {
  const known = new Map<string, MessageBundle>();
  yield* addReceives(context, chosen.nodes, range, known);
  const unmatched = new Map<string, MessageBundle>();
  for (const { node, spans } of chosen.nodes) {
    for (const { record } of spans) {
      const dead = new Set<number>();
      for (const { seq, t, body } of context.messages.sends(record, range.from, range.to)) {
        if (body.replaces !== null) dead.add(body.replaces);
        if (body.failed) dead.add(seq);
        const id = messageId({ node, epoch: record.epoch, seq });
        if (!known.has(id)) unmatched.set(id, bundle(node, body.to, t, null));
      }
      for (const seq of dead) unmatched.delete(messageId({ node, epoch: record.epoch, seq }));
      yield;
    }
  }
  if (unmatched.size > 0) {
    const horizon = (range.to + ticksOfMs(context.limits.messageTimeoutMs)) as Hlc;
    const after = { from: (range.to + 1) as Hlc, to: horizon };
    yield* addReceives(context, chosen.nodes, after, known, unmatched);
    const named = new Set([...unmatched.values()].map(({ to }) => to));
    const receivers = named.has(null) ? others : others.filter(({ node }) => named.has(node));
    yield* addReceives(context, receivers, { from: range.from, to: horizon }, known, unmatched);
  }
  for (const [id, message] of unmatched) if (!known.has(id)) known.set(id, message);
  return [...known.values()].sort((a, b) => a.sentAt - b.sentAt);
}

/** Adds what was received in a range, by the send; of `onlySends` where they are given. */
function* addReceives(
  context: CutContext,
  nodes: readonly NodeSpans[],
  { from, to }: TimeRange,
  known: Map<string, MessageBundle>,
  onlySends?: ReadonlyMap<string, MessageBundle>,
): Work<void> {
  for (const { node, spans } of nodes) {
    for (const { record } of spans) {
      if (record.joined > to || record.lastT < from) continue;
      for (const { t, body } of context.messages.receives(record, from, to)) {
        if (body.from === null || body.sentT === null || body.relayed) continue;
        const id = messageId(body.from);
        if (onlySends !== undefined && !onlySends.has(id)) continue;
        known.set(id, bundle(body.from.node, node, body.sentT, t));
      }
      // Seconds of a busy node's messages: the longest that is read without a pause.
      yield;
    }
  }
}

function bundle(
  from: string,
  to: string | null,
  sentAt: Hlc,
  receivedAt: Hlc | null,
): MessageBundle {
  return { from, to, sentAt, receivedAt, count: 1 };
}

/** A bundle that grows, with its sender as a number, and the cell it was sent in. */
interface Growing {
  readonly from: number;
  readonly to: number;
  readonly cell: number;
  sentAt: number;
  receivedAt: number;
  count: number;
}

/**
 * Received messages gathered by bucket of sending; by buckets twice as wide, and again, until they are
 * no more than `limit`. Each round adds up what the one before left.
 */
export function* gatheredMessages(
  chosen: Chosen,
  tiles: readonly Tile[],
  limit: number,
): Work<MessageBundle[]> {
  const senders = new Map<string, number>();
  let found: Growing[] = [];
  for (const [to, tile] of tiles.entries()) {
    for (const one of tile.bundles.values()) {
      const from = senders.get(one.from) ?? senders.size;
      senders.set(one.from, from);
      const { sentCell: cell, sentAt, receivedAt, count } = one;
      found.push({ from, to, cell, sentAt, receivedAt, count });
    }
    yield;
  }
  const names = [...senders.keys()];
  const earliest = found.reduce((least, { cell }) => Math.min(least, cell), Infinity);
  const latest = found.reduce((most, { cell }) => Math.max(most, cell), -Infinity);
  for (let factor = 2; found.length > limit; factor *= 2) {
    // Wider buckets lie at multiples of their width too, so that panning shows the same ones again.
    const first = Math.floor(earliest / factor);
    const gathered = new Map<number, Growing>();
    for (const one of found) {
      const cell = Math.floor(one.cell / factor) - first;
      const key = (cell * names.length + one.from) * tiles.length + one.to;
      const known = gathered.get(key);
      if (known === undefined) gathered.set(key, one);
      else add(known, one);
    }
    found = [...gathered.values()];
    yield;
    if (Math.floor(latest / factor) === first) break; // one bucket: wider ones help no more
  }
  // More pairs of nodes than the limit: those with the fewest messages are left out.
  if (found.length > limit) found = found.sort((a, b) => b.count - a.count).slice(0, limit);
  return found
    .sort((a, b) => a.sentAt - b.sentAt)
    .map(({ from, to, sentAt, receivedAt, count }) => ({
      from: names[from] as string,
      to: (chosen.nodes[to] as NodeSpans).node,
      sentAt: sentAt as Hlc,
      receivedAt: receivedAt as Hlc,
      count,
    }));
}

function add(known: Growing, one: Growing): void {
  known.sentAt = Math.min(known.sentAt, one.sentAt);
  known.receivedAt = Math.min(known.receivedAt, one.receivedAt);
  known.count += one.count;
}
