/**
 * A snapshot in words. First whether it can be trusted and why not, then the state, then what was on
 * its way: whoever reads this at four in the morning must not take a hole for a state.
 *
 * Nodes that were not there are named in one line. Channels without a stamp come last: they are no
 * fault of this cut, and most systems have some for good (a client outside, a load balancer).
 */
import type { CutJson, IncompleteJson } from "../api/shapes.ts";
import { captureHint } from "./capture-hint.ts";
import { inFlightText } from "./show-in-flight.ts";
import { counted, listed, type ShowOptions, table, UNKNOWN_TEXT, valueText } from "./text.ts";
import { absoluteAndAgo, beforeOrAfter, msAgo, spanText } from "./times.ts";

/** Violations listed; the rest is counted. */
const LISTED = 20;
/** Nodes that were not there, and channels without a stamp, named; the rest is counted. */
const NAMED = 10;
/** Clocks differ a little: what is less far ahead is not called the future. */
const FUTURE_MS = 1_000;

export function cutText(cut: CutJson, options: ShowOptions): string {
  const { nowMs, columns } = options;
  const isEmpty = cut.members.length === 0;
  return [
    `Snapshot at ${absoluteAndAgo(cut.at, nowMs)}, stamp ${cut.at.hlc}\n`,
    futureText(cut, nowMs),
    completenessText(cut, columns),
    captureHint(cut.incomplete, { to: cut.at }),
    isEmpty && cut.consistent ? "" : consistencyText(cut, columns),
    stateText(cut, columns),
    absentText(cut),
    isEmpty && cut.inFlight.length === 0 ? "" : inFlightText(cut, options),
    uncheckedText(cut),
  ].join("");
}

function futureText({ at }: CutJson, nowMs: number): string {
  const aheadMs = -msAgo(at, nowMs);
  if (aheadMs < FUTURE_MS) return "";
  return `THE FUTURE: that is ${spanText(aheadMs)} from now. What follows is the last that is known, and may change until then.\n`;
}

function completenessText(cut: CutJson, columns: number | undefined): string {
  if (cut.complete && cut.members.length === 0) {
    return Object.keys(cut.nodes).length === 0
      ? "No node was there at that time: no agent has shipped anything yet.\n"
      : "No node was there at that time.\n";
  }
  const members = counted(cut.members.length, "node");
  if (cut.complete) return `Complete: nothing is missing from ${members}.\n`;
  const nodes = new Set(cut.incomplete.map(({ node }) => node)).size;
  const rows = cut.incomplete.map((entry) => [entry.node, entry.reason, reasonText(entry, cut)]);
  const of = Math.max(nodes, cut.members.length);
  return `INCOMPLETE: ${counted(nodes, "node")} of ${of} may lack events.\n${table(rows, { indent: 2, columns })}`;
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
  if (cut.consistent) return "Consistent: no message is received here before it was sent.\n";
  const rows = cut.violations
    .slice(0, LISTED)
    .map(({ send, receive, channel }) => [
      `${channel.from} -> ${channel.to}`,
      `received ${beforeOrAfter(receive.at, cut.at)}`,
      `sent ${beforeOrAfter(send.at, cut.at)}`,
    ]);
  const all = cut.totals?.violations ?? cut.violations.length;
  return `INCONSISTENT: ${counted(all, "message")} received but not yet sent.\n${table(rows, { indent: 2, columns })}`;
}

/** The agents' counts are left out: they run on after T. */
function uncheckedText({ unchecked }: CutJson): string {
  if (unchecked.length === 0) return "";
  const channels = new Set(
    unchecked.map(({ from, to, peer }) => `${from ?? peer} -> ${to ?? peer}`),
  );
  return `\nNot checked, for want of stamps on the messages: ${listed([...channels], NAMED)}.\n`;
}

function absentText(cut: CutJson): string {
  const members = new Set(cut.members);
  const absent = Object.entries(cut.nodes).filter(([id]) => !members.has(id));
  if (absent.length === 0) return "";
  const names = absent.map(([id, { status }]) =>
    status === "left" || status === "expired" ? `${id} (${status})` : id,
  );
  const were = absent.length === 1 ? "was" : "were";
  return `\n${counted(absent.length, "node")} ${were} not there at that time: ${listed(names, NAMED)}\n`;
}

/** A node that shows nothing may be one of which nothing is known: that is no empty state. */
function nothingKnownText({ incomplete }: CutJson, id: string): string {
  const reasons = incomplete.filter(({ node }) => node === id).map(({ reason }) => reason);
  if (reasons.includes("lost")) return `  ${UNKNOWN_TEXT.lost}\n`;
  return reasons.includes("not-captured") ? `  ${UNKNOWN_TEXT["not-captured"]}\n` : "";
}

function stateText(cut: CutJson, columns: number | undefined): string {
  const parts: string[] = [];
  for (const id of cut.members) {
    const node = cut.nodes[id];
    if (node === undefined) continue;
    parts.push("\n", table([[`${id} (${node.service}, ${node.status})`]], { columns }));
    if (Object.keys(node.logs).length === 0) parts.push(nothingKnownText(cut, id));
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
