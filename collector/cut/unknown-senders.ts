/**
 * Members that only their messages tell of: a receive inside the cut names a run of a node that nobody
 * has heard of, or one that was said to have ended before it sent.
 *
 *     n2 epoch 1   |joined ---- left|
 *     n2 epoch 2   (not here yet)        send
 *     n1           |joined ----------------- receive --- T        n2 was there at T, state unknown
 *
 * A run older than the one that was its node's state at T is over: what it sent changes nothing at T.
 * One that nothing ever came of expires like a silent node, by a record of its own (named-runs.ts in
 * ingest): at and after that end cuts do without it.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { countsAt } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import type { Incomplete } from "./history.ts";
import { compareText, type Membership, spanAt } from "./membership.ts";
import { goneMembers, isWhole, knownSince, wasForgotten } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import type { Sender } from "./senders.ts";

const NO_VIEWS: ReadonlyMap<number, EpochView> = new Map();

/**
 * Members in (from, to] that no answer about that range can hold anything of: those that only messages
 * tell of at its ends, and those that are forgotten. A reason may come twice.
 */
export function unheardBetween(
  context: CutContext,
  membership: Membership,
  from: Hlc,
  to: Hlc,
  chosen: Chosen,
): Incomplete[] {
  const isKnown = (node: string): boolean => membership.has(node);
  return [
    ...(chosen.namesNodes ? [] : goneMembers(context.store, isKnown, from, to)),
    ...unknownSenders(context, membership, NO_VIEWS, from, chosen),
    ...unknownSenders(context, membership, NO_VIEWS, to, chosen),
  ];
}

/** Sorted by node; one reason per node. */
export function unknownSenders(
  context: CutContext,
  membership: Membership,
  views: ReadonlyMap<number, EpochView>,
  t: Hlc,
  chosen: Chosen,
): Incomplete[] {
  if (chosen.namesEachNode) return [];
  const found = new Map<string, Incomplete>();
  const note = (one: Incomplete): void => {
    const known = found.get(one.node);
    if (known === undefined || (one.from ?? t) < (known.from ?? t)) found.set(one.node, one);
  };
  let ended: ReadonlyMap<string, Hlc> | undefined;
  const isPast = pastOf(context, membership);
  for (const { spans } of membership.values()) {
    for (const { record } of spans) {
      if (record.joined > t || !countsAt(record, t, chosen, membership)) continue;
      const senders = views.get(record.id)?.senders ?? context.messages.sendersUpTo(record, t);
      for (const [node, runs] of senders.byNode()) {
        for (const [epoch, sender] of runs) {
          const reason = reasonOf(membership, node, epoch, sender, t);
          if (reason === undefined) continue;
          if (isPast(node, epoch, sender)) continue;
          ended ??= endsOfNamed(context);
          const end = ended.get(`${epoch} ${node}`);
          if (end === undefined || t < end || sender.sentT >= end) note(reason);
        }
      }
      if (senders.moreFrom !== undefined) {
        note({ node: record.node, reason: "unknown-node", from: senders.moreFrom });
      }
    }
  }
  return [...found.values()].sort((a, b) => compareText(a.node, b.node));
}

/**
 * Whether a run that nobody knows was known once, and is forgotten: it spoke last in a stretch that is
 * gone, or before all that is known of anybody.
 */
function pastOf(
  { store }: CutContext,
  membership: Membership,
): (node: string, epoch: number, sender: Sender) => boolean {
  const gone = store.gone();
  if (isWhole(store)) return () => false;
  let earliest = Number.POSITIVE_INFINITY;
  for (const node of membership.values()) {
    earliest = Math.min(earliest, knownSince(store, node));
  }
  return (node, epoch, { firstT, sentT }) => {
    const last = Math.max(firstT, sentT) as Hlc;
    return last < earliest || wasForgotten(gone, node, epoch, last);
  };
}

/** When those expired that only messages name, by `epoch node`. */
function endsOfNamed({ store }: CutContext): ReadonlyMap<string, Hlc> {
  const ended = new Map<string, Hlc>();
  for (const { named, node, epoch, end } of store.epochs()) {
    if (named === true && end !== null) ended.set(`${epoch} ${node}`, end.t);
  }
  return ended;
}

function reasonOf(
  membership: Membership,
  node: string,
  epoch: number,
  { firstT, sentT }: Sender,
  t: Hlc,
): Incomplete | undefined {
  const spans = membership.get(node);
  if (spans === undefined) return { node, reason: "unknown-node", from: firstT };
  const now = spanAt(spans, t)?.record;
  if (now !== undefined && epoch < now.epoch) return undefined;
  const named =
    now?.epoch === epoch ? now : spans.spans.find((one) => one.record.epoch === epoch)?.record;
  if (named === undefined) return { node, reason: "lagging", from: firstT };
  const { end } = named;
  // It went on after what was taken for its end.
  if (end !== null && end.t <= t && sentT >= end.t && sentT <= t) {
    return { node, reason: end.kind === "expired" ? "expired" : "lagging", from: end.t };
  }
  return undefined;
}
