/**
 * Sends and receives by time, without the state changes around them: a digest per batch, kept in
 * memory within a bound, made from the decoded batch when it is first asked for.
 */
import {
  type EventBody,
  type Hlc,
  KindCode,
  MAX_HLC,
  MIN_HLC,
  type ReceiveEvent,
  type SendEvent,
} from "../../agent/kernel/index.ts";
import type { EpochRecord, StoredBatch } from "../store/history-store.ts";
import type { BlockChoice } from "../store/segment-reader.ts";
import { type EventRows, seqAt } from "../store/segment-rows.ts";
import type { EpochSource } from "./epoch-source.ts";
import { LruCache } from "./lru-cache.ts";
import { Senders } from "./senders.ts";

/** A send or receive with its place. */
export interface SendRow {
  readonly seq: number;
  readonly t: Hlc;
  readonly body: Omit<SendEvent, "seq" | "t">;
}

export interface ReceiveRow {
  readonly seq: number;
  readonly t: Hlc;
  readonly body: Omit<ReceiveEvent, "seq" | "t">;
}

export interface MessageDigest {
  readonly sends: readonly SendRow[];
  readonly receives: readonly ReceiveRow[];
}

interface AllSenders {
  readonly version: string;
  readonly senders: Senders;
}

/** Of a segment no log is read. */
export const ONLY_MESSAGES: BlockChoice = { logs: new Set(), messages: true, rest: false };

const EMPTY: MessageDigest = { sends: [], receives: [] };
/** Some rounds of the checkpointer. */
const EVENTS_LOOKED_AT = 20_000;
const DIGEST_BYTES = 160;
const ROW_BYTES = 200;

export class MessageSource {
  readonly #source: EpochSource;
  readonly #digests: LruCache<string, MessageDigest>;
  /** Of whole epochs, by id. */
  readonly #allSenders: LruCache<number, AllSenders>;

  constructor(source: EpochSource, limitBytes: number) {
    this.#source = source;
    this.#digests = new LruCache(limitBytes);
    this.#allSenders = new LruCache(limitBytes);
  }

  dropCaches(): void {
    this.#digests.clear();
    this.#allSenders.clear();
  }

  /** Digests of the batches that overlap t in [from, to]; rows outside may be among them. */
  *digests(record: EpochRecord, from: Hlc, to: Hlc): Generator<MessageDigest> {
    if (record.joined > to || record.lastT < from) return;
    for (const stored of this.#source.store.batches(record.id, { from, to })) {
      if (this.#source.isPruned(stored)) continue;
      const digest = this.#digestOf(stored);
      if (digest !== EMPTY) yield digest;
    }
  }

  /** Sends with t in [from, to], in order. */
  *sends(record: EpochRecord, from: Hlc, to: Hlc): Generator<SendRow> {
    for (const { sends } of this.digests(record, from, to)) {
      for (const row of sends) if (row.t >= from && row.t <= to) yield row;
    }
  }

  /** Receives with t in [from, to], in order. */
  *receives(record: EpochRecord, from: Hlc, to: Hlc): Generator<ReceiveRow> {
    for (const { receives } of this.digests(record, from, to)) {
      for (const row of receives) if (row.t >= from && row.t <= to) yield row;
    }
  }

  /**
   * When the epoch last sent up to `t`, or a later time up to `t` where that cannot be told quickly;
   * `MIN_HLC`: never.
   */
  lastSendBefore(record: EpochRecord, t: Hlc): Hlc {
    const newest = this.#source.directoryBefore(record.id, MAX_HLC);
    if (newest !== undefined && newest.t >= t && newest.directory.lastSendT <= t) {
      return atLeast(newest.directory.lastSendT);
    }
    const found = this.#source.directoryBefore(record.id, t);
    const from = found?.t ?? MIN_HLC;
    const to = Math.min(t, record.lastT) as Hlc;
    if (this.#source.eventsBetween(record.id, from, to) > EVENTS_LOOKED_AT) return to;
    let last = Math.min(to, atLeast(found?.directory.lastSendT ?? MIN_HLC)) as Hlc;
    for (const row of this.sends(record, from, to)) last = row.t;
    return last;
  }

  /**
   * Who is named as sender by receives with t <= `t`. The directory before `t` knows most; an epoch that
   * is over by `t` is read once and remembered.
   */
  sendersUpTo(record: EpochRecord, t: Hlc): Senders {
    if (record.lastT > t) return this.#readSenders(record, t);
    const version = `${record.eventCount}/${record.lastT}`;
    const known = this.#allSenders.get(record.id);
    if (known?.version === version) return known.senders;
    const senders = this.#readSenders(record, t);
    this.#allSenders.set(record.id, { version, senders }, DIGEST_BYTES + senders.count * ROW_BYTES);
    return senders;
  }

  #readSenders(record: EpochRecord, t: Hlc): Senders {
    const found = this.#source.directoryBefore(record.id, t);
    const senders = new Senders();
    if (found !== undefined) {
      senders.addRows(found.directory.senders, found.directory.moreSendersFrom);
    }
    const from = found?.t ?? MIN_HLC;
    for (const { body, t: at } of this.receives(record, from, t)) {
      if (body.from !== null) senders.note(body.from, at, body.sentT);
    }
    return senders;
  }

  #digestOf(stored: StoredBatch): MessageDigest {
    const key = `${stored.epochId}/${stored.firstSeq}/${stored.lastSeq}`;
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const read = this.#source.decoded(stored, ONLY_MESSAGES);
    if (read === undefined) return EMPTY;
    const digest = digestOf(read.rows);
    const rows = digest.sends.length + digest.receives.length;
    this.#digests.set(key, digest, DIGEST_BYTES + rows * ROW_BYTES);
    return digest;
  }
}

/** The messages of a batch. */
export function digestOf(rows: EventRows): MessageDigest {
  const { events } = rows;
  if (!events.bodies.some(({ kind }) => kind === "send" || kind === "receive")) return EMPTY;
  const sends: SendRow[] = [];
  const receives: ReceiveRow[] = [];
  for (let i = 0; i < events.count; i += 1) {
    const code = events.kind[i];
    if (code !== KindCode.send && code !== KindCode.receive) continue;
    const body = events.bodies[events.ref[i] as number] as EventBody;
    const place = { seq: seqAt(rows, i), t: events.t[i] as Hlc };
    if (body.kind === "send") sends.push({ ...place, body });
    else if (body.kind === "receive") receives.push({ ...place, body });
  }
  return { sends, receives };
}

/** A directory says that nothing was sent as -Infinity. */
function atLeast(t: Hlc): Hlc {
  return Math.max(t, MIN_HLC) as Hlc;
}
