/**
 * What is kept apart of a batch's messages (violations, slow ones): the first one by one, the rest
 * added up. A batch of a few bytes an event can hold 65,536 of them; a record each would let one
 * sender fill the store, and every answer.
 *
 *     time        |--1--|  |--2--|    |--3--|
 *                               |--4--|            2, 3, 4 touch: one stretch, count 3
 *
 * Added up are stretches that touch, per sending node and receiving group; so what they say of a moment ("some message of
 * that node is inside") stays exact. Only beyond `MAX_TALLIED` records stretches grow over gaps. The send and the
 * receive that are named are those of the stretch's two ends, so each has the time that is told with it.
 */
import type { EventRef, Hlc } from "../../agent/kernel/index.ts";

/** Messages of a batch kept one by one. */
export const MAX_SINGLE = 256;
/** Records that one batch may make in all. */
export const MAX_TALLIED = 320;

export interface Message {
  readonly sendT: Hlc;
  readonly receiveT: Hlc;
  readonly send: EventRef;
  readonly receive: EventRef;
  /** The consumer group that received it; absent: none. */
  readonly group?: string;
}

interface Tallied {
  sendT: Hlc;
  receiveT: Hlc;
  send: EventRef;
  receive: EventRef;
  readonly group?: string;
  /** Absent: one. */
  count?: number;
}

export class MessageTally {
  readonly records: Tallied[] = [];
  /** Where the next message of a sender to a group is added. */
  readonly #latest = new Map<string, Tallied>();

  add(message: Message): void {
    if (this.records.length < MAX_SINGLE) {
      this.records.push(message);
      return;
    }
    const from = `${message.group ?? ""}\n${message.send.node}`;
    const latest = this.#latest.get(from);
    if (latest !== undefined && touch(latest, message)) {
      widen(latest, message);
    } else if (this.records.length < MAX_TALLIED) {
      const tallied: Tallied = { ...message };
      this.records.push(tallied);
      this.#latest.set(from, tallied);
    } else {
      widen(latest ?? (this.records.at(-1) as Tallied), message);
    }
  }
}

function touch(a: Message, b: Message): boolean {
  const firstEnd = Math.min(Math.max(a.sendT, a.receiveT), Math.max(b.sendT, b.receiveT));
  const lastStart = Math.max(Math.min(a.sendT, a.receiveT), Math.min(b.sendT, b.receiveT));
  return lastStart <= firstEnd;
}

/** All messages of a tally go the same way in time: from receive to send, or from send to receive. */
function widen(tallied: Tallied, { send, sendT, receive, receiveT }: Message): void {
  const isViolation = tallied.receiveT <= tallied.sendT;
  if (isViolation ? sendT > tallied.sendT : sendT < tallied.sendT) {
    tallied.send = send;
    tallied.sendT = sendT;
  }
  if (isViolation ? receiveT < tallied.receiveT : receiveT > tallied.receiveT) {
    tallied.receive = receive;
    tallied.receiveT = receiveT;
  }
  tallied.count = (tallied.count ?? 1) + 1;
}
