/** Messages in flight by channel: the channel with the oldest message first, oldest first inside it. */
import type { CutJson } from "../../../collector/api/shapes.ts";
import { byName } from "./nodes.ts";

export type FlightMessage = CutJson["inFlight"][number];

export interface FlightChannel {
  readonly from: string;
  /** A node, or the address of an unknown receiver. */
  readonly to: string;
  readonly messages: readonly FlightMessage[];
  /** Of all its messages, also those beyond the limit. */
  readonly count: number;
}

/** The oldest `limit` messages, by channel; `count` tells of all. */
export function flightChannels(
  inFlight: readonly FlightMessage[],
  limit: number,
): readonly FlightChannel[] {
  const channels = new Map<string, { from: string; to: string; messages: FlightMessage[] }>();
  for (const message of [...inFlight].sort(olderFirst)) {
    const to = message.to ?? message.peer ?? "unknown";
    const name = JSON.stringify([message.from, to]);
    const channel = channels.get(name);
    if (channel === undefined) channels.set(name, { from: message.from, to, messages: [message] });
    else channel.messages.push(message);
  }
  // In the order of their first message, which is that of their oldest.
  let room = limit;
  return [...channels.values()].flatMap(({ from, to, messages }) => {
    const shown = messages.slice(0, Math.max(0, room));
    room -= shown.length;
    return shown.length === 0 ? [] : [{ from, to, messages: shown, count: messages.length }];
  });
}

function olderFirst(a: FlightMessage, b: FlightMessage): number {
  const [one, two] = [a.sentAt.hlc, b.sentAt.hlc];
  return one < two ? -1 : one > two ? 1 : byName(a.from, b.from) || (a.id < b.id ? -1 : 1);
}

/** The send event that an id of our own names; a foreign id has only a time. */
export function sendNamed(
  message: FlightMessage,
): { readonly node: string; readonly epoch: number; readonly seq: number } | undefined {
  const name = /^(.+)\/(\d{1,16})\/(\d{1,16})$/s.exec(message.id);
  if (name === null || name[1] !== message.from) return undefined;
  return { node: message.from, epoch: Number(name[2]), seq: Number(name[3]) };
}
