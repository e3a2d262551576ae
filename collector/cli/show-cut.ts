/**
 * A snapshot in words. First whether it can be trusted and why not, then the state, then what was on
 * its way: whoever reads this at four in the morning must not take a hole for a state.
 */
import type { CutJson, IncompleteJson } from "../api/shapes.ts";
import { counted, table, valueText } from "./text.ts";
import { absoluteAndAgo, beforeOrAfter } from "./times.ts";

export interface ShowOptions {
  readonly nowMs: number;
  readonly columns: number | undefined;
}

/** Violations and messages listed; the rest is counted. */
const LISTED = 20;

export function cutText(cut: CutJson, { nowMs, columns }: ShowOptions): string {
  return [
    `Snapshot at ${absoluteAndAgo(cut.at, nowMs)}, stamp ${cut.at.hlc}\n`,
    completenessText(cut, columns),
    consistencyText(cut, columns),
    stateText(cut, columns),
    inFlightText(cut, columns),
  ].join("");
}

function completenessText(cut: CutJson, columns: number | undefined): string {
  const members = counted(cut.members.length, "node");
  if (cut.complete) return `Complete: nothing is missing from ${members}.\n`;
  const nodes = new Set(cut.incomplete.map(({ node }) => node)).size;
  const rows = cut.incomplete.map((entry) => [entry.node, entry.reason, reasonText(entry, cut)]);
  return `INCOMPLETE: ${counted(nodes, "node")} of ${cut.members.length} may lack events.\n${table(rows, { indent: 2, columns })}`;
}

/** Why a node is incomplete, seen from the moment asked for. */
export function reasonText(entry: IncompleteJson, cut: Pick<CutJson, "at">): string {
  const parts: string[] = [];
  if (entry.after !== undefined) {
    parts.push(`nothing is missing until ${beforeOrAfter(entry.after, cut.at)}`);
  }
  if (entry.events !== undefined) parts.push(counted(entry.events, "event"));
  if (entry.seq !== undefined) parts.push(`first missing: number ${entry.seq}`);
  if (entry.from !== undefined) parts.push(`from ${entry.from.time}`);
  if (entry.to !== undefined) parts.push(`to ${entry.to.time}`);
  if (entry.logs !== undefined) parts.push(`in ${entry.logs.join(", ")}`);
  return parts.join(", ");
}

function consistencyText(cut: CutJson, columns: number | undefined): string {
  const unchecked = cut.unchecked.map(({ from, to, peer, count }) => [
    `${from ?? peer} -> ${to ?? peer}`,
    counted(count, "message"),
  ]);
  const blind =
    unchecked.length === 0
      ? ""
      : `Unchecked: messages without a stamp, so order between these is not known.\n${table(unchecked, { indent: 2, columns })}`;
  if (cut.consistent)
    return `Consistent: no message is received here before it was sent.\n${blind}`;
  const rows = cut.violations
    .slice(0, LISTED)
    .map(({ send, receive, channel }) => [
      `${channel.from} -> ${channel.to}`,
      `received ${beforeOrAfter(receive.at, cut.at)}`,
      `sent ${beforeOrAfter(send.at, cut.at)}`,
    ]);
  const count = counted(cut.violations.length, "message");
  return `INCONSISTENT: ${count} received but not yet sent.\n${table(rows, { indent: 2, columns })}${blind}`;
}

function stateText(cut: CutJson, columns: number | undefined): string {
  const parts: string[] = [];
  for (const [id, node] of Object.entries(cut.nodes)) {
    const isMember = cut.members.includes(id);
    const head = `${id} (${node.service}, ${node.status}${isMember ? "" : ", not there at that time"})`;
    parts.push("\n", table([[head]], { columns }));
    for (const [log, variables] of Object.entries(node.logs)) {
      const rows = Object.entries(variables)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => [key, valueText(value)]);
      parts.push(table([[log]], { indent: 2, columns }));
      parts.push(rows.length === 0 ? "    (empty)\n" : table(rows, { indent: 4, columns }));
    }
  }
  return parts.join("");
}

function inFlightText(cut: CutJson, columns: number | undefined): string {
  const unsure = cut.inFlightComplete ? "" : " (there may be more: messages were lost from record)";
  if (cut.inFlight.length === 0) return `\nNo message in flight${unsure}.\n`;
  const rows = cut.inFlight
    .slice(0, LISTED)
    .map(({ id, from, to, peer, sentAt }) => [
      `${from} -> ${to ?? peer ?? "unknown"}`,
      `sent ${beforeOrAfter(sentAt, cut.at)}`,
      id,
    ]);
  const more = cut.inFlight.length - rows.length;
  const rest = more === 0 ? "" : `  and ${more} more (--json lists all)\n`;
  return `\n${counted(cut.inFlight.length, "message")} in flight${unsure}:\n${table(rows, { indent: 2, columns })}${rest}`;
}
