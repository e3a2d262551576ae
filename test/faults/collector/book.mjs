/**
 * What one node recorded, sent and was acknowledged, by its own account; no collector sees it. What an
 * event is follows from its node and seq, so contents need not be kept:
 *
 *     seq 1                    join
 *     after a dropped range    keyframe: the state of the log after all events before it
 *     every 31st               a mark, some of 6 kB: records of more than a page
 *     all others               set  v(seq mod KEYS) = value(node, seq)
 *
 * Event `seq` has the time `start + seq * STEP`, a few hundred to a millisecond.
 */
import { ticksOfHex } from "../agent/stamps.mjs";

export const LOG = "load";
export const KEYS = 40;
export const EPOCH = 217_000_000_000;
const STEP = 7;
const MARK_EVERY = 31;
const LONG_MARK_EVERY = 8;
const LONG_MARK_CHARS = 6_000;

export class Book {
  node;
  index;
  start;
  /** Highest seq ever sent or dropped. */
  recorded = 0;
  /** All up to here are acknowledged. */
  acknowledged = 0;
  /** Ranges that were never sent: { first, last }, ascending. */
  drops = [];
  /** When which seq was acknowledged: { atMs, seq }, Unix ms with fractions. */
  acks = [];
  repeatedCount = 0;
  #keyframes = new Set();

  constructor({ node, index, start }) {
    Object.assign(this, { node, index, start });
  }

  timeOf(seq) {
    return this.start + seq * STEP;
  }

  /** The last seq at or before t. */
  seqAt(t) {
    return Math.floor((t - this.start) / STEP);
  }

  /** Never sent: what an agent gives up. A keyframe follows it at once. */
  drop(first, last) {
    this.drops.push({ first, last });
    this.#keyframes.add(last + 1);
    this.recorded = last + 1;
  }

  /** The dropped range that a seq lies in, or the first after it. */
  dropFrom(seq) {
    let low = 0;
    let high = this.drops.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.drops[middle].last < seq) low = middle + 1;
      else high = middle;
    }
    return this.drops[low];
  }

  isDropped(seq) {
    return (this.dropFrom(seq)?.first ?? Number.POSITIVE_INFINITY) <= seq;
  }

  kindOf(seq) {
    if (seq === 1) return "join";
    if (this.#keyframes.has(seq)) return "keyframe";
    return seq % MARK_EVERY === 0 ? "mark" : "set";
  }

  markOf(seq) {
    const text = `${this.node} mark ${seq}`;
    const isLong = seq % (MARK_EVERY * LONG_MARK_EVERY) === 0;
    return isLong ? text.padEnd(LONG_MARK_CHARS, String(seq)) : text;
  }

  keyOf(seq) {
    return `v${seq % KEYS}`;
  }

  valueOf(seq) {
    return this.index * 1_000_000_000 + seq;
  }

  /** The state after event `seq`. */
  stateAt(seq) {
    const state = {};
    // A key may be hit by marks and drops for a while: go back until all are found.
    let missing = KEYS;
    for (let at = seq; at > 1 && missing > 0; at -= 1) {
      const key = this.keyOf(at);
      if (state[key] !== undefined || this.isDropped(at) || this.kindOf(at) !== "set") continue;
      state[key] = this.valueOf(at);
      missing -= 1;
    }
    return state;
  }

  /** Whether an event, as the API gives it, is the one that was recorded. */
  isOurs(event) {
    const { seq, kind } = event;
    if (seq > this.recorded || this.isDropped(seq) || event.epoch !== EPOCH) return false;
    if (ticksOfHex(event.t.hlc) !== this.timeOf(seq) || kind !== this.kindOf(seq)) return false;
    if (kind === "mark") return event.text === this.markOf(seq);
    if (kind === "set")
      return (
        event.log === LOG && event.key === this.keyOf(seq) && event.value === this.valueOf(seq)
      );
    if (kind === "keyframe") return isSameState(event.state, this.stateAt(seq));
    return true;
  }
}

export function isSameState(a, b) {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
