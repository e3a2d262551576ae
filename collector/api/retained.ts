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
  const earliest = earliestOf(history, selection);
  // Nothing selected is known: an empty collector, or an unknown name, which the cut engine refuses.
  if (earliest === undefined || t >= earliest) return;
  const first = earliest;
  throw new RetroError(
    "outside-retention",
    `nothing is known of ${formatHlcDisplay(t)}: history begins at ${formatHlcDisplay(first)}`,
    { hint: `Ask for ${formatHlcDisplay(first)} or later.`, details: { earliest: hJson(first) } },
  );
}

function earliestOf(history: History, selection: Selection): Hlc | undefined {
  const isNarrowed = (selection.nodes?.length ?? 0) + (selection.services?.length ?? 0) > 0;
  if (!isNarrowed) return history.extent()?.first;
  const joins = history
    .nodes()
    .filter((node) => isSelected(node, selection))
    .flatMap(({ epochs, retainedFrom }) =>
      retainedFrom === null ? epochs.map(({ joined }) => joined) : [retainedFrom],
    );
  return joins.length === 0 ? undefined : (Math.min(...joins) as Hlc);
}

function isSelected(node: NodeSummary, { nodes = [], services = [] }: Selection): boolean {
  return (
    (nodes.length === 0 || nodes.includes(node.node)) &&
    (services.length === 0 || services.includes(node.service))
  );
}
