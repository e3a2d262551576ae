/**
 * Messages in flight in words, and why there may be more of them: only what could hold a send or a
 * receive that matters at T counts.
 */
import type { CutJson } from "../api/shapes.ts";
import { counted, listed, plain, type ShowOptions, table } from "./text.ts";
import { beforeOrAfter } from "./times.ts";

/** Messages and nodes named; the rest is counted. */
const LISTED = 20;
const NODES_NAMED = 5;

export function inFlightText(cut: CutJson, { columns }: ShowOptions): string {
  const why = whyUnsure(cut);
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

function whyUnsure(cut: CutJson): string {
  if (cut.inFlightComplete) return "";
  if (!cut.complete) {
    const nodes = [...new Set(cut.incomplete.map(({ node }) => node))];
    return `there may be others, since ${listed(nodes, NODES_NAMED)} may lack events`;
  }
  const [first] = cut.inFlightIncomplete;
  if (first === undefined) return "there may be others, more than are looked at";
  const { node, from, to, reason } = first;
  const others = new Set(cut.inFlightIncomplete.map((one) => one.node)).size - 1;
  const beside = others === 0 ? "" : ` (and of ${counted(others, "other node")})`;
  const ends = [from, to].map((end) => end && beforeOrAfter(end, cut.at));
  const stretch = ends[0] && ends[1] ? ` between ${ends[0]} and ${ends[1]}` : "";
  return `there may be others, since events of ${plain(node)}${stretch} ${WERE[reason] ?? "are missing"}${beside}`;
}

const WERE: Readonly<Record<string, string>> = {
  "not-captured": "were not captured",
  lost: "were lost",
};
