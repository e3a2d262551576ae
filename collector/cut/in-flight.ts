/**
 * Messages in flight at T: sent by T, neither failed nor replaced, and not received by T.
 *
 *         T - timeout                T                T + timeout
 *     ----|--send-------------------|------receive---|-----    in flight, `to` is the receiver
 *         |  send                   |                           no receive known: in flight until it
 *         |                         |                           is `timeout` old
 *     send|-------------------------|----------------|--receive   slow: from the store's index
 *
 * A receive counts whenever it lies, also before its send (a violation). Relayed receives make no
 * edge. What a send says about itself or an earlier one (failed, replaced) counts for `timeout`.
 */
import { type EventRef, type Hlc, messageId, type SendEvent } from "../../agent/kernel/index.ts";
import type { EpochRecord, SlowMessageRecord } from "../store/history-store.ts";
import { holesOf, missingBeginning } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import type { InFlightMessage } from "./history.ts";
import { ticksOfMs } from "./limits.ts";
import { compareText, type Membership, spanAt } from "./membership.ts";
import type { ReceiveRow, SendRow } from "./message-source.ts";

interface OpenSend {
  readonly record: EpochRecord;
  readonly row: SendRow;
}

interface Arrival {
  readonly t: Hlc;
  readonly node: string;
}

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
  const open = records
    .filter(({ id }) => (views.get(id)?.lastSendT ?? t) > t - timeout)
    .flatMap((record) => sendsInTime(context, record, t, timeout));
  const found = open.length === 0 ? [] : undelivered(context, records, open, t, timeout);
  found.push(...slowMessages(context, records, t, timeout));
  return found
    .filter(({ from, to }) => isChosen(from) || (to !== null && isChosen(to)))
    .sort((a, b) => a.sentAt - b.sentAt || compareText(a.id, b.id));
}

/** Sends in (t - timeout, t] that neither failed nor were replaced. */
function sendsInTime(
  context: CutContext,
  record: EpochRecord,
  t: Hlc,
  timeout: number,
): OpenSend[] {
  const from = firstSendToRead(context, record, t, (t - timeout + 1) as Hlc);
  const sends: SendRow[] = [];
  for (const row of context.messages.sends(record, from, t)) sends.push(row);
  if (sends.length === 0) return [];
  const dead = deadSends(context, record, from, (t + timeout) as Hlc, timeout);
  return sends.filter(({ seq }) => !dead.has(seq)).map((row) => ({ record, row }));
}

/** Skips what the latest directory knows to hold no send young enough. */
function firstSendToRead(context: CutContext, record: EpochRecord, t: Hlc, from: Hlc): Hlc {
  if (record.lastT < from || record.joined > t) return from;
  const found = context.source.directoryBefore(record.id, t);
  if (found === undefined || found.t < from) return from;
  return found.directory.lastSendT < from ? found.t : from;
}

/** Seqs of sends in [from, to] that failed or were replaced no later than `timeout` after. */
function deadSends(
  context: CutContext,
  record: EpochRecord,
  from: Hlc,
  to: Hlc,
  timeout: number,
): ReadonlySet<number> {
  const dead = new Set<number>();
  const times = new Map<number, Hlc>();
  for (const { seq, t, body } of context.messages.sends(record, from, to)) {
    times.set(seq, t);
    if (body.failed) dead.add(seq);
    const replacedT = body.replaces === null ? undefined : times.get(body.replaces);
    if (replacedT !== undefined && t - replacedT <= timeout) dead.add(body.replaces as number);
  }
  return dead;
}

function undelivered(
  context: CutContext,
  records: readonly EpochRecord[],
  open: readonly OpenSend[],
  t: Hlc,
  timeout: number,
): InFlightMessage[] {
  const arrivals = new Map<string, Arrival[]>();
  const add = (key: string, arrival: Arrival): void => {
    const known = arrivals.get(key);
    if (known === undefined) arrivals.set(key, [arrival]);
    else known.push(arrival);
  };
  const from = open.reduce((least, { row }) => Math.min(least, row.t), Number.POSITIVE_INFINITY);
  for (const record of records) {
    for (const row of context.messages.receives(record, from as Hlc, (t + timeout) as Hlc)) {
      const key = keyOfReceive(row);
      if (key !== undefined) add(key, { t: row.t, node: record.node });
    }
  }
  // Received before they were sent, maybe long before; or long after.
  const elsewhere = [
    ...context.store.violationsBetween(from as Hlc, t),
    ...context.store.slowMessagesAt(t),
  ];
  for (const { send, receive, receiveT } of elsewhere) {
    add(messageId(send), { t: receiveT, node: receive.node });
  }
  const found: InFlightMessage[] = [];
  for (const { record, row } of open) {
    const arrival = firstArrival(arrivals, record, row, timeout);
    if (arrival === undefined) found.push(inFlight(record, row, null));
    else if (arrival.t > t) found.push(inFlight(record, row, arrival.node));
  }
  return found;
}

function keyOfReceive({ body }: ReceiveRow): string | undefined {
  if (body.relayed) return undefined;
  if (body.from !== null) return messageId(body.from);
  return body.id === null ? undefined : foreignKey(body.id);
}

/** The earliest receive; one that only names a foreign id counts within `timeout` of the send. */
function firstArrival(
  arrivals: ReadonlyMap<string, readonly Arrival[]>,
  record: EpochRecord,
  { seq, t, body }: SendRow,
  timeout: number,
): Arrival | undefined {
  const own = arrivals.get(messageId({ node: record.node, epoch: record.epoch, seq })) ?? [];
  const named = body.id === null ? [] : (arrivals.get(foreignKey(body.id)) ?? []);
  const foreign = named.filter((one) => one.t >= t && one.t - t <= timeout);
  return [...own, ...foreign].reduce<Arrival | undefined>(
    (first, one) => (first === undefined || one.t < first.t ? one : first),
    undefined,
  );
}

/** Apart from `node/epoch/seq`: a node id may hold slashes, but no line break. */
function foreignKey(id: string): string {
  return `\n${id}`;
}

function inFlight(record: EpochRecord, row: SendRow, receiver: string | null): InFlightMessage {
  const { node, epoch } = record;
  const send: EventRef = { node, epoch, seq: row.seq };
  const { id, to, peer } = row.body as Pick<SendEvent, "id" | "to" | "peer">;
  return {
    id: id ?? messageId(send),
    send,
    from: node,
    to: receiver ?? to,
    peer,
    sentAt: row.t,
  };
}

/** Messages on their way for longer than the timeout, which are known to have arrived later. */
function slowMessages(
  context: CutContext,
  records: readonly EpochRecord[],
  t: Hlc,
  timeout: number,
): InFlightMessage[] {
  const first = new Map<string, SlowMessageRecord>();
  for (const slow of context.store.slowMessagesAt(t)) {
    const known = first.get(messageId(slow.send));
    const isOld = slow.sendT <= t - timeout;
    if (isOld && (known === undefined || slow.receiveT < known.receiveT)) {
      first.set(messageId(slow.send), slow);
    }
  }
  return [...first.values()].flatMap(({ send, receive, sendT }) => {
    const record = records.find(({ node, epoch }) => node === send.node && epoch === send.epoch);
    const row = record && context.messages.sendOf(record, send.seq);
    if (record === undefined || row === undefined) return [];
    const until = (sendT + timeout) as Hlc;
    if (deadSends(context, record, sendT, until, timeout).has(send.seq)) return [];
    if (isReceivedIn(context, records, record, row, sendT, until)) return [];
    // It may have arrived twice, slowly both times.
    const others = context.store.slowMessagesAt(sendT);
    if (others.some((one) => messageId(one.send) === messageId(send) && one.receiveT <= t))
      return [];
    return [inFlight(record, row, receive.node)];
  });
}

function isReceivedIn(
  context: CutContext,
  records: readonly EpochRecord[],
  sender: EpochRecord,
  row: SendRow,
  from: Hlc,
  to: Hlc,
): boolean {
  const keys = new Set([messageId({ node: sender.node, epoch: sender.epoch, seq: row.seq })]);
  if (row.body.id !== null) keys.add(foreignKey(row.body.id));
  return records.some((record) => {
    for (const receive of context.messages.receives(record, from, to)) {
      if (keys.has(keyOfReceive(receive) ?? "")) return true;
    }
    return false;
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
    const beginning = missingBeginning(node, spanAt(node, t), t);
    if (beginning !== undefined && counts(beginning.record)) return false;
    for (const { record, until } of node.spans) {
      if (record.joined > t || until <= from || !counts(record)) continue;
      const known = Math.min(t, until - 1);
      if (known > record.closed) return false;
      if (holesOf(record).some((hole) => hole.from < t && hole.to > from)) return false;
      const lost = context.source.lostRanges(record);
      if (lost.some((one) => one.messages && one.firstT <= t && one.lastT > from)) return false;
    }
  }
  return true;
}
