/** The messages of several tiles, each once; see merge-tiles.ts for the rule. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import { type MessageFacts, NOBODY, type SendColumns } from "../model/timeline-facts.ts";
import { NodePlaces } from "./node-places.ts";
import type { Tile } from "./tile.ts";

/** Part of a tile. */
interface Stretch {
  readonly tile: Tile;
  readonly from: number;
  readonly to: number;
}

export function mergeSends(stretches: readonly Stretch[]): SendColumns {
  const places = new NodePlaces();
  const chosen = stretches.map((stretch) => chosenRows(stretch, stretches));
  const count = chosen.reduce((sum, rows) => sum + rows.length, 0);
  const merged = {
    senders: new Uint16Array(count),
    receivers: new Uint16Array(count),
    sentAt: new Float64Array(count),
    receivedAt: new Float64Array(count),
    counts: new Uint32Array(count),
  };
  let row = 0;
  for (const [index, { tile }] of stretches.entries()) {
    const { messages } = tile;
    const renumbered = messages.nodes.map((node) => places.of(node));
    const placed = (place: number): number =>
      place === NOBODY ? NOBODY : (renumbered[place] ?? NOBODY);
    for (const i of chosen[index] ?? []) {
      merged.senders[row] = placed(messages.senders[i] as number);
      merged.receivers[row] = placed(messages.receivers[i] as number);
      merged.sentAt[row] = messages.sentAt[i] as number;
      merged.receivedAt[row] = messages.receivedAt[i] as number;
      merged.counts[row] = messages.counts[i] as number;
      row += 1;
    }
  }
  return { nodes: places.names, ...merged };
}

/** The rows of a tile's messages that lie in this stretch and not in another. */
function chosenRows({ tile, from, to }: Stretch, all: readonly Stretch[]): number[] {
  const { sentAt, receivedAt } = tile.messages;
  const rows: number[] = [];
  for (let i = 0; i < sentAt.length; i += 1) {
    const received = receivedAt[i] as number;
    const at = Number.isNaN(received) || !isIn(all, received) ? (sentAt[i] as number) : received;
    if (at >= from && at <= to) rows.push(i);
  }
  return rows;
}

function isIn(stretches: readonly Stretch[], t: number): boolean {
  return stretches.some(({ from, to }) => t >= from && t <= to);
}

/** The same, one object each: for views with few. */
export function messagesOf(sends: SendColumns): MessageFacts[] {
  return Array.from(sends.senders, (_, i) => messageAt(sends, i));
}

/** One message of the columns. */
export function messageAt(sends: SendColumns, i: number): MessageFacts {
  const receiver = sends.receivers[i] as number;
  const received = sends.receivedAt[i] as number;
  return {
    from: sends.nodes[sends.senders[i] as number] ?? "",
    to: receiver === NOBODY ? null : (sends.nodes[receiver] ?? null),
    sentAt: sends.sentAt[i] as Hlc,
    receivedAt: Number.isNaN(received) ? null : (received as Hlc),
    count: sends.counts[i] as number,
    ...(sends.joined?.[i] === 1 && { isJoined: true }),
  };
}

/** In columns again; parties beyond the first 65,535 names have nowhere to go. */
export function sendsOf(messages: readonly MessageFacts[]): SendColumns {
  const places = new NodePlaces();
  return {
    senders: Uint16Array.from(messages, ({ from }) => places.of(from)),
    receivers: Uint16Array.from(messages, ({ to }) => (to === null ? NOBODY : places.of(to))),
    sentAt: Float64Array.from(messages, ({ sentAt }) => sentAt),
    receivedAt: Float64Array.from(messages, ({ receivedAt }) => receivedAt ?? Number.NaN),
    counts: Uint32Array.from(messages, ({ count }) => count),
    joined: Uint8Array.from(messages, ({ isJoined }) => (isJoined === true ? 1 : 0)),
    // Last: by now all names have their place.
    nodes: places.names,
  };
}
