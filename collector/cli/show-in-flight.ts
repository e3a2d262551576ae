/**
 * Messages in flight in words, and why there may be more of them: only what could hold a send or a
 * receive that matters at T counts, so the reason is looked up around T and not taken from memory.
 */
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CutJson, TimelineJson } from "../api/shapes.ts";
import type { CollectorClient, Query } from "./client.ts";
import { counted, listed, type ShowOptions, table } from "./text.ts";
import { beforeOrAfter, ticksOf } from "./times.ts";

/** A message without a known receive is in flight for so long: what happened earlier does not matter. */
const MESSAGE_TIMEOUT_MS = 30_000;
/** Messages and nodes named; the rest is counted. */
const LISTED = 20;
const NODES_NAMED = 5;

/** Where something of a node is missing, shortly before a cut. */
export type Gaps = readonly (readonly [
  node: string,
  gap: TimelineJson["lanes"][number]["gaps"][number],
])[];

/** The gaps that make the messages of a complete cut uncertain; empty if nothing does, or the cut says it. */
export async function gapsBefore(
  client: CollectorClient,
  cut: CutJson,
  selection: Query,
): Promise<Gaps> {
  if (cut.inFlightComplete || !cut.complete) return [];
  const at = ticksOf(cut.at);
  const from = formatHlc(Math.max(0, at - MESSAGE_TIMEOUT_MS * TICKS_PER_MS) as Hlc);
  const { node, service } = selection;
  const query = { from, to: cut.at.hlc, pixels: 1, node, service };
  const { lanes } = await client.ask<TimelineJson>("/api/timeline", query);
  return lanes.flatMap((lane) => lane.gaps.map((gap) => [lane.node, gap] as const));
}

export function inFlightText(cut: CutJson, gaps: Gaps, { columns }: ShowOptions): string {
  const why = whyUnsure(cut, gaps);
  if (cut.inFlight.length === 0) {
    return why === "" ? "\nNo message in flight.\n" : `\nNo message in flight is known; ${why}.\n`;
  }
  const rows = cut.inFlight
    .slice(0, LISTED)
    .map(({ id, from, to, peer, sentAt }) => [
      `${from} -> ${to ?? peer ?? "unknown"}`,
      `sent ${beforeOrAfter(sentAt, cut.at)}`,
      id,
    ]);
  const all = cut.totals?.inFlight ?? cut.inFlight.length;
  const more = all - rows.length;
  const rest = more === 0 ? "" : `  and ${more} more\n`;
  const head = `${counted(all, "message")} in flight${why === "" ? "" : `; ${why}`}`;
  return `\n${head}:\n${table(rows, { indent: 2, columns })}${rest}`;
}

function whyUnsure(cut: CutJson, gaps: Gaps): string {
  if (cut.inFlightComplete) return "";
  if (!cut.complete) {
    const nodes = [...new Set(cut.incomplete.map(({ node }) => node))];
    return `there may be others, since ${listed(nodes, NODES_NAMED)} may lack events`;
  }
  const [first] = gaps;
  if (first === undefined)
    return "there may be others, since records of the 30 s before are missing";
  const [node, { from, to, reason }] = first;
  const others = new Set(gaps.map(([name]) => name)).size - 1;
  const beside = others === 0 ? "" : ` (and of ${counted(others, "other node")})`;
  const stretch = `${beforeOrAfter(from, cut.at)} and ${beforeOrAfter(to, cut.at)}`;
  return `there may be others, since events of ${node} between ${stretch} were ${reason === "not-captured" ? "not captured" : "lost"}${beside}`;
}
