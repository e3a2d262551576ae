/** What of a stretch of time is missing: what a diff did not count, and a list of events does not hold. */
import type { Hlc } from "../../agent/kernel/index.ts";
import { countsAt, lostBetween, missingEvents } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import type { Incomplete } from "./history.ts";
import type { Membership, NodeSpans } from "./membership.ts";
import { goneBetween, goneRival, outsideRetention } from "./pruned.ts";
import type { Chosen } from "./selection.ts";

/** Lost ranges, holes and open ends of a node inside (from, to]. Reads records, and no batch. */
export function lossesInside(
  context: CutContext,
  membership: Membership,
  node: NodeSpans,
  from: Hlc,
  to: Hlc,
  chosen: Chosen,
): Incomplete[] {
  const { source, store, timers, limits } = context;
  const gone = goneBetween(store, node.node, from, to);
  const inside = node.spans.flatMap((span) => {
    const { record } = span;
    const last = Math.min(to, span.until - 1) as Hlc;
    if (record.joined > to || last <= from || !countsAt(record, last, chosen, membership))
      return [];
    const before = outsideRetention(store, record, Math.max(from + 1, record.joined) as Hlc);
    const gone = goneRival(store, span, last);
    return [
      ...(gone === undefined ? [] : [gone]),
      ...(before === undefined ? [] : [before]),
      ...missingEvents(span, last, timers.nowMs(), limits),
      ...lostBetween(record, source.lostRanges(record), from, last, chosen, limits),
    ].filter((one) => (one.to ?? Number.POSITIVE_INFINITY) > from);
  });
  return [...gone, ...inside];
}

/** Each reason once, in the order in which they came. */
export function withoutRepeats(reasons: readonly Incomplete[]): Incomplete[] {
  const byText = new Map(reasons.map((reason) => [JSON.stringify(reason), reason]));
  return [...byText.values()];
}
