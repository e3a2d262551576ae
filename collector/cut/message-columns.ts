/**
 * The messages of one batch in columns, as the search for messages in flight wants them.
 * Hot: bench `cut`.
 *
 *     sends      seq | t | end | receiver | group | to | peer     end: when it is in flight no longer
 *     receives   key of the sender's run | seq | t | group        or the id of a foreign message
 *
 * Where several consumer groups receive a message (rare: `arrivals`), each does so for itself, and the
 * message is in flight until the last of those known to receive it has it.
 *
 * Names are numbers of a `Names`, shared by all columns that are joined with each other. `end` and
 * `receiver` change as receives become known; all else is fixed.
 */
import {
  type EventBody,
  type Hlc,
  KindCode,
  type ReceiveEvent,
  receivingGroup,
  type SendEvent,
} from "../../agent/kernel/index.ts";
import { type EventRows, seqAt } from "../store/segment-rows.ts";

/** Numbers for texts, from 0 on. */
export class Names {
  readonly #numbers = new Map<string, number>();
  readonly texts: string[] = [];

  numberOf(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.texts.length;
      this.#numbers.set(text, number);
      this.texts.push(text);
    }
    return number;
  }
}

/** No name, no receiver. */
export const NOBODY = -1;
/** The end of a send that failed or was replaced. */
const DEAD = Number.NEGATIVE_INFINITY;

export interface ForeignReceive {
  readonly id: string;
  readonly t: number;
  readonly group: number;
}

/** The first receive of a message by one consumer group. */
export interface Arrival {
  t: number;
  receiver: number;
  readonly group: number;
}

export class MessageColumns {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  readonly sendCount: number;
  readonly seq: Float64Array;
  readonly t: Float64Array;
  readonly end: Float64Array;
  readonly receiver: Int32Array;
  /** Of the receive at `end`. */
  readonly group: Int32Array;
  /** By row, where more than one group received it. */
  readonly arrivals: Map<number, Arrival[]> = new Map();
  readonly to: Int32Array;
  readonly peer: Int32Array;
  /** Foreign ids by row; most sends have none. */
  readonly ids: Map<number, string> = new Map();
  /** [row, seq replaced] */
  readonly replaces: (readonly [row: number, seq: number])[] = [];
  readonly receiveCount: number;
  readonly receiveRun: Int32Array;
  readonly receiveSeq: Float64Array;
  readonly receiveT: Float64Array;
  readonly receiveGroup: Int32Array;
  readonly foreign: ForeignReceive[] = [];
  #latestEnd = Number.NaN;

  constructor(rows: EventRows, names: Names, timeout: number) {
    const { header, events } = rows;
    this.firstSeq = header.firstSeq;
    this.lastSeq = header.lastSeq;
    this.firstT = header.firstT;
    this.lastT = header.lastT;
    let sends = 0;
    let receives = 0;
    for (let i = 0; i < events.count; i += 1) {
      if (events.kind[i] === KindCode.send) sends += 1;
      else if (events.kind[i] === KindCode.receive) receives += 1;
    }
    this.sendCount = sends;
    this.seq = new Float64Array(sends);
    this.t = new Float64Array(sends);
    this.end = new Float64Array(sends);
    this.receiver = new Int32Array(sends).fill(NOBODY);
    this.group = new Int32Array(sends).fill(NOBODY);
    this.to = new Int32Array(sends).fill(NOBODY);
    this.peer = new Int32Array(sends).fill(NOBODY);
    this.receiveRun = new Int32Array(receives);
    this.receiveSeq = new Float64Array(receives);
    this.receiveT = new Float64Array(receives);
    this.receiveGroup = new Int32Array(receives);
    let row = 0;
    let stamped = 0;
    for (let i = 0; i < events.count; i += 1) {
      const code = events.kind[i] as number;
      if (code !== KindCode.send && code !== KindCode.receive) continue;
      const t = events.t[i] as number;
      const body = events.bodies[events.ref[i] as number] as EventBody;
      if (body.kind === "send") {
        this.#addSend(row, seqAt(rows, i), t, body, names, timeout);
        row += 1;
      } else if (body.kind === "receive" && this.#addReceive(stamped, t, body, names)) {
        stamped += 1;
      }
    }
    this.receiveCount = stamped;
  }

  #addSend(
    row: number,
    seq: number,
    t: number,
    body: Omit<SendEvent, "seq" | "t">,
    names: Names,
    timeout: number,
  ): void {
    this.seq[row] = seq;
    this.t[row] = t;
    this.end[row] = body.failed ? DEAD : t + timeout;
    if (body.to !== null) this.to[row] = names.numberOf(body.to);
    if (body.peer !== null) this.peer[row] = names.numberOf(body.peer);
    if (body.id !== null) this.ids.set(row, body.id);
    if (body.replaces !== null) this.replaces.push([row, body.replaces]);
  }

  /** Whether it names the send's event. Relayed receives make no edge. */
  #addReceive(
    row: number,
    t: number,
    body: Omit<ReceiveEvent, "seq" | "t">,
    names: Names,
  ): boolean {
    const { from, id, relayed } = body;
    if (relayed) return false;
    const name = receivingGroup(body);
    const group = name === undefined ? NOBODY : names.numberOf(name);
    if (from === null) {
      if (id !== null) this.foreign.push({ id, t, group });
      return false;
    }
    this.receiveRun[row] = names.numberOf(runName(from.node, from.epoch));
    this.receiveSeq[row] = from.seq;
    this.receiveT[row] = t;
    this.receiveGroup[row] = group;
    return true;
  }

  /** The row of a send, or -1. */
  rowOf(seq: number): number {
    let low = 0;
    let high = this.sendCount - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.seq[middle] as number;
      if (found === seq) return middle;
      if (found < seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** A receive of a send: the earliest of its group counts. */
  received(row: number, t: number, receiver: number, group: number): void {
    if (this.end[row] === DEAD) return;
    const isFirst = this.receiver[row] === NOBODY;
    if (isFirst || (this.group[row] === group && !this.arrivals.has(row))) {
      if (isFirst || t < (this.end[row] as number)) this.#setEnd(row, { t, receiver, group });
      return;
    }
    const known = this.arrivalsOf(row);
    const same = known.find((one) => one.group === group);
    if (same === undefined) known.push({ t, receiver, group });
    else if (t < same.t) Object.assign(same, { t, receiver });
    this.arrivals.set(row, known);
    this.#setEnd(
      row,
      known.reduce((last, one) => (one.t > last.t ? one : last)),
    );
  }

  #setEnd(row: number, { t, receiver, group }: Arrival): void {
    this.end[row] = t;
    this.receiver[row] = receiver;
    this.group[row] = group;
    this.#latestEnd = Number.NaN;
  }

  /** The receives known of a send, one per group. */
  arrivalsOf(row: number): Arrival[] {
    const several = this.arrivals.get(row);
    if (several !== undefined) return several;
    const receiver = this.receiver[row] as number;
    if (receiver === NOBODY) return [];
    return [{ t: this.end[row] as number, receiver, group: this.group[row] as number }];
  }

  /** The send failed, or another took its place. */
  kill(row: number): void {
    this.end[row] = DEAD;
    this.#latestEnd = Number.NaN;
  }

  /** When the last of the sends is in flight no longer. */
  get latestEnd(): number {
    if (Number.isNaN(this.#latestEnd)) {
      let latest = DEAD;
      for (let row = 0; row < this.sendCount; row += 1) {
        if ((this.end[row] as number) > latest) latest = this.end[row] as number;
      }
      this.#latestEnd = latest;
    }
    return this.#latestEnd;
  }

  /** What it takes in memory, about. */
  get bytes(): number {
    const texts = this.ids.size + this.foreign.length + this.replaces.length;
    return 600 + this.sendCount * 40 + this.receiveRun.length * 24 + texts * 120;
  }
}

/** A run of a node as one text. The number comes first: a node may have any name. */
export function runName(node: string, epoch: number): string {
  return `${epoch}\n${node}`;
}
