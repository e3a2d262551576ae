/**
 * Messages in flight at T: sent by T, neither failed nor replaced, and not received by T.
 *
 *         T - timeout                T                T + timeout
 *     ----|--send-------------------|------receive---|-----    in flight, `to` is the receiver
 *         |  send                   |                           no receive known: in flight until it
 *         |                         |                           is `timeout` old
 *     send|-------------------------|----------------|--receive   slow: slow-messages.ts
 *
 * Each consumer group receives a message for itself (`receivingGroup`): it is in flight until the last of
 * the groups *known to receive it* has it, and `to` is who receives it next. Of a group that never
 * receives it nothing is known, not even that it reads the topic: it is not waited for.
 *
 * A receive counts whenever it lies, also before its send (a violation). Relayed receives make no
 * edge. What a send says about itself or an earlier one (failed, replaced) counts for `timeout`.
 *
 * Sends and receives around T come joined from message-windows.ts. Nothing is read where the states
 * at hand know that nobody sent anything lately.
 */

import { type Hlc, messageId } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { missingBeginning } from "./beginnings.ts";
import { contended, holeEntry, holesOf, lostEntry, openEnd, reachOf } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import type { Incomplete, InFlightMessage } from "./history.ts";
import { ticksOfMs } from "./limits.ts";
import { compareText, type Membership, spanAt } from "./membership.ts";
import type { OpenArrival, OpenSend } from "./message-window.ts";
import {
  beginningOf,
  forgottenMessages,
  goneOf,
  goneRival,
  isWhole,
  knownSince,
} from "./pruned.ts";
import { groupKey, type Underway } from "./underway.ts";

/**
 * Messages in flight at `t` that leave or reach a node for which `isChosen`, by time of sending.
 * `views`: states at `t` that the caller has at hand, by epoch id; they know whether anything was sent.
 */
export function inFlightAt(
  context: CutContext,
  membership: Membership,
  views: ReadonlyMap<number, EpochView>,
  t: Hlc,
  isChosen: (node: string) => boolean,
): InFlightMessage[] {
  const timeout = ticksOfMs(context.limits.messageTimeoutMs);
  const senders = recordsIfSent(context, membership, views, t);
  const open = senders === undefined ? [] : context.windows.openAt(senders, t);
  const bySend = new Map<string, Underway>();
  const underway = open.length === 0 ? [] : undelivered(context, open, t, timeout);
  for (const one of [...underway, ...context.slow.inFlightAt(recordsOf(membership), t)]) {
    const id = messageId(one.message.send);
    const known = bySend.get(id);
    if (known === undefined || one.until < known.until) bySend.set(id, one);
  }
  return [...bySend.values()]
    .map(({ message }) => message)
    .filter(({ from, to }) => isChosen(from) || (to !== null && isChosen(to)))
    .sort((a, b) => a.sentAt - b.sentAt || compareText(a.id, b.id));
}

/** All epochs, if any of them may have sent anything that can be in flight at `t`; undefined: nothing is to be read. */
export function recordsIfSent(
  context: CutContext,
  membership: Membership,
  views: ReadonlyMap<number, EpochView>,
  t: Hlc,
): readonly EpochRecord[] | undefined {
  const timeout = ticksOfMs(context.limits.messageTimeoutMs);
  const records = recordsOf(membership);
  const maySend = records.some((record) => {
    const lastSendT = views.get(record.id)?.lastSendT;
    if (lastSendT !== undefined) return lastSendT > t - timeout;
    return mayHaveSent(context, record, t, (t - timeout + 1) as Hlc);
  });
  return maySend ? records : undefined;
}

function recordsOf(membership: Membership): EpochRecord[] {
  return [...membership.values()].flatMap(({ spans }) => spans.map(({ record }) => record));
}

/** Whether an epoch may have sent in [from, t], by its times and by its latest directory. */
function mayHaveSent(context: CutContext, record: EpochRecord, t: Hlc, from: Hlc): boolean {
  if (record.lastT < from || record.joined > t) return false;
  const found = context.source.directoryBefore(record.id, t);
  if (found === undefined || found.directory.lastSendT >= from) return true;
  return found.t < record.lastT;
}

/** What the store knows apart of messages received before they were sent, or long after. */
function undelivered(
  context: CutContext,
  open: readonly OpenSend[],
  t: Hlc,
  timeout: number,
): Underway[] {
  const { store, limits } = context;
  const early = new Set(
    store
      .violationsBetween((t - timeout) as Hlc, t, limits.messagesLooked)
      .filter(({ receiveT }) => receiveT <= t)
      .flatMap(({ send, group }) => [messageId(send), groupKey(send, group)]),
  );
  const late = new Map<string, OpenArrival>();
  for (const { send, receive, receiveT, group } of store.slowMessagesAt(t, limits.messagesLooked)) {
    // Those of consumer groups come from slow-messages.ts, whatever else received them.
    if (group !== undefined) continue;
    const id = messageId(send);
    if (receiveT >= (late.get(id)?.t ?? Number.POSITIVE_INFINITY)) continue;
    late.set(id, { t: receiveT, receiver: receive.node, group });
  }
  return open.flatMap((one): Underway[] => {
    const { node, epoch, seq, sentAt } = one;
    const send = { node, epoch, seq };
    const id = messageId(send);
    const slow = late.get(id);
    const arrivals = slow === undefined ? one.arrivals : [...one.arrivals, slow];
    const isDone = ({ group }: OpenArrival): boolean =>
      early.has(groupKey(send, group)) ||
      one.arrivals.some((other) => other.group === group && other.t <= t);
    const next = arrivals
      .filter((arrival) => arrival.t > t && !isDone(arrival))
      .reduce<OpenArrival | undefined>((a, b) => (a === undefined || b.t < a.t ? b : a), undefined);
    // Received by all that are known to receive it.
    if (next === undefined && (early.has(id) || arrivals.length > 0)) return [];
    const to = next?.receiver ?? one.to;
    const message = { id: one.id ?? id, send, from: node, to, peer: one.peer, sentAt };
    return [{ message, until: next?.t ?? Number.POSITIVE_INFINITY }];
  });
}

/** Slow messages whose sends are gone: whether they failed, or arrived in time as well, nobody can tell. */
function slowOutside({ store, limits }: CutContext, t: Hlc): Incomplete[] {
  if (isWhole(store)) return [];
  const slow = store.slowMessagesAt(t, limits.messagesLooked);
  if (slow.length === 0) return [];
  const ids = new Map(store.epochs().map(({ id, node, epoch }) => [`${epoch}\n${node}`, id]));
  return slow.flatMap(({ send, sendT }): Incomplete[] => {
    const id = ids.get(`${send.epoch}\n${send.node}`);
    // A run that is known may have been forgotten before, and have come again without it.
    const isThere = id !== undefined && send.seq > (store.pruned(id)?.seq ?? 0);
    const isGone = goneOf(store, send.node).some(
      ({ epoch = send.epoch, until }) => send.epoch <= epoch && sendT <= until,
    );
    if (isThere && !isGone) return [];
    return [{ node: send.node, reason: "outside-retention", to: sendT }];
  });
}

/**
 * Why a send or a receive that matters at `t` may be missing: lost ranges that may hold messages, holes and
 * open ends that reach into (t - timeout, t]; or more slow messages than are looked at. Sorted by node.
 */
export function inFlightGaps(
  context: CutContext,
  membership: Membership,
  t: Hlc,
  counts: (record: EpochRecord) => boolean,
): Incomplete[] {
  const { limits, timers, source } = context;
  const from = t - ticksOfMs(limits.messageTimeoutMs);
  const found: Incomplete[] = [];
  found.push(...slowOutside(context, t), ...forgottenMessages(context.store, t));
  // Before all that is known, slow messages are gone as well, however old their sends.
  const nodes = [...membership.values()];
  const isBefore = nodes.every((node) => t < knownSince(context.store, node));
  for (const { node, from: start, until } of context.store.gone()) {
    if (start > t || (until <= from && !isBefore)) continue;
    found.push({ node, reason: "outside-retention", from: start, to: until });
  }
  for (const node of nodes) {
    const span = spanAt(node, t);
    const rival = contended(span, t, timers.nowMs(), limits);
    if (rival !== undefined) found.push(rival);
    const gone = goneRival(context.store, span, t);
    if (gone !== undefined) found.push(gone);
    const beginning = missingBeginning(node, span, t);
    if (beginning !== undefined && counts(beginning.record)) found.push(beginning.entry);
    for (const one of node.spans) {
      const { record, until } = one;
      if (record.joined > t || until <= from || !counts(record)) continue;
      const known = beginningOf(context.store, record);
      if (known > Math.max(from, record.joined)) {
        const { joined } = record;
        found.push({ node: node.node, reason: "outside-retention", from: joined, to: known });
      }
      const last = Math.min(t, until - 1);
      if (last > reachOf(record)) found.push(openEnd(one, timers.nowMs(), limits));
      const holes = holesOf(record).filter((hole) => hole.from < t && hole.to > from);
      for (const hole of holes.slice(0, limits.lostListed)) found.push(holeEntry(node.node, hole));
      const lost = source
        .lostRanges(record)
        .filter((range) => range.messages && range.firstT <= t && range.lastT > from);
      for (const range of lost.slice(0, limits.lostListed)) found.push(lostEntry(node.node, range));
    }
  }
  return found;
}
