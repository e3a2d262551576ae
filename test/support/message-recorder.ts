/**
 * A small real recorder: the agent's rules for messages over an `HlcClock`, with the events kept in an
 * array. Also what tests read: who sent what to whom.
 */
import {
  type Channel,
  type EventRef,
  type Hlc,
  HlcClock,
  type HlcClockOptions,
  type PhysicalClock,
} from "../../agent/kernel/index.ts";
import type {
  Freshness,
  MessageRecorder,
  Stamp,
  UnstampedDirection,
} from "../../agent/propagation/recorder.ts";

export interface RecordedSend {
  readonly kind: "send";
  readonly seq: number;
  readonly t: Hlc;
  readonly channel: Channel;
  readonly peer: string | null;
  readonly streamed: boolean;
  readonly replaces: number | null;
  readonly failed: boolean;
}

export interface RecordedReceive {
  readonly kind: "receive";
  readonly seq: number;
  readonly t: Hlc;
  readonly channel: Channel;
  readonly peer: string | null;
  readonly from: EventRef | null;
  readonly sentT: Hlc | null;
  readonly unverified: boolean;
}

export interface RecordedChange {
  readonly kind: "set";
  readonly seq: number;
  readonly t: Hlc;
}

export type Recorded = RecordedSend | RecordedReceive | RecordedChange;

export class ArrayRecorder implements MessageRecorder {
  readonly events: Recorded[] = [];
  /** `in 127.0.0.1` or `out cart:80`, to a count. */
  readonly unstampedCounts = new Map<string, number>();
  readonly malformedCounts = new Map<string, number>();
  readonly node: string;
  readonly epoch: number;
  isOn = true;
  readonly #clock: HlcClock;
  #seq = 0;
  #lastShapingSeq = 0;

  constructor(node: string, epoch: number, physical: PhysicalClock, options: HlcClockOptions = {}) {
    this.node = node;
    this.epoch = epoch;
    this.#clock = new HlcClock(physical, options);
  }

  get sends(): readonly RecordedSend[] {
    return this.events.filter((event) => event.kind === "send");
  }

  get receives(): readonly RecordedReceive[] {
    return this.events.filter((event) => event.kind === "receive");
  }

  /** The latest stamp issued. */
  get last(): Hlc {
    return this.#clock.last;
  }

  /** A state change, as far as messages care. */
  change(): Hlc {
    return this.#append((seq, t) => ({ kind: "set", seq, t }), this.#clock.change(), true);
  }

  send(
    channel: Channel,
    peer: string | null,
    streamed: boolean,
    replaces: number | null,
  ): Stamp | null {
    if (!this.isOn) return null;
    const t = this.#append(
      (seq, at) => ({ kind: "send", seq, t: at, channel, peer, streamed, replaces, failed: false }),
      this.#clock.now(),
      false,
    );
    return { t, epoch: this.epoch, seq: this.#seq, node: this.node };
  }

  sendFailed(sent: Stamp, channel: Channel, peer: string | null): void {
    this.#append(
      (seq, t) => ({
        kind: "send",
        seq,
        t,
        channel,
        peer,
        streamed: false,
        replaces: sent.seq,
        failed: true,
      }),
      this.#clock.now(),
      true,
    );
  }

  receive(stamp: Stamp | null, channel: Channel, peer: string | null): Hlc | null {
    if (!this.isOn) return null;
    const at = stamp === null ? this.#clock.now() : this.#clock.receive(stamp.t);
    const unverified = stamp !== null && !this.#clock.lastReceiveMerged;
    return this.#append(
      (seq, t) => ({
        kind: "receive",
        seq,
        t,
        channel,
        peer,
        from: stamp === null ? null : { node: stamp.node, epoch: stamp.epoch, seq: stamp.seq },
        sentT: stamp === null ? null : stamp.t,
        unverified,
      }),
      at,
      true,
    );
  }

  freshness(stamp: Stamp): Freshness {
    if (stamp.node !== this.node || stamp.epoch !== this.epoch) return "foreign";
    return stamp.seq > this.#lastShapingSeq ? "fresh" : "stale";
  }

  unstamped(peer: string, direction: UnstampedDirection): void {
    const key = `${direction} ${peer}`;
    this.unstampedCounts.set(key, (this.unstampedCounts.get(key) ?? 0) + 1);
  }

  malformed(peer: string): void {
    this.malformedCounts.set(peer, (this.malformedCounts.get(peer) ?? 0) + 1);
  }

  #append(make: (seq: number, t: Hlc) => Recorded, t: Hlc, shapes: boolean): Hlc {
    this.#seq += 1;
    if (shapes) this.#lastShapingSeq = this.#seq;
    this.events.push(make(this.#seq, t));
    return t;
  }
}
