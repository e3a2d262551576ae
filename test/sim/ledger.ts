/**
 * What really happened, by the simulator's own account: every event with (node, epoch, seq, t, value),
 * every message with who sent and who received it, vector clocks, and every acknowledgement that left the
 * collector. The tested code never sees it, and it takes nothing from the tested code but what any user
 * of the agent gets: the stamps that calls return, the headers of messages, the count of events recorded.
 *
 * Joins, keyframes and goodbyes are the agent's own events: the ledger knows their seqs, not their times.
 *
 *     process    |-- epoch e1 --------------|-- epoch e2 (asked to rejoin) -------|  end
 *     known        hello  set  set  send      hello  set ...
 *                | join is here somewhere   | so is that of e2: until its first known event, uncertain
 */

/** A value as text, the same for equal values; sets begin with `S`. `undefined`: there is none. */
export type ValueText = string | undefined;

/** A value that the agent may have cut short: anything is right. */
export const ANY_VALUE = "*";

export interface KnownEvent {
  readonly t: number;
  readonly kind: string;
  readonly log?: string;
  readonly key?: string;
  readonly text?: ValueText;
  /** Of a receive: the message. */
  readonly message?: Message | undefined;
}

export interface Receive {
  readonly epoch: EpochLedger;
  readonly seq: number;
  readonly t: number;
  /** It says of its send what is not true: how long the message took cannot be known from it. */
  readonly isForged?: boolean;
}

export interface Message {
  readonly epoch: EpochLedger;
  readonly seq: number;
  readonly t: number;
  readonly id: string;
  readonly header: string;
  /** The sender's vector clock, by process, the send included. */
  readonly vector: readonly number[];
  /** A forged stamp: the send is not what it says. */
  readonly forgedT?: number;
  readonly receives: Receive[];
}

export class EpochLedger {
  readonly node: string;
  readonly epoch: number;
  readonly process: ProcessLedger;
  /** Events of the process that were recorded before this epoch. */
  readonly base: number;
  /** The join is later than this ... */
  readonly uncertainFrom: number;
  /** ... and earlier than this. */
  readonly firstKnownT: number;
  readonly known = new Map<number, KnownEvent>();
  /** Virtual time at which each known event was made: nothing can have come before. */
  readonly madeMs = new Map<number, number>();
  /** Seqs created so far, the agent's own included. */
  createdCount = 0;
  /** Seqs up to this must be stored or declared lost: a flush said so after all faults had stopped. */
  drainedCount = 0;
  /** A twin that began in the same millisecond has the same number: which of the two is meant nobody can say. */
  isDouble = false;
  /** The goodbye lies in (leftAfter, leftBefore). */
  leftAfter = Number.POSITIVE_INFINITY;
  leftBefore = Number.POSITIVE_INFINITY;
  ackedCount = 0;
  lastReceivedMs = 0;
  #acked = new Uint8Array(256);
  readonly #receivedMs = new Map<number, number>();

  constructor(
    node: string,
    epoch: number,
    process: ProcessLedger,
    base: number,
    uncertainFrom: number,
    firstKnownT: number,
  ) {
    this.node = node;
    this.epoch = epoch;
    this.process = process;
    this.base = base;
    this.uncertainFrom = uncertainFrom;
    this.firstKnownT = firstKnownT;
  }

  /** `receivedMs`: when the request came that was answered so. The first answer counts. */
  acknowledge(firstSeq: number, lastSeq: number, receivedMs: number): void {
    if (lastSeq >= this.#acked.length) {
      const longer = new Uint8Array(2 * (lastSeq + 1));
      longer.set(this.#acked);
      this.#acked = longer;
    }
    for (let seq = firstSeq; seq <= lastSeq; seq += 1) {
      this.ackedCount += 1 - (this.#acked[seq] as number);
      this.lastReceivedMs = Math.max(this.lastReceivedMs, receivedMs);
      if (!this.#receivedMs.has(seq)) this.#receivedMs.set(seq, receivedMs);
      this.#acked[seq] = 1;
    }
  }

  /** Virtual time at which the event came to the collector; undefined: nobody knows. */
  receivedMs(seq: number): number | undefined {
    return this.#receivedMs.get(seq);
  }

  /** The longest time without anything that was acknowledged later, or will be. */
  longestSilenceMs(nowMs: number): number {
    const times = [...new Set(this.#receivedMs.values()), nowMs].sort((a, b) => a - b);
    return times.reduce((most, ms, i) => Math.max(most, ms - (times[i - 1] ?? ms)), 0);
  }

  /** Whether it was silent for so long that all of it may have been forgotten, and then came again. */
  mayHaveComeAgain(retentionMs: number): boolean {
    return this.longestSilenceMs(this.lastReceivedMs) >= 2 * retentionMs;
  }

  isAcked(seq: number): boolean {
    return this.#acked[seq] === 1;
  }
}

/** One run of one process, which may have several epochs. */
export class ProcessLedger {
  readonly index: number;
  readonly epochs: EpochLedger[] = [];
  /** Events that its agent says it lost, so far: what any user of the agent can ask. */
  droppedCount: () => number = () => 0;
  /** Times of the known events, and which they were. */
  readonly times: number[] = [];
  readonly places: { readonly epoch: EpochLedger; readonly seq: number }[] = [];
  /** By `log NUL key`: when it changed, and to what. */
  readonly versions = new Map<string, { readonly t: number[]; readonly text: ValueText[] }>();
  /** What it knows of the others after so many of its own events. */
  readonly vectors: { readonly count: number; readonly vector: readonly number[] }[] = [];
  isEnded = false;

  readonly #nowMs: () => number;

  constructor(index: number, nowMs: () => number) {
    this.index = index;
    this.#nowMs = nowMs;
  }

  /** Known events with a time of at most `t`. */
  countAt(t: number): number {
    return upperBound(this.times, t);
  }

  vectorAt(count: number): readonly number[] {
    let found: readonly number[] = [];
    for (let low = 0, high = this.vectors.length; low < high; ) {
      const middle = (low + high) >> 1;
      const one = this.vectors[middle];
      if (one !== undefined && one.count <= count) {
        found = one.vector;
        low = middle + 1;
      } else high = middle;
    }
    return found;
  }

  valueAt(variable: string, t: number): ValueText {
    const versions = this.versions.get(variable);
    return versions?.text[upperBound(versions.t, t) - 1];
  }

  note(epoch: EpochLedger, seq: number, event: KnownEvent): void {
    epoch.known.set(seq, event);
    epoch.madeMs.set(seq, this.#nowMs());
    this.times.push(event.t);
    this.places.push({ epoch, seq });
    if (event.log === undefined) return;
    const variable = `${event.log}\0${event.key}`;
    let versions = this.versions.get(variable);
    if (versions === undefined) {
      versions = { t: [], text: [] };
      this.versions.set(variable, versions);
    }
    versions.t.push(event.t);
    versions.text.push(event.text);
  }

  /** What it learnt from a message. */
  learn(vector: readonly number[]): void {
    const before = this.vectors.at(-1)?.vector ?? [];
    const merged = Array.from({ length: Math.max(before.length, vector.length) }, (_, i) =>
      Math.max(before[i] ?? 0, vector[i] ?? 0),
    );
    this.vectors.push({ count: this.times.length, vector: merged });
  }

  get vector(): readonly number[] {
    const vector = [...(this.vectors.at(-1)?.vector ?? [])];
    while (vector.length <= this.index) vector.push(0);
    vector[this.index] = this.times.length;
    return vector;
  }
}

export class Ledger {
  readonly processes: ProcessLedger[] = [];
  readonly epochs = new Map<string, EpochLedger>();
  /** By node id, in order of first known event. */
  readonly byNode = new Map<string, EpochLedger[]>();
  readonly messages: Message[] = [];
  readonly messageById = new Map<string, Message>();
  /** Receives not later than what their message says of its send. */
  readonly violating: { readonly message: Message; readonly receive: Receive }[] = [];

  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  newProcess(): ProcessLedger {
    const process = new ProcessLedger(this.processes.length, this.#nowMs);
    this.processes.push(process);
    return process;
  }

  addEpoch(epoch: EpochLedger): void {
    const name = `${epoch.node}/${epoch.epoch}`;
    const twin = this.epochs.get(name);
    if (twin !== undefined) {
      twin.isDouble = true;
      epoch.isDouble = true;
    }
    this.epochs.set(name, epoch);
    epoch.process.epochs.push(epoch);
    const list = this.byNode.get(epoch.node) ?? [];
    list.push(epoch);
    list.sort((a, b) => a.firstKnownT - b.firstKnownT || a.epoch - b.epoch);
    this.byNode.set(epoch.node, list);
  }

  /** Logs that the node's run at `t` had changed by then. */
  logsAt(node: string, t: number): string[] {
    const latest = this.byNode.get(node)?.findLast(({ firstKnownT }) => firstKnownT <= t);
    const names = new Set<string>();
    for (const [variable, versions] of latest?.process.versions ?? []) {
      if ((versions.t[0] as number) <= t) names.add(variable.split("\0")[0] as string);
    }
    return [...names];
  }

  /** Whether two processes under the node's id have events side by side that touch (from, to]. */
  isContended(node: string, from: number, to: number): boolean {
    const epochs = this.byNode.get(node) ?? [];
    return epochs.some(({ process, firstKnownT }) =>
      epochs.some((later) => {
        const last = process.times.at(-1) ?? firstKnownT;
        const isSideBySide = later.firstKnownT >= firstKnownT && later.uncertainFrom < last;
        return later.process !== process && isSideBySide && last > from && later.uncertainFrom < to;
      }),
    );
  }

  addMessage(message: Message): void {
    this.messages.push(message);
    this.messageById.set(message.id, message);
  }

  addReceive(message: Message, receive: Receive): void {
    message.receives.push(receive);
    if (receive.t <= (message.forgedT ?? message.t)) this.violating.push({ message, receive });
  }
}

/** How many of the rising numbers are at most `t`. */
export function upperBound(numbers: readonly number[], t: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}
