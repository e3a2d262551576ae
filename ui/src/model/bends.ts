/**
 * The largest consistent cut inside an inconsistent one.
 *
 * A cut by time holds an effect without its cause where a receive lies inside and its send outside:
 * some process did not merge the stamp. The node that holds such a receive goes back to just before
 * it. What it had sent since then is outside now too, so whoever received that goes back as well:
 *
 *                    asked
 *     A ──────s1───────┃──s0──        s0 is outside: B goes back to before r0
 *            ╱         ┃╱             so s2 is outside: C goes back to before r2
 *     B ────╱──┃r0──s2─┃              s1 is inside and stays
 *          ╱   ┃     ╲ ┃
 *     C ──r1───┃──────┃r2             the bent line: asked at A, before r0 at B, before r2 at C
 *
 * Cuts are closed under union, so the largest one is the same in whatever order this is done. Each
 * message is looked at once: sends of a node are sorted by time, and the line only moves back.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";

/** A message by the two events that it joins. */
export interface Edge {
  /** Of the send: `node/epoch/seq`, or a foreign id. */
  readonly id: string;
  readonly sender: string;
  readonly sentAt: Hlc;
  readonly receiver: string;
  readonly receivedAt: Hlc;
}

/** How far one node goes back, and the message that made it go so far. */
export interface Bend {
  /** The last tick inside. */
  readonly at: Hlc;
  readonly message: Edge;
}

/** The nodes that are not cut at `asked`, each with its own last tick. The others are cut at `asked`. */
export function bendsInside(asked: Hlc, edges: Iterable<Edge>): ReadonlyMap<string, Bend> {
  const bends = new Map<string, Bend>();
  const lastInside = (node: string): Hlc => bends.get(node)?.at ?? asked;
  const sends = latestFirst(edges);
  const moved = [...sends.keys()];
  for (let sender = moved.pop(); sender !== undefined; sender = moved.pop()) {
    const queue = sends.get(sender);
    if (queue === undefined) continue;
    for (let edge = queue.pop(); edge !== undefined; edge = queue.pop()) {
      if (edge.sentAt <= lastInside(sender)) {
        queue.push(edge);
        break;
      }
      if (edge.receivedAt > lastInside(edge.receiver)) continue;
      bends.set(edge.receiver, { at: (edge.receivedAt - 1) as Hlc, message: edge });
      moved.push(edge.receiver);
    }
  }
  return bends;
}

/** By sender; the latest send at the end, where it is taken from. */
function latestFirst(edges: Iterable<Edge>): Map<string, Edge[]> {
  const sends = new Map<string, Edge[]>();
  for (const edge of edges) {
    const queue = sends.get(edge.sender);
    if (queue === undefined) sends.set(edge.sender, [edge]);
    else queue.push(edge);
  }
  for (const queue of sends.values()) queue.sort((a, b) => a.sentAt - b.sentAt);
  return sends;
}

/** Sent inside the bent cut and not received inside it, among `edges`. */
export function inFlightAcross(
  asked: Hlc,
  bends: ReadonlyMap<string, Bend>,
  edges: Iterable<Edge>,
): readonly Edge[] {
  const lastInside = (node: string): Hlc => bends.get(node)?.at ?? asked;
  return [...edges].filter(
    ({ sender, sentAt, receiver, receivedAt }) =>
      sentAt <= lastInside(sender) && receivedAt > lastInside(receiver),
  );
}
