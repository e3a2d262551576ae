/** Functions that ask about nodes and messages. */
import { ABSENT, type Datum, LOST, SetDatum } from "../values/datum.ts";
import type { CutState, NodeAtCut } from "./cut-sequence.ts";

/**
 * Nodes(), Service(n), Status(n), InFlight([from[, to]]), of selected nodes. A message counts that
 * leaves or reaches one of them, as in `/api/cut`.
 */
export function aboutSystem(
  name: "Nodes" | "Service" | "Status" | "InFlight",
  first: string | undefined,
  second: string | undefined,
  nodes: ReadonlyMap<string, NodeAtCut>,
  state: CutState | undefined,
): Datum {
  if (name === "Nodes") {
    const members = [...nodes].filter(([, { isMember }]) => isMember);
    return SetDatum.of(members.map(([id]) => id));
  }
  if (name === "InFlight") return inFlight(first, second, nodes, state);
  const node = first === undefined ? undefined : nodes.get(first);
  if (node === undefined) return ABSENT;
  return name === "Service" ? node.service : node.status;
}

function inFlight(
  from: string | undefined,
  to: string | undefined,
  nodes: ReadonlyMap<string, NodeAtCut>,
  state: CutState | undefined,
): Datum {
  const messages = state?.inFlight();
  if (messages === undefined) return LOST;
  return messages.filter(
    (message) =>
      (from === undefined || message.from === from) &&
      (to === undefined || message.to === to) &&
      (nodes.has(message.from) || (message.to !== null && nodes.has(message.to))),
  ).length;
}
