/**
 * The audit of causality: what the recorded messages of a range say of each other, and of the clocks.
 *
 * A cut by time is consistent if every receive is later than its send; that is checked at ingest
 * (violations). Here is looked for what could hide a violation or shows that a clock or a hook is not
 * as it should be: receives without a send, sends that nobody received, channels without stamps,
 * stamps that were not merged or went backward, two processes under one id; and how far the nodes'
 * clocks are apart (clock-bounds.ts).
 */
import { type EventRef, type Hlc, messageId, RetroError } from "../../agent/kernel/index.ts";
import type { SlowMessageRecord, ViolationRecord } from "../store/history-store.ts";
import { rowFrom, seqAt } from "../store/segment-rows.ts";
import type { UncheckedChannel } from "./answers.ts";
import type {
  BackwardStamp,
  CausalityAudit,
  NoSendReason,
  OverlappingRuns,
  ReceivesWithoutSend,
  SendsWithoutReceive,
  UnmergedStamps,
} from "./audit-shapes.ts";
import { ClockBounds } from "./clock-bounds.ts";
import { type CutContext, membersNow } from "./context.ts";
import { uncheckedOf } from "./cut-at.ts";
import { missingIn } from "./events.ts";
import type { Selection } from "./history.ts";
import { ticksOfMs } from "./limits.ts";
import { reasonOf } from "./log-image.ts";
import { type Membership, reachOf } from "./membership.ts";
import {
  type JoinedReceive,
  type JoinedSend,
  type JoinListener,
  MessageJoin,
} from "./message-join.ts";
import { type Chosen, choose } from "./selection.ts";
import { extentOf, liveWatermarkOf } from "./summaries.ts";
import type { Work } from "./turns.ts";
import { violationOf } from "./violations-at.ts";

type Changing<Row> = { -readonly [field in keyof Row]: Row[field] };

/** @throws RetroError `bad-parameter` unless from <= to; `unknown-node`; `too-large` */
export function* causalityOf(
  context: CutContext,
  range: { readonly from: Hlc; readonly to: Hlc },
  selection: Selection = {},
): Work<CausalityAudit> {
  const { from, to } = range;
  if (from > to) {
    throw new RetroError("bad-parameter", "a range ends before it begins", {
      hint: "Give the earlier time first.",
    });
  }
  const membership = membersNow(context);
  const { nodes, services } = selection;
  const chosen = choose(
    { ...(nodes === undefined ? {} : { nodes }), ...(services === undefined ? {} : { services }) },
    membership,
  );
  const timeout = ticksOfMs(context.limits.messageTimeoutMs);
  const findings = new Findings(context, membership, chosen, range, timeout);
  const records = [...membership.values()].flatMap(({ spans }) =>
    spans.map(({ record }) => record),
  );
  const join = new MessageJoin(context, findings, timeout);
  yield* join.run(records, (from - timeout) as Hlc, (to + timeout) as Hlc);
  const incomplete = missingIn(context, membership, range, chosen);
  const most = context.limits.auditListed;
  const found = context.store.violationsBetween(from, to, most + 1);
  const violations = found.filter(({ send, receive }) =>
    findings.concerns(send.node, receive.node),
  );
  if (found.length > most) findings.cutShort.add("violations");
  return {
    from,
    to,
    complete: incomplete.length === 0,
    incomplete,
    messages: findings.messages,
    violations: violations.slice(0, most).map(violationOf),
    violationCount: violations.reduce(
      (sum: number, { count = 1 }: ViolationRecord) => sum + count,
      0,
    ),
    unstamped: unstampedOf(chosen),
    receivesWithoutSend: [...findings.receivesWithoutSend.values()],
    judgedTo: findings.judgedTo,
    sendsWithoutReceive: [...findings.sendsWithoutReceive.values()],
    backward: findings.backwardStamps,
    overlapping: overlapsIn(chosen, range),
    unmerged: [...findings.unmerged.values()],
    offsets: findings.bounds.offsets(),
    cutShort: [...findings.cutShort, ...(findings.bounds.isCutShort ? ["offsets"] : [])].sort(),
  };
}

class Findings implements JoinListener {
  readonly messages = { sends: 0, receives: 0, joined: 0 };
  readonly receivesWithoutSend = new Map<string, Changing<ReceivesWithoutSend>>();
  readonly sendsWithoutReceive = new Map<string, Changing<SendsWithoutReceive>>();
  readonly unmerged = new Map<string, Changing<UnmergedStamps>>();
  readonly backwardStamps: BackwardStamp[] = [];
  readonly bounds: ClockBounds;
  readonly cutShort = new Set<string>();
  readonly judgedTo: Hlc;
  readonly #context: CutContext;
  readonly #membership: Membership;
  readonly #chosen: Chosen;
  readonly #names: ReadonlySet<string>;
  readonly #from: Hlc;
  readonly #to: Hlc;
  readonly #timeout: number;

  constructor(
    context: CutContext,
    membership: Membership,
    chosen: Chosen,
    { from, to }: { readonly from: Hlc; readonly to: Hlc },
    timeout: number,
  ) {
    this.#context = context;
    this.#membership = membership;
    this.#chosen = chosen;
    this.#names = new Set(chosen.nodes.map(({ node }) => node));
    this.#from = from;
    this.#to = to;
    this.#timeout = timeout;
    this.bounds = new ClockBounds(context.limits.auditListed);
    const known = liveWatermarkOf(context) ?? extentOf(context)?.last ?? from;
    this.judgedTo = Math.min(to, known - timeout) as Hlc;
  }

  concerns(...nodes: readonly (string | null)[]): boolean {
    if (!this.#chosen.namesNodes) return true;
    return nodes.some((node) => node !== null && this.#names.has(node));
  }

  send({ node, to, t, isDead }: JoinedSend): void {
    if (this.#isInside(t) && !isDead && this.concerns(node, to)) this.messages.sends += 1;
  }

  receive({ node, t, body }: JoinedReceive): void {
    const from = body.from?.node ?? null;
    if (!this.#isInside(t) || !this.concerns(node, from)) return;
    this.messages.receives += 1;
    if (!body.unverified || from === null) return;
    const key = `${node}\n${from}`;
    const known = this.unmerged.get(key);
    if (known !== undefined) known.count += 1;
    else this.#add(this.unmerged, "unmerged", key, { from, to: node, count: 1, firstT: t });
  }

  joined(send: JoinedSend, receive: JoinedReceive): void {
    if (!this.#isInside(receive.t) || !this.concerns(send.node, receive.node)) return;
    const { from, sentT } = receive.body;
    if (from !== null && sentT !== null && sentT !== send.t) {
      this.#noSend(receive, "contradiction");
      return;
    }
    this.messages.joined += 1;
    // What comes by a foreign id may be a broker's repeat of an older message. And beyond a time-out it
    // would depend on how events lie in batches whether the send is still at hand.
    const isNear = Math.abs(receive.t - send.t) <= this.#timeout;
    if (send.low !== undefined && receive.body.from !== null && isNear) {
      this.bounds.message(send.node, receive.node, send.low, receive.t);
    }
  }

  backward(event: EventRef & { readonly t: Hlc }, beforeT: Hlc): void {
    if (!this.#isInside(event.t) || !this.concerns(event.node)) return;
    if (this.backwardStamps.length >= this.#context.limits.auditListed)
      this.cutShort.add("backward");
    else this.backwardStamps.push({ event, beforeT });
  }

  *unreceived(sends: readonly JoinedSend[]): Work<void> {
    const judged = sends.filter(
      ({ t, node, to }) => this.#isInside(t) && t <= this.judgedTo && this.concerns(node, to),
    );
    for (let start = 0; start < judged.length; ) {
      // Within one time-out one look at the index of slow messages serves all.
      const { t: first } = judged[start] as JoinedSend;
      let end = start + 1;
      let last = first;
      for (; end < judged.length; end += 1) {
        const { t } = judged[end] as JoinedSend;
        if (Math.abs(t - first) >= this.#timeout) break;
        last = Math.max(last, t) as Hlc;
      }
      const slow = this.#slowAt(last);
      for (const send of judged.slice(start, end)) {
        if (!slow.has(messageId(send))) this.#noReceive(send);
      }
      start = end;
      yield;
    }
  }

  #slowAt(t: Hlc): ReadonlySet<string> {
    const { store, limits } = this.#context;
    const found: readonly SlowMessageRecord[] = store.slowMessagesAt(t, limits.messagesLooked);
    if (found.length >= limits.messagesLooked) this.cutShort.add("slow");
    return new Set(found.map(({ send }) => messageId(send)));
  }

  #noReceive({ node, epoch, seq, t, to, peer }: JoinedSend): void {
    const key = `${node}\n${to ?? ""}\n${peer ?? ""}`;
    const known = this.sendsWithoutReceive.get(key);
    if (known !== undefined) {
      known.count += 1;
      known.lastT = Math.max(known.lastT, t) as Hlc;
      return;
    }
    const first = { node, epoch, seq, t };
    const row = { from: node, to, peer, count: 1, first, lastT: t };
    this.#add(this.sendsWithoutReceive, "sendsWithoutReceive", key, row);
  }

  *unsent(receives: readonly JoinedReceive[]): Work<void> {
    for (const receive of receives) {
      const from = receive.body.from?.node ?? null;
      if (!this.#isInside(receive.t) || !this.concerns(receive.node, from)) continue;
      const reason = this.#whyNoSend(receive);
      if (reason === undefined) this.messages.joined += 1;
      else this.#noSend(receive, reason);
      yield;
    }
  }

  /** Undefined: the send is there, only longer ago than is read. */
  #whyNoSend({ t, body }: JoinedReceive): NoSendReason | undefined {
    const { from, id, sentT } = body;
    if (from === null) return id === null ? "unstamped" : "unknown-id";
    const spans = this.#membership.get(from.node)?.spans;
    if (spans === undefined) return "unknown-node";
    const record = spans.find(({ record: { epoch } }) => epoch === from.epoch)?.record;
    if (record === undefined) return "unknown-epoch";
    const { store, source } = this.#context;
    const stored = store.batchWithSeq(record.id, from.seq);
    const read = stored === undefined ? undefined : source.decoded(stored);
    if (read !== undefined) {
      const { rows } = read;
      const { events } = rows;
      const i = rowFrom(rows, from.seq);
      const isThere = i < events.count && seqAt(rows, i) === from.seq;
      // Its block cannot be read.
      if (!isThere) return "lost";
      const body = events.bodies[events.ref[i] as number];
      const isSend = (events.kind[i] as number) > 3 && body?.kind === "send";
      const isSame = sentT === null || events.t[i] === sentT;
      // Sent by a clock so far ahead that it lies beyond what is read: a violation, and listed as one.
      return isSend && isSame ? undefined : "contradiction";
    }
    const lost = source
      .lostRanges(record)
      .find(({ firstSeq, lastSeq }) => firstSeq <= from.seq && from.seq <= lastSeq);
    if (lost !== undefined) return reasonOf(lost);
    const lastSeq = record.stored.at(-1)?.last ?? 0;
    return from.seq > lastSeq && t > record.watermark && record.end === null ? "lagging" : "hole";
  }

  #noSend({ node, epoch, seq, t, body }: JoinedReceive, reason: NoSendReason): void {
    const from = body.from?.node ?? null;
    const key = `${reason}\n${node}\n${from ?? `\n${body.peer ?? ""}`}`;
    const known = this.receivesWithoutSend.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    const first = { node, epoch, seq, t };
    const row = { reason, from, to: node, peer: body.peer, count: 1, first };
    this.#add(this.receivesWithoutSend, "receivesWithoutSend", key, row);
  }

  #add<Row>(rows: Map<string, Row>, name: string, key: string, row: Row): void {
    if (rows.size >= this.#context.limits.auditListed) this.cutShort.add(name);
    else rows.set(key, row);
  }

  #isInside(t: Hlc): boolean {
    return t >= this.#from && t <= this.#to;
  }
}

function unstampedOf({ nodes }: Chosen): UncheckedChannel[] {
  return nodes.flatMap(({ spans }) => spans.flatMap(({ record }) => uncheckedOf(record)));
}

function overlapsIn(
  { nodes }: Chosen,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
): OverlappingRuns[] {
  return nodes.flatMap(({ node, spans }) =>
    spans.flatMap(({ record: { epoch, joined }, rivals }) =>
      rivals.flatMap((rival): OverlappingRuns[] => {
        const reached = reachOf(rival);
        if (joined > to || reached < from) return [];
        return [{ node, epoch, joined, earlierEpoch: rival.epoch, reached }];
      }),
    ),
  );
}
