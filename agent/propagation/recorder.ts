/**
 * The recorder port: what the hooks need of the agent, and all they know of it. message-recorder.ts
 * implements it over the clock and the window; tests over a bare clock.
 *
 *     hook: header about to be serialised   ->  send(...)     = the stamp to write
 *     hook: head of a message arrived       ->  receive(...)  before any code of the user runs
 *
 * Promises of every implementation:
 * - nothing here throws, waits, or keeps the arguments' objects alive;
 * - stamping and appending the event are one synchronous step, so that what is written into the header
 *   names an event that exists;
 * - everything kept per peer is bounded: past the bound, peers share one last entry.
 */
import type { Channel, EventRef, Hlc } from "../kernel/index.ts";

/** What a header carries: the send event's name and its stamp. Written and read by carrier.ts. */
export interface Stamp extends EventRef {
  readonly t: Hlc;
}

/**
 * What a stamp found on an outgoing message is to this node:
 * - `foreign`: another node's or another epoch's (a proxy copied the headers), or one that only looks like ours
 *   (forged, or of a send that the window has forgotten): write our own instead;
 * - `stale`: this epoch's, but a state, receive, request or failed-send event was recorded since, which
 *   may have shaped the message: write a new one that `replaces` it;
 * - `fresh`: this epoch's latest but for other sends: keep it.
 */
export type Freshness = "foreign" | "stale" | "fresh";

/** `in`: messages came without our header; `out`: they went to a peer that must not see it. */
export type UnstampedDirection = "in" | "out";

export interface MessageRecorder {
  /**
   * Records that a message is about to leave, and returns the stamp to write on it; null when the
   * agent is off, and then nothing is written.
   * @param peer the receiver's address as the sender sees it (`127.0.0.1:8080`, `cart:80`), else null
   * @param streamed chunks of the body will be written after the head, and the stamp covers none of them
   * @param replaces seq of this epoch's earlier send that this one stands for, else null
   */
  send(
    channel: Channel,
    peer: string | null,
    streamed: boolean,
    replaces: number | null,
  ): Stamp | null;

  /**
   * Says that the message of a `send` is known not to have arrived anywhere: refused connection, or
   * given up before a reply. Recorded as a failed send that `replaces` it. At most once per send.
   */
  sendFailed(sent: Stamp, channel: Channel, peer: string | null): void;

  /**
   * Merges a message's stamp and records its arrival; returns the receive's own time, null when the
   * agent is off. A stamp beyond the gate is not merged: the event is recorded as `unverified`. A stamp
   * that is among the last 256 received is merged again but not recorded again.
   * @param stamp null: the message came without a valid one; recorded, and nothing is merged
   * @param peer the sender's address (`127.0.0.1:54321`), else null
   * @param relayed it came through a third party: merged for time, but it makes no edge
   * @param group the consumer group it came to, where there are such: each group receives a message for
   *   itself, so that it is repeated only within its group, or where another hook named none
   */
  receive(
    stamp: Stamp | null,
    channel: Channel,
    peer: string | null,
    relayed: boolean,
    group?: string,
  ): Hlc | null;

  /** What `stamp`, found on a message that is about to leave, is to this node now. */
  freshness(stamp: Stamp): Freshness;

  /** Counts a message that travelled without our stamp. `peer` without the port of a caller. */
  unstamped(peer: string, direction: UnstampedDirection): void;

  /** Counts a header that is malformed or of an unknown version. The message is delivered all the same. */
  malformed(peer: string): void;
}
