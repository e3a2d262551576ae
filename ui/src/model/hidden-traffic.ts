/**
 * Messages through hidden nodes: what the lanes lose must not be lost for order.
 *
 *     A ──s1──────────────────        A ──s1──────────────────
 *           ╲                               ╲ ╌ ╌ ╌
 *     H  (hidden) r1 ─ s2 ──    →                   ╲
 *                        ╲                            ╲
 *     C ──────────────────r2──        C ──────────────────r2──
 *
 * Per pair of neighbours of a hidden node, messages in are joined to messages out that follow them. Left
 * out is only what follows from the order of events on the neighbours' own lanes, so that whatever
 * happened before something else still does. Hidden nodes are taken out one by one: that covers chains.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import { byName } from "./nodes.ts";
import type { MessageFacts } from "./timeline-facts.ts";

/** The messages between visible nodes; those joined over hidden ones have `isJoined`. */
export function withoutHidden(
  messages: readonly MessageFacts[],
  hidden: ReadonlySet<string>,
): readonly MessageFacts[] {
  let left = messages;
  for (const node of [...hidden].sort(byName)) left = without(left, node);
  return left;
}

function without(messages: readonly MessageFacts[], node: string): readonly MessageFacts[] {
  const others = messages.filter(({ from, to }) => from !== node && to !== node);
  const into = grouped(
    messages.filter(
      ({ from, to, receivedAt }) => to === node && from !== node && receivedAt !== null,
    ),
    ({ from }) => from,
    ({ receivedAt }) => receivedAt as Hlc,
  );
  const outOf = grouped(
    messages.filter(({ from, to }) => from === node && to !== node && to !== null),
    ({ to }) => to as string,
    ({ sentAt }) => sentAt,
  );
  const joined: MessageFacts[] = [];
  for (const [from, incoming] of into) {
    for (const [to, outgoing] of outOf) {
      if (from !== to) joined.push(...pairs(incoming, outgoing));
    }
  }
  return joined.length === 0 ? others : [...others, ...joined];
}

function grouped(
  messages: readonly MessageFacts[],
  groupOf: (message: MessageFacts) => string,
  timeOf: (message: MessageFacts) => Hlc,
): ReadonlyMap<string, readonly MessageFacts[]> {
  const groups = new Map<string, MessageFacts[]>();
  for (const message of messages) {
    const group = groups.get(groupOf(message));
    if (group === undefined) groups.set(groupOf(message), [message]);
    else group.push(message);
  }
  for (const group of groups.values()) group.sort((a, b) => timeOf(a) - timeOf(b));
  return groups;
}

/**
 * Both ascending by their time at the hidden node. To each message out belongs the latest *sent* of
 * those that came in before it; of these pairs, one that begins no later and ends no earlier than
 * another says nothing more.
 */
function pairs(
  incoming: readonly MessageFacts[],
  outgoing: readonly MessageFacts[],
): readonly MessageFacts[] {
  const found: { readonly begin: MessageFacts; readonly end: MessageFacts }[] = [];
  let place = 0;
  let begin: MessageFacts | undefined;
  for (const end of outgoing) {
    for (; place < incoming.length; place += 1) {
      const one = incoming[place] as MessageFacts;
      if ((one.receivedAt as Hlc) >= end.sentAt) break;
      if (begin === undefined || one.sentAt > begin.sentAt) begin = one;
    }
    if (begin !== undefined) found.push({ begin, end });
  }
  const arrival = ({ receivedAt }: MessageFacts) => receivedAt ?? Number.POSITIVE_INFINITY;
  found.sort((a, b) => b.begin.sentAt - a.begin.sentAt || arrival(a.end) - arrival(b.end));
  let earliest = Number.POSITIVE_INFINITY;
  return found.flatMap(({ begin: { from, sentAt, count }, end }) => {
    const at = arrival(end);
    if (at >= earliest && earliest !== Number.POSITIVE_INFINITY) return [];
    earliest = at;
    const { to, receivedAt } = end;
    return [{ from, to, sentAt, receivedAt, count: Math.min(count, end.count), isJoined: true }];
  });
}
