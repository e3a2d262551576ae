/**
 * The agent as the message hooks see it: clock, window and feed behind the recorder port. Also what
 * `agent.stamp` and `agent.merge` use.
 *
 * Everything kept per peer is bounded: past MAX_PEERS, peers share the entry "others".
 */
import {
  type Channel,
  type Hlc,
  isHlc,
  KindCode,
  type SendEvent,
  TICKS_PER_MS,
  type UnstampedChannel,
} from "./kernel/index.ts";
import type {
  Freshness,
  MessageRecorder,
  Stamp,
  UnstampedDirection,
} from "./propagation/recorder.ts";
import { RecentReceives } from "./recent-receives.ts";
import type { EventFeed } from "./state/event-feed.ts";
import type { Recording } from "./state/recording.ts";
import { takeName } from "./state/texts.ts";

const MAX_PEERS = 64;
const OTHERS = "others";
/** Memory of a send, and of a receive with the numbers that it keeps in boxes, beside their texts. */
const SEND_BYTES = 96;
const RECEIVE_BYTES = 208;

const TEXT_BYTES = 24;

type SendBody = Omit<SendEvent, "seq" | "t">;

export class AgentMessages implements MessageRecorder {
  readonly #recording: Recording;
  readonly #feed: EventFeed;
  readonly #recent = new RecentReceives();
  readonly #unstamped = new Map<
    string,
    { peer: string; direction: UnstampedDirection; count: number }
  >();
  readonly #malformed = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #say: (kind: string, message: string) => void;

  /** @param say tells a person; it bounds how often */
  constructor(
    recording: Recording,
    feed: EventFeed,
    say: (kind: string, message: string) => void = () => undefined,
  ) {
    this.#recording = recording;
    this.#feed = feed;
    this.#say = say;
  }

  /** Messages that travelled without our stamp, most first. */
  get unstampedChannels(): readonly UnstampedChannel[] {
    return [...this.#unstamped.values()].sort((a, b) => b.count - a.count);
  }

  /** Stamps beyond the gate, by the node that they name: whose clock is to be set. */
  get refusedCounts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refused);
  }

  /** Headers that could not be read, by peer. */
  get malformedCounts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#malformed);
  }

  send(
    channel: Channel,
    peer: string | null,
    streamed: boolean,
    replaces: number | null,
  ): Stamp | null {
    const { guard, clock, window } = this.#recording;
    if (guard.isOff) return null;
    try {
      const seq = this.#feed.seqOf(window.nextIndex);
      const t = clock.now();
      const body = sendBody(channel, peer, streamed, replaces, false);
      this.#recording.body(t, body, SEND_BYTES + textBytes(channel, peer, null), false);
      return { node: this.#feed.node, epoch: this.#feed.epoch, seq, t };
    } catch (error) {
      guard.caught(error, "stamping");
      return null;
    }
  }

  sendFailed(sent: Stamp, channel: Channel, peer: string | null): void {
    const { guard, clock } = this.#recording;
    // A send of an epoch that was left cannot be named from this one: it counts as in flight for a while.
    if (guard.isOff || sent.epoch !== this.#feed.epoch || sent.node !== this.#feed.node) return;
    try {
      const body = sendBody(channel, peer, false, sent.seq, true);
      const bytes = SEND_BYTES + textBytes(channel, peer, null);
      this.#recording.body(clock.now(), body, bytes, true);
    } catch (error) {
      guard.caught(error, "recording a failed send");
    }
  }

  receive(
    stamp: Stamp | null,
    channel: Channel,
    peer: string | null,
    relayed: boolean,
    group?: string,
  ): Hlc | null {
    const { guard, clock } = this.#recording;
    if (guard.isOff) return null;
    try {
      if (stamp === null || !isHlc(stamp.t)) {
        return this.#recordReceive(clock.now(), null, channel, peer, relayed, false);
      }
      const t = clock.receive(stamp.t);
      const unverified = !clock.lastReceiveMerged;
      if (unverified) this.#refuse(stamp, t);
      if (this.#recent.isRepeated(stamp, group)) return t;
      return this.#recordReceive(t, stamp, channel, peer, relayed, unverified);
    } catch (error) {
      guard.caught(error, "merging");
      return null;
    }
  }

  /**
   * HAZARD: anybody can write our name on a stamp. One that was kept with a time of its own making would let
   * its receiver be earlier than what we did before. So ours is what names a send in the window, by its time too.
   */
  freshness(stamp: Stamp): Freshness {
    const { epoch, node } = this.#feed;
    if (stamp.epoch !== epoch || stamp.node !== node) return "foreign";
    const { window, lastShapingIndex } = this.#recording;
    const index = this.#feed.indexOf(stamp.seq);
    if (index < window.firstIndex || index >= window.nextIndex) return "foreign";
    const chunk = window.chunkOf(index);
    const at = index - chunk.firstIndex;
    if (chunk.kind[at] !== KindCode.send || chunk.t[at] !== stamp.t) return "foreign";
    return index > lastShapingIndex ? "fresh" : "stale";
  }

  unstamped(peer: string, direction: UnstampedDirection): void {
    let key = `${direction} ${peer}`;
    let name = takeName(peer);
    if (!this.#unstamped.has(key) && this.#unstamped.size >= MAX_PEERS) {
      key = `${direction} ${OTHERS}`;
      name = OTHERS;
    }
    const known = this.#unstamped.get(key);
    if (known === undefined) this.#unstamped.set(key, { peer: name, direction, count: 1 });
    else known.count += 1;
  }

  malformed(peer: string): void {
    countIn(this.#malformed, peer);
  }

  /** @param t of the receive, which is no earlier than physical time */
  #refuse(stamp: Stamp, t: Hlc): void {
    countIn(this.#refused, stamp.node);
    const aheadMs = Math.round((stamp.t - t) / TICKS_PER_MS);
    this.#say(
      "drift",
      `a stamp of ${stamp.node}, ${aheadMs} ms ahead of this clock, was not believed (maxDriftMs); check the clocks`,
    );
  }

  #recordReceive(
    t: Hlc,
    stamp: Stamp | null,
    channel: Channel,
    peer: string | null,
    relayed: boolean,
    unverified: boolean,
  ): Hlc {
    const from = stamp === null ? null : { node: stamp.node, epoch: stamp.epoch, seq: stamp.seq };
    this.#recording.body(
      t,
      {
        kind: "receive",
        channel: takeName(channel),
        from,
        sentT: stamp === null ? null : stamp.t,
        peer: peer === null ? null : takeName(peer),
        id: null,
        unverified,
        relayed,
      },
      RECEIVE_BYTES + textBytes(channel, peer, stamp),
      true,
    );
    return t;
  }
}

function sendBody(
  channel: Channel,
  peer: string | null,
  streamed: boolean,
  replaces: number | null,
  failed: boolean,
): SendBody {
  return {
    kind: "send",
    channel: takeName(channel),
    to: null,
    peer: peer === null ? null : takeName(peer),
    id: null,
    replaces,
    failed,
    streamed,
  };
}

/** Memory of a message's texts: at most two bytes a character, and what each takes beside. */
function textBytes(channel: Channel, peer: string | null, stamp: Stamp | null): number {
  const characters = channel.length + (peer?.length ?? 0) + (stamp?.node.length ?? 0);
  return 2 * characters + 3 * TEXT_BYTES;
}

function countIn(counts: Map<string, number>, peer: string): void {
  const name = counts.has(peer) || counts.size < MAX_PEERS ? takeName(peer) : OTHERS;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
