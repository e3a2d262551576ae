/**
 * All messages of a stretch of time, sends joined with their receives: made once, kept in memory, and
 * carried along as questions move and as batches arrive. Hot: bench `cut`.
 *
 *     covered   |from ------------------------------------------- to|
 *     question            |T - timeout ------- T ------- T + timeout|
 *
 * Events are only ever added to a history, so joining never has to be undone: what is read later can
 * only tell of an earlier receive, or of one by another consumer group. Up to the watermark an epoch is read once; after it, again whenever it
 * has more events; after a repair, all of the stretch is looked through for batches not yet known.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EpochRecord, SeqRange } from "../store/history-store.ts";
import { partOf } from "../store/segment-rows.ts";
import type { EpochSource } from "./epoch-source.ts";
import { type Arrival, MessageColumns, Names, NOBODY, runName } from "./message-columns.ts";
import { ONLY_MESSAGES } from "./message-source.ts";
import { finish, type Work } from "./turns.ts";

/** The messages of one epoch inside the window. */
interface Run {
  readonly node: string;
  readonly epoch: number;
  readonly nodeNumber: number;
  /** By firstSeq. */
  readonly pages: MessageColumns[];
  from: number;
  to: number;
  /** Up to here nothing can be added but by a repair. */
  settled: number;
  eventCount: number;
  repairCount: number;
}

/** A row of a page. */
interface Place {
  readonly run: Run;
  readonly page: MessageColumns;
  readonly row: number;
}

/** A send that is in flight. */
export interface OpenSend {
  readonly node: string;
  readonly epoch: number;
  readonly seq: number;
  readonly sentAt: Hlc;
  readonly id: string | null;
  readonly to: string | null;
  readonly peer: string | null;
  /** The first receive known of each consumer group. */
  readonly arrivals: readonly OpenArrival[];
}

export interface OpenArrival {
  readonly t: Hlc;
  readonly receiver: string;
  /** As `receivingGroup` says. */
  readonly group: string | undefined;
}

export class MessageWindow {
  readonly #source: EpochSource;
  readonly #timeout: number;
  #names = new Names();
  readonly #byEpoch = new Map<number, Run>();
  readonly #byName = new Map<number, Run>();
  /** Receives whose send has not been read; of replaced sends the same. */
  #unmatched: Place[] = [];
  #unplaced: Place[] = [];
  readonly #sendsById = new Map<string, Place[]>();
  readonly #receivesById = new Map<string, Arrival[]>();
  from: number;
  to: number;
  bytes = 0;

  constructor(source: EpochSource, timeout: number, from: number, to: number) {
    this.#source = source;
    this.#timeout = timeout;
    this.from = from;
    this.to = to;
  }

  /** Reads what is not known yet of [from, to], which must touch what is covered. */
  cover(records: readonly EpochRecord[], from: number, to: number): void {
    finish(this.coverInSteps(records, from, to));
  }

  /** The same with a pause after each batch, for a window that nobody asks meanwhile; given up, it is of no use. */
  *coverInSteps(records: readonly EpochRecord[], from: number, to: number): Work<void> {
    this.from = Math.min(this.from, from);
    this.to = Math.max(this.to, to);
    const fresh: Place[] = [];
    for (const record of records) {
      if (record.joined > this.to || record.lastT < this.from) continue;
      yield* this.#read(record, fresh);
    }
    if (fresh.length > 0) yield* this.#join(fresh);
  }

  /** About how many events of its time are stored that it has not read. */
  newCount(records: readonly EpochRecord[]): number {
    let count = 0;
    for (const { id, joined, lastT, eventCount } of records) {
      if (joined > this.to || lastT < this.from) continue;
      count += Math.max(0, eventCount - (this.#byEpoch.get(id)?.eventCount ?? 0));
    }
    return count;
  }

  /** Sends in (t - timeout, t] that are in flight at `t`, as far as receives are read. */
  openAt(t: number): OpenSend[] {
    const found: OpenSend[] = [];
    for (const run of this.#byEpoch.values()) {
      for (const page of run.pages) {
        if (page.firstT > t) break;
        if (page.sendCount === 0 || page.latestEnd <= t) continue;
        for (let row = 0; row < page.sendCount; row += 1) {
          const sentAt = page.t[row] as number;
          if (sentAt > t) break;
          if ((page.end[row] as number) <= t || sentAt <= t - this.#timeout) continue;
          found.push(this.#openSend({ run, page, row }));
        }
      }
    }
    return found;
  }

  /** Sends in [from, to] that were in flight at any time, with their ends, as far as receives are read. */
  *spans(from: number, to: number): Generator<OpenSend & { readonly end: number }> {
    for (const run of this.#byEpoch.values()) {
      for (const page of run.pages) {
        if (page.firstT > to) break;
        if (page.lastT < from) continue;
        for (let row = 0; row < page.sendCount; row += 1) {
          const sentAt = page.t[row] as number;
          if (sentAt < from || sentAt > to) continue;
          const end = Math.min(page.end[row] as number, sentAt + this.#timeout);
          if (end > sentAt) yield { ...this.#openSend({ run, page, row }), end };
        }
      }
    }
  }

  #openSend({ run, page, row }: Place): OpenSend {
    return {
      node: run.node,
      epoch: run.epoch,
      seq: page.seq[row] as number,
      sentAt: page.t[row] as Hlc,
      id: page.ids.get(row) ?? null,
      to: this.#nameOf(page.to[row] as number),
      peer: this.#nameOf(page.peer[row] as number),
      arrivals: page.arrivalsOf(row).map(({ t, receiver, group }) => ({
        t: t as Hlc,
        receiver: this.#nameOf(receiver) as string,
        group: this.#nameOf(group) ?? undefined,
      })),
    };
  }

  #nameOf(number: number): string | null {
    return number === NOBODY ? null : (this.#names.texts[number] as string);
  }

  *#read(record: EpochRecord, fresh: Place[]): Work<void> {
    const run = this.#runOf(record);
    const repairCount = this.#source.store.repairCount(record.id);
    const hasMore = run.eventCount !== record.eventCount || run.repairCount !== repairCount;
    if (run.from > run.to) {
      yield* this.#readRange(run, record.id, this.from, this.to, fresh);
    } else {
      if (this.from < run.from) yield* this.#readRange(run, record.id, this.from, run.from, fresh);
      const isRepaired = run.repairCount !== repairCount;
      const known = isRepaired ? this.from : hasMore ? Math.min(run.settled, run.to) : run.to;
      if (hasMore || (this.to > run.to && record.lastT > run.to)) {
        yield* this.#readRange(run, record.id, Math.max(known, this.from), this.to, fresh);
      }
    }
    run.from = this.from;
    run.to = this.to;
    run.settled = Math.min(record.watermark, this.to);
    run.eventCount = record.eventCount;
    run.repairCount = repairCount;
  }

  #runOf({ id, node, epoch }: EpochRecord): Run {
    const known = this.#byEpoch.get(id);
    if (known !== undefined) return known;
    const run: Run = {
      node,
      epoch,
      nodeNumber: this.#names.numberOf(node),
      pages: [],
      from: Number.POSITIVE_INFINITY,
      to: Number.NEGATIVE_INFINITY,
      settled: Number.NEGATIVE_INFINITY,
      eventCount: -1,
      repairCount: -1,
    };
    this.#byEpoch.set(id, run);
    this.#byName.set(this.#names.numberOf(runName(node, epoch)), run);
    return run;
  }

  *#readRange(run: Run, epochId: number, from: number, to: number, fresh: Place[]): Work<void> {
    for (const { stored } of this.#source.parts(epochId, from as Hlc, to as Hlc)) {
      const missing = seqsWithoutPage(run.pages, stored.firstSeq, stored.lastSeq);
      if (missing.length === 0) continue;
      const read = this.#source.decoded(stored, ONLY_MESSAGES);
      if (read === undefined) continue;
      for (const { first, last } of missing) {
        const page = new MessageColumns(partOf(read.rows, first, last), this.#names, this.#timeout);
        this.bytes += page.bytes;
        insertBySeq(run.pages, page);
        fresh.push({ run, page, row: 0 });
      }
      yield;
    }
  }

  *#join(fresh: readonly Place[]): Work<void> {
    const earlier = this.#unmatched;
    const unplaced = this.#unplaced;
    this.#unmatched = [];
    this.#unplaced = [];
    for (const place of earlier) this.#joinReceive(place);
    for (const place of unplaced) this.#joinReplaced(place);
    for (const { run, page } of fresh) {
      for (let row = 0; row < page.receiveCount; row += 1) {
        if (!this.#isReceived(run, page, row)) this.#unmatched.push({ run, page, row });
      }
      for (const [row, id] of page.ids) this.#joinNamedSend({ run, page, row }, id);
      for (const { id, t, group } of page.foreign) this.#joinNamedReceive(run, id, t, group);
      for (let row = 0; row < page.replaces.length; row += 1) {
        this.#joinReplaced({ run, page, row });
      }
      yield;
    }
  }

  #joinReceive(place: Place): void {
    if (!this.#isReceived(place.run, place.page, place.row)) this.#unmatched.push(place);
  }

  /** Tells the send of the receive; false if the send is not known. */
  #isReceived(run: Run, page: MessageColumns, row: number): boolean {
    const sender = this.#byName.get(page.receiveRun[row] as number);
    if (sender === undefined) return false;
    const seq = page.receiveSeq[row] as number;
    const sent = pageWithSeq(sender.pages, seq);
    if (sent === undefined) return false;
    const sentRow = sent.rowOf(seq);
    if (sentRow >= 0) {
      const t = page.receiveT[row] as number;
      sent.received(sentRow, t, run.nodeNumber, page.receiveGroup[row] as number);
    }
    return true;
  }

  #joinReplaced(place: Place): void {
    const { run, page } = place;
    const [row, seq] = page.replaces[place.row] as readonly [number, number];
    const replaced = pageWithSeq(run.pages, seq);
    if (replaced === undefined) {
      this.#unplaced.push(place);
      return;
    }
    const found = replaced.rowOf(seq);
    const ticks = found < 0 ? -1 : (page.t[row] as number) - (replaced.t[found] as number);
    if (ticks >= 0 && ticks <= this.#timeout) replaced.kill(found);
  }

  /** By a foreign id a receive counts within the timeout of the send. */
  #joinNamedSend(place: Place, id: string): void {
    pushTo(this.#sendsById, id, place);
    for (const arrival of this.#receivesById.get(id) ?? []) this.#receiveNamed(place, arrival);
  }

  #joinNamedReceive({ nodeNumber }: Run, id: string, t: number, group: number): void {
    const arrival = { t, receiver: nodeNumber, group };
    pushTo(this.#receivesById, id, arrival);
    for (const place of this.#sendsById.get(id) ?? []) this.#receiveNamed(place, arrival);
  }

  #receiveNamed({ page, row }: Place, { t, receiver, group }: Arrival): void {
    const ticks = t - (page.t[row] as number);
    if (ticks >= 0 && ticks <= this.#timeout) page.received(row, t, receiver, group);
  }
}

function pushTo<Item>(lists: Map<string, Item[]>, key: string, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** The seqs that no page holds: of a segment those batches may be known that it was sealed from. */
function seqsWithoutPage(
  pages: readonly MessageColumns[],
  first: number,
  last: number,
): SeqRange[] {
  const missing: SeqRange[] = [];
  let seq = first;
  for (let index = Math.max(0, indexOfSeq(pages, first)); index < pages.length; index += 1) {
    const { firstSeq, lastSeq } = pages[index] as MessageColumns;
    if (firstSeq > last) break;
    if (firstSeq > seq) missing.push({ first: seq, last: firstSeq - 1 });
    seq = Math.max(seq, lastSeq + 1);
  }
  if (seq <= last) missing.push({ first: seq, last });
  return missing;
}

/** Nearly always at one end: batches are read in order. */
function insertBySeq(pages: MessageColumns[], page: MessageColumns): void {
  const last = pages.at(-1);
  if (last === undefined || last.firstSeq < page.firstSeq) pages.push(page);
  else pages.splice(indexOfSeq(pages, page.firstSeq) + 1, 0, page);
}

/** The index of the last page that begins at or before the seq, or -1. */
function indexOfSeq(pages: readonly MessageColumns[], seq: number): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pages[middle] as MessageColumns).firstSeq <= seq) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function pageWithSeq(pages: readonly MessageColumns[], seq: number): MessageColumns | undefined {
  const page = pages[indexOfSeq(pages, seq)];
  return page !== undefined && seq <= page.lastSeq ? page : undefined;
}
