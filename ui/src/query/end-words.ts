/** What is said of a query's answer, in sentences: its rows, its end, and why it is not whole. */
import type { EndLine, EndStatus, ShortfallJson } from "../../../collector/api/query-shapes.ts";
import { ticksOf } from "../api/client.ts";
import { reasonLabel } from "../model/reasons.ts";
import { clockText, countText, durationText, msText, plural } from "../scale/time-words.ts";
import type { RunPhase } from "./query-run.ts";
import type { ResultPart, ResultRow } from "./row-book.ts";

const STATUS_WORDS: Readonly<Record<EndStatus, string>> = {
  done: "Done",
  truncated: "Stopped at the most rows that one query sends",
  cancelled: "Cancelled",
  budget: "Stopped: the search has used up its steps",
  failed: "Failed",
};

/** How long a row lasted, and what is not known of that. */
export function lastsText(row: ResultRow): string {
  if (row.kind === "cut") return "at this change";
  const length = row.to === row.from ? "a single tick" : durationText(row.to - row.from);
  if (row.kind === "hit") return `${length} so far`;
  return row.open || row.sinceStart ? `at least ${length}` : length;
}

/** Why a row's ends are not its true ones; "" where they are. */
export function raggedText({ kind, open, sinceStart }: ResultRow): string {
  if (kind === "hit") return "its end is still searched for";
  if (open && sinceStart) return "true throughout the range";
  if (sinceStart) return "true already where the range begins";
  return open ? "true still where the range ends" : "";
}

/** How the whole run stands, for the line above the rows. */
export function phaseText(phase: RunPhase, parts: readonly ResultPart[]): string {
  switch (phase) {
    case "idle":
      return "";
    case "asking":
      return "Asking…";
    case "running":
      return progressText(parts);
    case "cancelled":
      return "Cancelled: the rows so far stay, and there may be more.";
    case "lost":
      return "The connection broke: the rows so far stay, and there may be more.";
    case "failed":
      return "";
    case "ended":
      return "";
  }
}

/** How far the search has come, of the part that is searched now. */
export function progressText(parts: readonly ResultPart[]): string {
  const part = parts.find(({ end }) => end === null) ?? parts.at(-1);
  if (part === undefined) return "Asking…";
  const where = part.searchedTo === null ? "" : `, up to ${clockText(part.searchedTo)}`;
  const which = parts.length > 1 ? `Query ${part.query + 1}: ` : "";
  return `${which}${Math.round(part.fraction * 100)} % searched${where}, ${plural(part.cuts, "cut")}`;
}

/** The share of all parts' ranges that is searched, from 0 to 1. */
export function progressShare(parts: readonly ResultPart[]): number {
  if (parts.length === 0) return 0;
  return parts.reduce((sum, { fraction }) => sum + fraction, 0) / parts.length;
}

/** The end line, as facts. */
export function endFacts(end: EndLine): readonly (readonly [name: string, value: string])[] {
  return [
    ["rows", countText(end.rows)],
    ...(end.matches === end.rows ? [] : [["matches", countText(end.matches)] as const]),
    ["true for", msText(end.matchedMs)],
    ["unknown for", msText(end.unknownMs)],
    ["undecided", countText(end.undecided)],
    ["cuts", countText(end.cuts)],
    ["took", msText(end.elapsedMs)],
  ];
}

export function statusText({ status, searchedTo }: EndLine): string {
  const words = STATUS_WORDS[status] ?? status;
  return status === "done" ? words : `${words}; searched to ${clockText(ticksOf(searchedTo))}`;
}

/** What a query without a row can be told: where it looked, and what it could not know. */
export function noRowsText(part: ResultPart): string {
  const { end } = part;
  if (end === null) return "";
  const range = `from ${clockText(part.from)} to ${clockText(part.to)}`;
  const unknown =
    end.unknownMs > 0
      ? ` For ${msText(end.unknownMs)} of it the condition is unknown.`
      : " It was known throughout.";
  const undecided =
    end.undecided > 0 ? ` ${plural(end.undecided, "start")} could not be decided.` : "";
  return `No row: ${plural(end.cuts, "cut")} searched ${range}.${unknown}${undecided}`;
}

/** What is missing on a node, in words: `b: events lost 16:00:00.600 – 16:00:00.800, 3 events`. */
export function shortfallText({ node, reason, after, from, to, events }: ShortfallJson): string {
  const words = [`${node}: ${reasonLabel(reason)}`];
  if (after !== undefined) words.push(`after ${clockText(ticksOf(after))}`);
  if (from !== undefined && to !== undefined) {
    words.push(`${clockText(ticksOf(from))} – ${clockText(ticksOf(to))}`);
  }
  return words.join(" ") + (events === undefined ? "" : `, ${plural(events, "event")}`);
}
