/**
 * Messages in flight at T: sent by T, neither failed nor replaced, and not received by T.
 *
 *         T - timeout                T                T + timeout
 *     ----|--send-------------------|------receive---|-----    in flight, `to` is the receiver
 *         |  send                   |                           no receive known: in flight until it
 *         |                         |                           is `timeout` old
 *     send|-------------------------|----------------|--receive   slow: slow-messages.ts
 *
 * A receive counts whenever it lies, also before its send (a violation). Relayed receives make no
 * edge. What a send says about itself or an earlier one (failed, replaced) counts for `timeout`.
 *
 * Sends and receives around T come joined from message-windows.ts. Nothing is read where the states
 * at hand know that nobody sent anything lately.
 */
import { type Hlc, messageId } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { contended, holesOf, missingBeginning, reachOf } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import type { InFlightMessage } from "./history.ts";
import { ticksOfMs } from "./limits.ts";
import { compareText, type Membership, spanAt } from "./membership.ts";
import type { OpenSend } from "./message-window.ts";

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
  const records = [...membership.values()].flatMap(({ spans }) => spans.map((span) => span.record));
  const maySend = records.some((record) => {
    const lastSendT = views.get(record.id)?.lastSendT;
    if (lastSendT !== undefined) return lastSendT > t - timeout;
    return mayHaveSent(context, record, t, (t - timeout + 1) as Hlc);
  });
  const open = maySend ? context.windows.openAt(records, t) : [];
  const found = open.length === 0 ? [] : undelivered(context, open, t, timeout);
  for (const one of context.slow.inFlightAt(records, t)) found.push(one);
  return found
    .filter(({ from, to }) => isChosen(from) || (to !== null && isChosen(to)))
    .sort((a, b) => a.sentAt - b.sentAt || compareText(a.id, b.id));
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
): InFlightMessage[] {
  const early = new Set(
    context.store
      .violationsBetween((t - timeout) as Hlc, t)
      .filter(({ receiveT }) => receiveT <= t)
      .map(({ send }) => messageId(send)),
  );
  const late = new Map<string, { readonly receiveT: Hlc; readonly node: string }>();
  for (const { send, receive, receiveT } of context.store.slowMessagesAt(t)) {
    const id = messageId(send);
    if (receiveT < (late.get(id)?.receiveT ?? Number.POSITIVE_INFINITY)) {
      late.set(id, { receiveT, node: receive.node });
    }
  }
  return open.flatMap((one) => {
    const { node, epoch, seq, sentAt } = one;
    const send = { node, epoch, seq };
    const id = messageId(send);
    if (early.has(id)) return [];
    const slow = late.get(id);
    const isSlower = one.receivedAt !== null && one.receivedAt <= (slow?.receiveT ?? 0);
    const receiver = isSlower ? one.receiver : (slow?.node ?? one.receiver);
    return [
      {
        id: one.id ?? id,
        send,
        from: node,
        to: receiver ?? one.to,
        peer: one.peer,
        sentAt,
      },
    ];
  });
}

/**
 * Whether nothing that is missing could be a send or a receive that matters at `t`: no lost range
 * that may hold messages, no hole and no open end reaches into (t - timeout, t].
 */
export function isInFlightComplete(
  context: CutContext,
  membership: Membership,
  t: Hlc,
  counts: (record: EpochRecord) => boolean,
): boolean {
  const from = t - ticksOfMs(context.limits.messageTimeoutMs);
  for (const node of membership.values()) {
    const span = spanAt(node, t);
    if (contended(span, t, context.timers.nowMs(), context.limits) !== undefined) return false;
    const beginning = missingBeginning(node, span, t);
    if (beginning !== undefined && counts(beginning.record)) return false;
    for (const { record, until } of node.spans) {
      if (record.joined > t || until <= from || !counts(record)) continue;
      const known = Math.min(t, until - 1);
      if (known > reachOf(record)) return false;
      if (holesOf(record).some((hole) => hole.from < t && hole.to > from)) return false;
      const lost = context.source.lostRanges(record);
      if (lost.some((one) => one.messages && one.firstT <= t && one.lastT > from)) return false;
    }
  }
  return true;
}
