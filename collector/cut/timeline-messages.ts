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

/** Every message that touches the range on a chosen node, each by itself, by time of sending. */
export function exactMessages(
  context: CutContext,
  chosen: Chosen,
  range: TimeRange,
): MessageBundle[] {
  const known = new Map<string, MessageBundle>();
  const addReceives = (
    from: Hlc,
    to: Hlc,
    onlySends?: ReadonlyMap<string, MessageBundle>,
  ): void => {
    for (const { node, spans } of chosen.nodes) {
      for (const { record } of spans) {
        for (const { t, body } of context.messages.receives(record, from, to)) {
          if (body.from === null || body.sentT === null || body.relayed) continue;
          const id = messageId(body.from);
          if (onlySends !== undefined && !onlySends.has(id)) continue;
          known.set(id, bundle(body.from.node, node, body.sentT, t));
        }
      }
    }
  };
  addReceives(range.from, range.to);
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
    }
  }
  if (unmatched.size > 0) {
    const horizon = (range.to + ticksOfMs(context.limits.messageTimeoutMs)) as Hlc;
    addReceives((range.to + 1) as Hlc, horizon, unmatched);
  }
  for (const [id, message] of unmatched) if (!known.has(id)) known.set(id, message);
  return [...known.values()].sort((a, b) => a.sentAt - b.sentAt);
}

function bundle(
  from: string,
  to: string | null,
  sentAt: Hlc,
  receivedAt: Hlc | null,
): MessageBundle {
  return { from, to, sentAt, receivedAt, count: 1 };
}

/**
 * Received messages gathered by bucket of sending; by wider ones, if they would be more than `limit`.
 */
export function gatheredMessages(
  chosen: Chosen,
  tiles: readonly Tile[],
  limit: number,
): MessageBundle[] {
  for (let factor = 1; ; factor *= 2) {
    const gathered = new Map<string, MessageBundle>();
    for (const [index, tile] of tiles.entries()) {
      const to = (chosen.nodes[index] as NodeSpans).node;
      for (const one of tile.bundles.values()) {
        const key = JSON.stringify([one.from, to, Math.floor(one.sentCell / factor)]);
        const known = gathered.get(key);
        gathered.set(key, {
          from: one.from,
          to,
          sentAt: Math.min(one.sentAt, known?.sentAt ?? one.sentAt) as Hlc,
          receivedAt: Math.min(one.receivedAt, known?.receivedAt ?? one.receivedAt) as Hlc,
          count: one.count + (known?.count ?? 0),
        });
      }
    }
    const isEnough = gathered.size <= limit || factor > 2 ** 50;
    if (isEnough) return [...gathered.values()].sort((a, b) => a.sentAt - b.sentAt).slice(0, limit);
  }
}
