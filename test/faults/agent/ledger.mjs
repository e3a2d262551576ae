/**
 * What really happened, by the account of whoever made it happen: kept by the run, never opened by a
 * tested process. A host writes a line before each burst of changes and one after it, through a pipe.
 *
 *     b 101 20                     about to set values 101 .. 120
 *     e 101 20 firstT lastT        did; the first and the last stamp that the calls returned
 *
 * Value n is set to variable `k(n mod keys)` of the log `load`, so values need not be kept. A host that is
 * killed inside a burst leaves it open: its values may be anywhere after the line.
 */
export const LOAD_LOG = "load";

/** One run of one process. */
export class Life {
  name;
  keys;
  firstN;
  /** Of all epochs: { node, epoch, afterN }, in order. */
  epochs = [];
  bursts = [];
  /** Begun and not ended. */
  open;
  /** Not those of bursts: marks, values of other logs. */
  extraCount = 0;
  /** The last word of its agent about itself. */
  stats;
  isKilled = false;
  isEnded = false;
  /** Far ahead of physical time, changes in a row share a stamp as one commit would (reliability.md 6.5). */
  mayShare = false;
  /** Without a disk a restart may be earlier than what was before: its times say nothing about order. */
  isOutOfOrder = false;
  /** Its agent was given broken ports: it may be off, and what it says of itself is only printed. */
  isBroken = false;
  /** Nothing but bursts changes its state. */
  isPlain = true;
  /** Stamps that did not rise. */
  fallCount = 0;

  constructor({ name, keys, firstN }) {
    Object.assign(this, { name, keys, firstN });
  }

  get node() {
    return this.epochs.at(-1)?.node;
  }

  get lastN() {
    const last = this.bursts.at(-1);
    return last === undefined ? this.firstN - 1 : last.first + last.count - 1;
  }

  get changeCount() {
    return this.bursts.reduce((sum, { count }) => sum + count, 0);
  }

  begin(first, count) {
    this.open = { first, count };
  }

  end(first, count, firstT, lastT) {
    this.open = undefined;
    const before = this.bursts.at(-1);
    const isRisen = before === undefined || firstT > before.lastT;
    if (!isRisen && !(this.mayShare && firstT === before.lastT)) this.fallCount += 1;
    if (lastT < firstT) this.fallCount += 1;
    this.bursts.push({ first, count, firstT, lastT });
  }

  /** The burst that set value n. */
  burstOf(n) {
    let low = 0;
    let high = this.bursts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { first, count } = this.bursts[middle];
      if (n < first) high = middle;
      else if (n >= first + count) low = middle + 1;
      else return this.bursts[middle];
    }
    return undefined;
  }

  /** The state of the load log at t: variable -> value; "uncertain" inside a burst, undefined before the first. */
  stateAt(t) {
    let low = 0;
    let high = this.bursts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.bursts[middle].firstT <= t) low = middle + 1;
      else high = middle;
    }
    const burst = this.bursts[low - 1];
    if (burst === undefined) return undefined;
    if (t < burst.lastT) return "uncertain";
    const isOpen = this.open !== undefined && low === this.bursts.length;
    if (isOpen && t > burst.lastT) return "uncertain";
    const lastN = burst.first + burst.count - 1;
    const state = new Map();
    for (let n = Math.max(this.firstN, lastN - this.keys + 1); n <= lastN; n += 1)
      state.set(`k${n % this.keys}`, n);
    return state;
  }
}

export class Ledger {
  lives = [];
  /** `node/epoch` -> ranges [first, last] that some reply of the collector acknowledged. */
  acked = new Map();

  newLife(options) {
    const life = new Life(options);
    this.lives.push(life);
    return life;
  }

  acknowledged = (acks) => {
    for (const ack of acks) {
      if (ack.conflict === true || !(ack.lastSeq >= ack.firstSeq)) continue;
      const name = `${ack.node}/${ack.epoch}`;
      const ranges = this.acked.get(name) ?? [];
      ranges.push([ack.firstSeq, ack.lastSeq]);
      this.acked.set(name, ranges);
    }
  };

  livesOf(node) {
    return this.lives.filter((life) => life.epochs.some((epoch) => epoch.node === node));
  }

  get nodes() {
    return [...new Set(this.lives.flatMap((life) => life.epochs.map(({ node }) => node)))];
  }
}
