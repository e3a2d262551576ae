/** What the collector still knows: the range of its history, and the refusal of times before it. */
import { formatHlcDisplay, type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { History, NodeSummary, Selection } from "../cut/history.ts";
import type { TimeRange } from "./params.ts";
import { hJson } from "./time-json.ts";

/** From the first event known until now, or until the last event if that is ahead of our clock. */
export function wholeRange(history: History, now: Hlc): TimeRange {
  const extent = history.extent();
  if (extent === undefined) return { from: now, to: now };
  return { from: extent.first, to: Math.max(extent.last, now) as Hlc };
}

/**
 * Before the first that is known of any selected node, nothing can be said: not even that the node
 * was not there. Between the first node's beginning and another's, the other had not joined yet; that
 * is an answer, and the cut gives it.
 * @throws RetroError `outside-retention`, with `earliest`
 */
export function refuseBeforeHistory(history: History, t: Hlc, selection: Selection): void {
  let earliest = Number.POSITIVE_INFINITY;
  for (const node of history.nodes()) {
    if (!isSelected(node, selection)) continue;
    for (const { joined } of node.epochs) earliest = Math.min(earliest, joined);
    earliest = Math.min(earliest, node.joined);
  }
  // Nothing selected is known: an empty collector, or an unknown name, which the cut engine refuses.
  if (t >= earliest || earliest === Number.POSITIVE_INFINITY) return;
  const first = earliest as Hlc;
  throw new RetroError(
    "outside-retention",
    `nothing is known of ${formatHlcDisplay(t)}: history begins at ${formatHlcDisplay(first)}`,
    { hint: `Ask for ${formatHlcDisplay(first)} or later.`, details: { earliest: hJson(first) } },
  );
}

function isSelected(node: NodeSummary, { nodes = [], services = [] }: Selection): boolean {
  return (
    (nodes.length === 0 || nodes.includes(node.node)) &&
    (services.length === 0 || services.includes(node.service))
  );
}
