/**
 * The events of one epoch that match, in seq order, for a merge of many: it keeps places, a few at a time, and
 * neither decoded batches nor a read of the store. Where its places end it looks up the next from there on.
 *
 *     batches    |  . .. |   .    |. ...   |          . matches
 *     found         ^ ^^   places kept, of one batch at most
 *     then                      ^  by seq: batches may be sealed between two looks
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import type { BlockChoice } from "../store/segment-reader.ts";
import { type EventRows, eventOfRow, rowFrom, seqAt } from "../store/segment-rows.ts";
import { type EpochSource, indexAfter } from "./epoch-source.ts";
import type { EventQuery, NodeEvent } from "./history.ts";
import { compareText } from "./membership.ts";
import type { Next } from "./next-first.ts";
import type { Work } from "./turns.ts";
import { weightOfRow } from "./weights.ts";

export interface EventsAsked {
  readonly source: EpochSource;
  readonly query: Pick<EventQuery, "from" | "to" | "after">;
  readonly choice: BlockChoice;
  readonly matches: (rows: EventRows, row: number) => boolean;
  /** Places kept at a time. */
  readonly most: number;
}

interface Taken {
  readonly seq: number;
  readonly t: Hlc;
  /** Its index in the page. */
  readonly index: number;
}

export class EventCursor implements Next {
  readonly #record: EpochRecord;
  readonly #asked: EventsAsked;
  readonly #taken: Taken[] = [];
  #seqs: number[] = [];
  #times: Hlc[] = [];
  #weights: number[] = [];
  #index = 0;
  /** All up to here was looked at. */
  #lookedSeq = 0;
  #isOpen = true;
  /** Time of the event it stands at; before that is found, a time that it does not lie before. */
  t: Hlc;

  constructor(record: EpochRecord, asked: EventsAsked) {
    this.#record = record;
    this.#asked = asked;
    const { from, after } = asked.query;
    this.t = Math.max(from, after?.t ?? from, record.joined) as Hlc;
  }

  /** `t`; Infinity: nothing more matches. */
  get next(): number {
    return this.#isOpen ? this.t : Number.POSITIVE_INFINITY;
  }

  /** Whether the event it stands at is known; else it is to be found. */
  get isFound(): boolean {
    return this.#index < this.#seqs.length;
  }

  /** Bytes of the event it stands at, about. */
  get weight(): number {
    return this.#weights[this.#index] ?? 0;
  }

  /** Looks up the next places; pauses after each batch without any. */
  *find(): Work<void> {
    const { source, query, choice } = this.#asked;
    this.#seqs = [];
    this.#times = [];
    this.#weights = [];
    this.#index = 0;
    const options = { choice, afterSeq: this.#lookedSeq };
    for (const rows of source.batches(this.#record.id, this.t, query.to, options)) {
      const isOver = this.#look(rows);
      if (this.#seqs.length > 0) {
        this.t = this.#times[0] as Hlc;
        return;
      }
      if (isOver) break;
      yield;
    }
    this.#isOpen = false;
  }

  /** True: what follows is later than what is asked for. */
  #look(rows: EventRows): boolean {
    const { query, matches, most } = this.#asked;
    const { events, header } = rows;
    const first = Math.max(
      rowFrom(rows, this.#lookedSeq + 1),
      indexAfter(events.t, (this.t - 1) as Hlc, events.count),
    );
    for (let row = first; row < events.count; row += 1) {
      const t = events.t[row] as Hlc;
      if (t > query.to) return true;
      if (!matches(rows, row)) continue;
      this.#lookedSeq = seqAt(rows, row);
      this.#seqs.push(this.#lookedSeq);
      this.#times.push(t);
      this.#weights.push(weightOfRow(rows, row));
      if (this.#seqs.length === most) return false;
    }
    this.#lookedSeq = Math.max(this.#lookedSeq, header.lastSeq);
    return false;
  }

  /** Whether the event it stands at comes after another in global order. */
  isAfter(ref: NonNullable<EventQuery["after"]>): boolean {
    if (this.t !== ref.t) return this.t > ref.t;
    const { node, epoch } = this.#record;
    const order =
      compareText(node, ref.node) ||
      epoch - ref.epoch ||
      (this.#seqs[this.#index] as number) - ref.seq;
    return order > 0;
  }

  /** Takes the event it stands at for the page, and goes on. */
  take(index: number): void {
    this.#taken.push({ seq: this.#seqs[this.#index] as number, t: this.t, index });
    this.skip();
  }

  skip(): void {
    this.#index += 1;
    this.t = this.#times[this.#index] ?? this.t;
  }

  /** Puts the events that were taken into the page; pauses after each batch. */
  *readTaken(page: (NodeEvent | undefined)[]): Work<void> {
    const { source, choice } = this.#asked;
    const { id, node, service, epoch } = this.#record;
    let at = 0;
    while (at < this.#taken.length) {
      const { seq, t } = this.#taken[at] as Taken;
      const rows = rowsWith(source.batches(id, t, t, { choice, afterSeq: seq - 1 }), seq);
      const before = at;
      for (; at < this.#taken.length; at += 1) {
        const { seq: wanted, index } = this.#taken[at] as Taken;
        if (rows === undefined || wanted > rows.header.lastSeq) break;
        const row = rowFrom(rows, wanted);
        if (row >= rows.events.count || seqAt(rows, row) !== wanted) continue;
        page[index] = { node, service, epoch, event: eventOfRow(rows, row) };
      }
      if (at === before) at += 1;
      yield;
    }
  }
}

/** Those that reach as far as the seq: of what is damaged there are several pieces. */
function rowsWith(pieces: Iterable<EventRows>, seq: number): EventRows | undefined {
  for (const rows of pieces) if (rows.header.lastSeq >= seq) return rows;
  return undefined;
}
