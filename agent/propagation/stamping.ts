/**
 * What every hook does with a message, whatever the transport: which stamp goes onto one that leaves,
 * and what the header of one that arrived means. The hooks only know where headers stand.
 */
import type { Channel } from "../kernel/index.ts";
import { formatCarrier, parseCarrier, readCarrier } from "./carrier.ts";
import type { PeerList } from "./destinations.ts";
import type { MessageRecorder, Stamp } from "./recorder.ts";
import type { RefusedStamps } from "./refused-stamps.ts";
import type { SpentStamps } from "./spent-stamps.ts";

/**
 * A property of this name, true, on an `http.Agent` or a `ClientRequest` keeps the hooks' hands off:
 * nothing is stamped, recorded or counted. For our own shipping, which sets it without importing this
 * folder: `Object.assign(agent, { [Symbol.for("retroscope.untraced")]: true })`.
 */
export const UNTRACED: unique symbol = Symbol.for("retroscope.untraced") as never;

/** What hooks share. */
export interface HookContext {
  readonly recorder: MessageRecorder;
  /** Who may see our header. */
  readonly destinations: PeerList;
  /** Whose header we believe. */
  readonly senders: PeerList;
  /** Stamps of senders that are not believed, for those who see a header but not its sender. */
  readonly refused: RefusedStamps;
  /** Our own stamps that belong to a message already. */
  readonly spent: SpentStamps;
}

/** Whether a header's value, found on a message about to leave, is another's, or none that we can read. */
export function isForeign(recorder: MessageRecorder, present: string): boolean {
  const stamp = parseCarrier(present);
  return stamp === undefined || recorder.freshness(stamp) === "foreign";
}

/** A message that left with a stamp. */
export interface StampedMessage {
  readonly stamp: Stamp;
  readonly text: string;
  readonly peer: string | null;
  /** The stamp stood there already and was kept: its send is not ours to call failed. */
  readonly kept: boolean;
  /** Its fate is known: answered, or called failed. */
  settled: boolean;
}

/**
 * The stamp for a message about to leave; null when the agent is off.
 * @param present the header's value where the message has one already
 * @param spent a stamp in there belongs to another message; left out where that is not known
 * @param leaves whether the message leaves for good behind the caller: what is kept is spent then. false for those
 *   who hand messages on
 */
export function stampMessage(
  recorder: MessageRecorder,
  channel: Channel,
  peer: string | null,
  streamed: boolean,
  present: string | undefined,
  spent?: SpentStamps,
  leaves: boolean = true,
): StampedMessage | null {
  let replaces: number | null = null;
  if (present !== undefined) {
    const stamp = parseCarrier(present);
    const freshness =
      stamp === undefined || spent?.has(stamp) === true ? "foreign" : recorder.freshness(stamp);
    if (stamp !== undefined && freshness === "fresh") {
      if (leaves) spent?.add(stamp);
      return { stamp, text: formatCarrier(stamp), peer, kept: true, settled: false };
    }
    if (stamp !== undefined && freshness === "stale") replaces = stamp.seq;
  }
  const stamp = recorder.send(channel, peer, streamed, replaces);
  if (stamp === null) return null;
  return { stamp, text: formatCarrier(stamp), peer, kept: false, settled: false };
}

/** Records that `message` is known not to have gone out; once. */
export function failMessage(
  recorder: MessageRecorder,
  channel: Channel,
  message: StampedMessage,
): void {
  if (message.settled) return;
  message.settled = true;
  if (!message.kept) recorder.sendFailed(message.stamp, channel, message.peer);
}

/** One of our own that came back has spent its stamp: whoever forwards it with its headers sends another message. */
export function spendOwn(
  { recorder, spent }: Pick<HookContext, "recorder" | "spent">,
  stamp: Stamp,
): void {
  if (recorder.freshness(stamp) !== "foreign") spent.add(stamp);
}

/**
 * Merges and records a message that arrived.
 * @param values the values of its header, none: it had none
 * @param peer the sender with port, for the event
 * @param countedAs the sender without port, for the counters
 * @param group the consumer group it came to, if any
 * @returns the stamp it carried, if a valid one
 */
export function receiveMessage(
  context: HookContext,
  channel: Channel,
  values: string | readonly string[] | undefined,
  peer: string | null,
  countedAs: string,
  group?: string,
): Stamp | undefined {
  const { recorder } = context;
  if (values === undefined) {
    recorder.unstamped(countedAs, "in");
    return undefined;
  }
  const { stamp, malformedCount } = readCarrier(values);
  for (let i = 0; i < malformedCount; i += 1) recorder.malformed(countedAs);
  if (stamp === undefined) {
    recorder.unstamped(countedAs, "in");
    return undefined;
  }
  recorder.receive(stamp, channel, peer, false, group);
  spendOwn(context, stamp);
  return stamp;
}

/** `host:port`, IPv6 in brackets; IPv4 in its plain form. */
export function peerAddress(host: string, port: number | undefined): string {
  const plain = plainHost(host);
  const bracketed = plain.includes(":") && !plain.startsWith("[") ? `[${plain}]` : plain;
  return port === undefined ? bracketed : `${bracketed}:${port}`;
}

/** `::ffff:127.0.0.1`, as sockets of both families say it, is `127.0.0.1`. */
export function plainHost(host: string): string {
  return host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
}
