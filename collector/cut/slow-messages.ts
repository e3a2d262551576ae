/**
 * Messages on their way for longer than the timeout, which are known to have arrived later: the store
 * keeps them apart. Whether such a message was received in time as well (it may come twice), failed or
 * was replaced stands around its send; sends that lie near each other are looked up together, and what
 * can no longer change is remembered. Each consumer group is judged for itself: one may be slow where
 * another was quick.
 */
import { type EventRef, type Hlc, messageId, receivingGroup } from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore, SlowMessageRecord } from "../store/history-store.ts";
import { LruCache } from "./lru-cache.ts";
import type { MessageSource, ReceiveRow, SendRow } from "./message-source.ts";
import { groupKey, type Underway } from "./underway.ts";

/** Messages remembered. */
const REMEMBERED = 65_536;

/** A message, and until when it is in flight; undefined: it never was for so long. */
type Verdict = Underway | undefined;

/** By seq. */
interface SendsNear {
  readonly rows: ReadonlyMap<number, SendRow>;
  readonly dead: ReadonlySet<number>;
}

/** Keeps a sum of many ends exact. */
const END_MODULUS = 2 ** 32;

export class SlowMessages {
  readonly #store: HistoryStore;
  readonly #messages: MessageSource;
  readonly #timeout: number;
  readonly #most: number;
  readonly #verdicts = new LruCache<string, { readonly verdict: Verdict }>(REMEMBERED);
  /** Repairs, and nodes that come back, change what is remembered. */
  #version = "";

  /** `most`: slow messages and violations that are looked at, at one moment. */
  constructor(store: HistoryStore, messages: MessageSource, timeout: number, most: number) {
    this.#most = most;
    this.#store = store;
    this.#messages = messages;
    this.#timeout = timeout;
  }

  dropCaches(): void {
    this.#verdicts.clear();
  }

  /** Those sent at `t` - timeout or earlier, and all of consumer groups. `records`: all epochs. */
  inFlightAt(records: readonly EpochRecord[], t: Hlc): Underway[] {
    const slow = this.#slowAt(t).filter(
      ({ sendT, group }) => sendT <= t - this.#timeout || group !== undefined,
    );
    if (slow.length === 0) return [];
    this.#forgetIfRepaired(records);
    const bySend = new Map(slow.map((one) => [keyOf(one), one]));
    const verdicts = new Map<string, Verdict>();
    const unknown: SlowMessageRecord[] = [];
    for (const [id, one] of bySend) {
      const known = this.#verdicts.get(id);
      if (known === undefined) unknown.push(one);
      else verdicts.set(id, known.verdict);
    }
    unknown.sort((a, b) => a.sendT - b.sendT);
    for (let start = 0; start < unknown.length; ) {
      const end = this.#endOfGroup(unknown, start);
      this.#judge(records, unknown.slice(start, end), verdicts);
      start = end;
    }
    return [...verdicts.values()].flatMap((verdict) =>
      verdict !== undefined && t < verdict.until ? [verdict] : [],
    );
  }

  /** How many more than their records there are at `t`: the store keeps very many added up. */
  moreAt(t: Hlc): number {
    return this.#slowAt(t).reduce((sum, { count = 1 }) => sum + count - 1, 0);
  }

  /** Whether there are more at `t` than are looked at. */
  isCutShortAt(t: Hlc): boolean {
    return this.#slowAt(t).length >= this.#most;
  }

  #slowAt(t: Hlc): readonly SlowMessageRecord[] {
    return this.#store.slowMessagesAt(t, this.#most);
  }

  #forgetIfRepaired(records: readonly EpochRecord[]): void {
    let repairs = 0;
    let ends = 0;
    const open: number[] = [];
    for (const { id, end } of records) {
      repairs += this.#store.repairCount(id);
      if (end === null) open.push(id);
      else ends += end.t % END_MODULUS;
    }
    // Which are open, not how many: one may come back while another goes.
    const version = `${repairs} ${ends} ${open.join()}`;
    if (version !== this.#version) this.#verdicts.clear();
    this.#version = version;
  }

  /** A group lies within one timeout, so one question to the store's index serves all of it. */
  #endOfGroup(slow: readonly SlowMessageRecord[], start: number): number {
    const first = (slow[start] as SlowMessageRecord).sendT;
    let end = start + 1;
    while (end < slow.length && (slow[end] as SlowMessageRecord).sendT - first < this.#timeout) {
      end += 1;
    }
    return end;
  }

  #judge(
    records: readonly EpochRecord[],
    group: readonly SlowMessageRecord[],
    verdicts: Map<string, Verdict>,
  ): void {
    const from = (group[0] as SlowMessageRecord).sendT;
    const last = (group.at(-1) as SlowMessageRecord).sendT;
    const to = (last + this.#timeout) as Hlc;
    const arrivals = this.#arrivals(records, from, to);
    // Sent by `last`, received later than a timeout after: all slow receives of the group are here.
    const slowest = earliest(this.#slowAt(last));
    // Or received before they were sent, by a clock that was behind.
    const early = new Set(this.#store.violationsBetween(from, last, this.#most).map(keyOf));
    const sends = new Map<number, SendsNear>();
    const byRun = new Map(records.map((record) => [`${record.epoch}\n${record.node}`, record]));
    for (const one of group) {
      const { send } = one;
      const id = keyOf(one);
      const record = byRun.get(`${send.epoch}\n${send.node}`);
      if (record === undefined) continue;
      const known = sends.get(record.id) ?? this.#sendsOf(record, from, to);
      sends.set(record.id, known);
      const first = slowest.get(id) ?? one;
      const verdict = early.has(id) ? undefined : this.#verdict(send, first, known, arrivals);
      verdicts.set(id, verdict);
      if (isSettled(records, Math.max(to, first.receiveT))) {
        this.#verdicts.set(id, { verdict }, 1);
      }
    }
  }

  #verdict(
    send: EventRef,
    first: SlowMessageRecord,
    { rows, dead }: SendsNear,
    arrivals: ReadonlyMap<string, readonly Hlc[]>,
  ): Verdict {
    const row = rows.get(send.seq);
    if (row === undefined || dead.has(send.seq)) return undefined;
    const group = first.group ?? "";
    const inTime = (key: string): boolean =>
      (arrivals.get(`${group}\n${key}`) ?? []).some(
        (t) => t >= row.t && t <= row.t + this.#timeout,
      );
    const own = messageId(send);
    if (inTime(own) || (row.body.id !== null && inTime(foreignKey(row.body.id)))) return undefined;
    const { node } = send;
    const { id, peer } = row.body;
    return {
      message: {
        id: id ?? own,
        send,
        from: node,
        to: first.receive.node,
        peer,
        sentAt: row.t,
      },
      until: first.receiveT,
    };
  }

  /** Sends in [from, to] by seq, and those among them that failed or were soon replaced. */
  #sendsOf(record: EpochRecord, from: Hlc, to: Hlc): SendsNear {
    const rows = new Map<number, SendRow>();
    const dead = new Set<number>();
    for (const row of this.#messages.sends(record, from, to)) {
      const { seq, t, body } = row;
      rows.set(seq, row);
      if (body.failed) dead.add(seq);
      const replaced = body.replaces === null ? undefined : rows.get(body.replaces);
      if (replaced !== undefined && t - replaced.t <= this.#timeout) dead.add(replaced.seq);
    }
    return { rows, dead };
  }

  #arrivals(records: readonly EpochRecord[], from: Hlc, to: Hlc): Map<string, Hlc[]> {
    const arrivals = new Map<string, Hlc[]>();
    for (const record of records) {
      for (const row of this.#messages.receives(record, from, to)) {
        const message = messageOf(row);
        if (message === undefined) continue;
        const key = `${receivingGroup(row.body) ?? ""}\n${message}`;
        const known = arrivals.get(key);
        if (known === undefined) arrivals.set(key, [row.t]);
        else known.push(row.t);
      }
    }
    return arrivals;
  }
}

/** The first of the receives of each send, by group. */
function earliest(slow: readonly SlowMessageRecord[]): Map<string, SlowMessageRecord> {
  const first = new Map<string, SlowMessageRecord>();
  for (const one of slow) {
    const id = keyOf(one);
    if (one.receiveT < (first.get(id)?.receiveT ?? Number.POSITIVE_INFINITY)) first.set(id, one);
  }
  return first;
}

function keyOf({ send, group }: Pick<SlowMessageRecord, "send" | "group">): string {
  return groupKey(send, group);
}

/** Whether nothing can come up to `t` any more but by a repair. */
function isSettled(records: readonly EpochRecord[], t: number): boolean {
  return records.every(({ watermark, end }) => watermark >= t || end !== null);
}

function messageOf({ body }: ReceiveRow): string | undefined {
  if (body.relayed) return undefined;
  if (body.from !== null) return messageId(body.from);
  return body.id === null ? undefined : foreignKey(body.id);
}

/** Apart from `node/epoch/seq`: a node id may hold slashes, but no line break. */
function foreignKey(id: string): string {
  return `\n${id}`;
}
