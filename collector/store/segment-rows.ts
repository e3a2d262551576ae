/**
 * Events that are read: a batch of which only some rows may be there. A wire batch and a whole segment
 * have a row for every seq; of a segment of which some blocks were left out, or cannot be read,
 * `offsets` says which seq each row has.
 *
 *     rows        0      1      2
 *     offsets     0      3      4         seq = header.firstSeq + offset; absent: row i has offset i
 */
import {
  type Batch,
  type EventColumns,
  eventAt,
  type RetroEvent,
  type VariableRef,
} from "../../agent/kernel/index.ts";

/** Variables of one log, where they begin in a batch's. The same array means the same list, as long as it is remembered. */
export interface VariableList {
  readonly first: number;
  readonly variables: readonly VariableRef[];
}

/** A batch that may lack rows. `header.firstSeq` and `lastSeq` name all it was read from. */
export interface EventRows extends Batch {
  /** By row: seq - firstSeq, rising. Absent: every seq has its row. */
  readonly offsets?: Uint32Array;
  /** Its variables by log; absent: a batch as it came. */
  readonly lists?: readonly VariableList[];
}

/** The seq of a row. */
export function seqAt({ header, offsets }: EventRows, row: number): number {
  return header.firstSeq + (offsets === undefined ? row : (offsets[row] as number));
}

/** The first row with that seq or a later one; `count` if there is none. */
export function rowFrom({ header, events, offsets }: EventRows, seq: number): number {
  const offset = seq - header.firstSeq;
  if (offsets === undefined) return Math.max(0, Math.min(offset, events.count));
  let low = 0;
  let high = events.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The event of a row, with its own seq. */
export function eventOfRow(rows: EventRows, row: number): RetroEvent {
  const event = eventAt(rows, row);
  return rows.offsets === undefined ? event : { ...event, seq: seqAt(rows, row) };
}

/** The rows with seqs in [firstSeq, lastSeq], as views of the same columns. */
export function partOf(rows: EventRows, firstSeq: number, lastSeq: number): EventRows {
  const { header, events } = rows;
  if (firstSeq <= header.firstSeq && lastSeq >= header.lastSeq) return rows;
  const first = Math.max(firstSeq, header.firstSeq);
  const last = Math.min(lastSeq, header.lastSeq);
  const start = rowFrom(rows, first);
  const end = rowFrom(rows, last + 1);
  const part = slice(events, start, end);
  const firstT = start === 0 ? header.firstT : (part.t[0] ?? header.lastT);
  const lastT = end === events.count ? header.lastT : (part.t[part.count - 1] ?? firstT);
  const narrowed = { ...header, firstSeq: first, lastSeq: last, firstT, lastT } as Batch["header"];
  if (rows.offsets === undefined) return { header: narrowed, events: part };
  const shift = first - header.firstSeq;
  const offsets = rows.offsets.slice(start, end).map((offset) => offset - shift);
  return { header: narrowed, events: part, offsets };
}

function slice(events: EventColumns, start: number, end: number): EventColumns {
  return {
    ...events,
    count: end - start,
    t: events.t.subarray(start, end),
    kind: events.kind.subarray(start, end),
    ref: events.ref.subarray(start, end),
    valueTag: events.valueTag.subarray(start, end),
    valueNumber: events.valueNumber.subarray(start, end),
  };
}
