/**
 * Joins the messages of a stretch of history in one pass: every batch once, in order of time over all
 * runs, a send waiting for its receive (or the other way round) for one time-out at most.
 *
 *     batches   | n1 | n2 |  n1  | n3 |          by their first t
 *     waiting        [ sends and receives of the last time-out ]
 *     told           joined; or, when the time-out is over: a send without receive, a receive without send
 *
 * Memory is that of the messages of a time-out, whatever the length of the range, and bounded.
 */
import {
  type EventBody,
  type EventRef,
  type Hlc,
  KindCode,
  type ReceiveEvent,
  RetroError,
  type SendEvent,
} from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { type EventRows, seqAt } from "../store/segment-rows.ts";
import { RunClock } from "./clock-bounds.ts";
import type { CutContext } from "./context.ts";
import type { Work } from "./turns.ts";

export interface JoinedSend extends EventRef {
  readonly t: Hlc;
  readonly to: string | null;
  readonly peer: string | null;
  readonly id: string | null;
  /** At most the sender's physical clock; undefined: not known. */
  readonly low: number | undefined;
  /** It failed, or another took its place. */
  isDead: boolean;
  isReceived: boolean;
}

export interface JoinedReceive extends EventRef {
  readonly t: Hlc;
  readonly body: Omit<ReceiveEvent, "seq" | "t">;
}

/** What a join tells, as it goes. */
export interface JoinListener {
  receive(receive: JoinedReceive): void;
  send(send: JoinedSend): void;
  joined(send: JoinedSend, receive: JoinedReceive): void;
  /** Their time-out is over. */
  unreceived(sends: readonly JoinedSend[]): Work<void>;
  unsent(receives: readonly JoinedReceive[]): Work<void>;
  /** A stamp that is below the one before it. */
  backward(event: EventRef & { readonly t: Hlc }, before: Hlc): void;
}

interface Source {
  readonly record: EpochRecord;
  readonly batches: Iterator<EventRows>;
  readonly clock: RunClock;
  batch: EventRows | undefined;
}

export class MessageJoin {
  readonly #context: CutContext;
  readonly #listener: JoinListener;
  readonly #timeout: number;
  readonly #sends = new Map<string, JoinedSend>();
  readonly #sendsById = new Map<string, JoinedSend>();
  readonly #receives = new Map<string, JoinedReceive[]>();
  #waiting = 0;

  constructor(context: CutContext, listener: JoinListener, timeout: number) {
    this.#context = context;
    this.#listener = listener;
    this.#timeout = timeout;
  }

  /** @throws RetroError `too-large` if too many messages wait for their other half at the same time */
  *run(records: readonly EpochRecord[], from: Hlc, to: Hlc): Work<void> {
    const sources: Source[] = [];
    const later = records
      .filter(({ joined, lastT }) => joined <= to && lastT >= from)
      .sort((a, b) => b.joined - a.joined);
    let sweptT = Number.NEGATIVE_INFINITY;
    try {
      for (;;) {
        const next = this.#earliest(sources, later, from, to);
        if (next === undefined) break;
        const { firstT } = (next.batch as EventRows).header;
        if (firstT - sweptT > this.#timeout) {
          yield* this.#sweep(firstT - this.#timeout);
          sweptT = firstT;
        }
        this.#take(next, from, to);
        advance(next);
        yield;
      }
      yield* this.#sweep(Number.POSITIVE_INFINITY);
    } finally {
      for (const { batches } of sources) batches.return?.();
    }
  }

  /** The run whose next batch is the earliest. Runs are opened as their time comes. */
  #earliest(sources: Source[], later: EpochRecord[], from: Hlc, to: Hlc): Source | undefined {
    for (;;) {
      let next: Source | undefined;
      for (const one of sources) {
        if (one.batch === undefined) continue;
        if (next?.batch === undefined || one.batch.header.firstT < next.batch.header.firstT) {
          next = one;
        }
      }
      const record = later.at(-1);
      if (record === undefined || (next?.batch && next.batch.header.firstT < record.joined)) {
        return next;
      }
      later.pop();
      const batches = this.#context.source.batches(record.id, from, to);
      const opened: Source = { record, batches, clock: new RunClock(), batch: undefined };
      advance(opened);
      if (opened.batch !== undefined) sources.push(opened);
    }
  }

  #take({ record, batch, clock }: Source, from: Hlc, to: Hlc): void {
    const rows = batch as EventRows;
    const { events } = rows;
    const { node, epoch } = record;
    for (let i = 0; i < events.count; i += 1) {
      const t = events.t[i] as Hlc;
      // What a batch holds beside the range is left aside, so that answers do not depend on batches.
      if (t < from) continue;
      if (t > to) break;
      const seq = seqAt(rows, i);
      const code = events.kind[i] as number;
      const before = clock.lastBefore(seq);
      if (t < before) this.#listener.backward({ node, epoch, seq, t }, before as Hlc);
      const isMessage = code === KindCode.send || code === KindCode.receive;
      if (!isMessage) {
        clock.note(seq, t, Number.NEGATIVE_INFINITY);
        continue;
      }
      const body = events.bodies[events.ref[i] as number] as EventBody;
      const isMerged = body.kind === "receive" && !body.unverified && body.sentT !== null;
      clock.note(seq, t, isMerged ? (body.sentT as number) : Number.NEGATIVE_INFINITY);
      const place = { node, epoch, seq, t };
      if (body.kind === "send") this.#send(place, body, clock.lowAt(t));
      else if (body.kind === "receive") this.#receive({ ...place, body });
    }
    if (this.#waiting > this.#context.limits.auditWaiting) {
      throw new RetroError("too-large", "too many messages are under way at once to be audited", {
        hint: "Name fewer nodes, or ask for a shorter range.",
      });
    }
  }

  #send(
    place: EventRef & { readonly t: Hlc },
    body: Omit<SendEvent, "seq" | "t">,
    low: number | undefined,
  ): void {
    const { node, epoch } = place;
    if (body.replaces !== null) {
      const replaced = this.#sends.get(keyOf({ node, epoch, seq: body.replaces }));
      if (replaced !== undefined) replaced.isDead = true;
    }
    const { to, peer, id, failed } = body;
    const send: JoinedSend = { ...place, to, peer, id, low, isDead: failed, isReceived: false };
    this.#listener.send(send);
    const key = keyOf(send);
    this.#sends.set(key, send);
    this.#waiting += 1;
    this.#join(send, this.#receives, key);
    if (id === null) return;
    this.#sendsById.set(id, send);
    this.#join(send, this.#receives, foreignKey(id));
  }

  #join(send: JoinedSend, receives: Map<string, JoinedReceive[]>, key: string): void {
    for (const receive of receives.get(key) ?? []) {
      this.#waiting -= 1;
      this.#joined(send, receive);
    }
    receives.delete(key);
  }

  #receive(receive: JoinedReceive): void {
    const { from, id, relayed } = receive.body;
    this.#listener.receive(receive);
    if (relayed) return;
    const send =
      from !== null
        ? this.#sends.get(keyOf(from))
        : id === null
          ? undefined
          : this.#sendsById.get(id);
    if (send !== undefined) {
      this.#joined(send, receive);
      return;
    }
    const key = from !== null ? keyOf(from) : foreignKey(id ?? "");
    const waiting = this.#receives.get(key);
    if (waiting === undefined) this.#receives.set(key, [receive]);
    else waiting.push(receive);
    this.#waiting += 1;
  }

  #joined(send: JoinedSend, receive: JoinedReceive): void {
    send.isReceived = true;
    this.#listener.joined(send, receive);
  }

  /** Lets go of what is older than `t`. Maps keep the order of coming, which is nearly that of time. */
  *#sweep(t: number): Work<void> {
    const sends: JoinedSend[] = [];
    for (const [key, send] of this.#sends) {
      if (send.t >= t) break;
      this.#sends.delete(key);
      if (send.id !== null && this.#sendsById.get(send.id) === send)
        this.#sendsById.delete(send.id);
      this.#waiting -= 1;
      if (!send.isReceived && !send.isDead) sends.push(send);
    }
    const receives: JoinedReceive[] = [];
    for (const [key, waiting] of this.#receives) {
      if ((waiting[0]?.t ?? 0) >= t) break;
      this.#receives.delete(key);
      this.#waiting -= waiting.length;
      for (const one of waiting) receives.push(one);
    }
    yield* this.#listener.unreceived(sends);
    yield* this.#listener.unsent(receives);
  }
}

function advance(source: Source): void {
  const next = source.batches.next();
  source.batch = next.done === true ? undefined : next.value;
}

/** The number first: a node may have any name. */
function keyOf({ node, epoch, seq }: EventRef): string {
  return `${epoch}/${seq}/${node}`;
}

function foreignKey(id: string): string {
  return `\n${id}`;
}
