/** Answers of queries in words: rows as a table, what they lack, and what they come to. */
import type { Json } from "../../agent/kernel/index.ts";
import type {
  Alert,
  EndLine,
  MadeMonitorJson,
  PlanLine,
  RowLine,
  ShortfallJson,
  StartLine,
  WarningLine,
} from "../api/query-shapes.ts";
import type { H } from "../api/shapes.ts";
import { counted, listed, plain, table, valueText } from "./text.ts";
import { spanText } from "./times.ts";

/** Nodes that are named where somebody begins to watch. */
const NAMED_NODES = 8;
/** Of one row: nodes whose change began it, and reasons, that are named. */
const NAMED = 3;

export function startText({ query, from, to, nodes }: StartLine): string {
  const where = `${counted(nodes.length, "node")}, ${from.time} to ${to.time}`;
  return query === 0 ? `${where}\n` : `\nquery ${query + 1}: ${where}\n`;
}

/** The plan of EXPLAIN as it is told. */
export function planText({ text }: PlanLine): string {
  return text
    .split("\n")
    .map((line) => `${plain(line)}\n`)
    .join("");
}

/** What a text is refused or warned for, with the place under the line. */
export function placedText(said: {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly line: number;
  readonly column: number;
  readonly excerpt: string;
}): string {
  const { code, message, hint, line, column, excerpt } = said;
  const shown = excerpt.split("\n").map((one) => `  ${plain(one)}\n`);
  const more = hint === undefined ? "" : `  ${plain(hint)}\n`;
  return `${code} at ${line}:${column}: ${plain(message)}\n${shown.join("")}${more}`;
}

export function warningText(warning: WarningLine): string {
  return `warning: ${placedText(warning)}`;
}

/** Some rows. `isFirst`: with the names of the columns above. */
export function rowsText(
  rows: readonly RowLine[],
  columnNames: readonly string[],
  isFirst: boolean,
  columns: number | undefined,
): string {
  const [one] = rows;
  if (one === undefined) return "";
  const isCut = "at" in one;
  const isGrouped = one.service !== undefined;
  const heads = [
    ...["n", ...(isGrouped ? ["service"] : [])],
    ...(isCut ? ["at"] : ["from", "lasted"]),
    ...["", ...columnNames],
  ];
  const cells = rows.map((row) => [
    ...[String(row.n), ...(isGrouped ? [row.service ?? ""] : [])],
    ...("at" in row ? [row.at.time] : [row.from.time, lastedText(row.durationMs)]),
    marksOf(row),
    ...columnNames.map((name) => cellText(row.values[name])),
  ]);
  return table(isFirst ? [heads, ...cells] : cells, { columns, right: [0] });
}

function lastedText(durationMs: number): string {
  return durationMs === 0 ? "0" : spanText(durationMs);
}

/** What a reader must know of a row beside its values: whose change began it, and what it lacks. */
function marksOf(row: RowLine): string {
  const marks: string[] = [];
  if (row.by.length > 0) marks.push(`by ${listed(row.by, NAMED)}`);
  if ("from" in row && row.sinceStart) marks.push("from before");
  if ("from" in row && row.open) marks.push("still so");
  if (!row.complete) marks.push(`incomplete: ${reasonsText(row.incomplete)}`);
  return marks.join(", ");
}

function reasonsText(incomplete: readonly ShortfallJson[]): string {
  const told = incomplete.slice(0, NAMED).map(({ node, reason }) => `${node} ${reason}`);
  const more = incomplete.length - told.length;
  return plain([...new Set(told)].join(", ")) + (more > 0 ? ` and ${more} more` : "");
}

function cellText(value: Json | undefined): string {
  if (value === undefined) return "";
  if (isObject(value)) {
    const unknown = value["$unknown"];
    if (typeof unknown === "string") return `(${unknown})`;
    const truncated = value["$truncated"];
    if (typeof truncated === "number") return `(${truncated.toLocaleString("en")} bytes)`;
    const time = value["$time"];
    if (isObject(time)) return (time as unknown as H).time;
    const lasted = value["$durationMs"];
    if (typeof lasted === "number") return spanText(lasted);
    if (!("$set" in value) && !("$literal" in value)) return byNodeText(value);
  }
  return valueText(value);
}

/** `a=1 b=2`; of a struct of one node its fields look the same, and so they are told. */
function byNodeText(values: { readonly [node: string]: Json }): string {
  return Object.entries(values)
    .map(([node, value]) => `${plain(node)}=${cellText(value)}`)
    .join(" ");
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** An alert of a monitor: what happened to which row, since when or for how long, and the row. */
export function alertText({ event, n, row }: Alert, columns: number | undefined): string {
  if (row === null) return table([[event, String(n), "withdrawn: a repair has shown otherwise"]]);
  const values = Object.entries(row.values).map(([name, value]) => `${name}: ${cellText(value)}`);
  const from = "at" in row ? row.at.time : row.from.time;
  const lasted = "at" in row || row.durationMs === null ? "" : lastedText(row.durationMs);
  const lacks = row.complete ? "" : `incomplete: ${reasonsText(row.incomplete)}`;
  return table([[event, String(n), from, lasted, lacks, values.join("  ")]], { columns });
}

/** What is watched from now on: told at once, as it may be long until anything happens. */
export function watchedText({ since, nodes, warnings }: MadeMonitorJson): string {
  const ids = nodes.slice(0, NAMED_NODES).join(", ");
  const more = nodes.length > NAMED_NODES ? `, and ${nodes.length - NAMED_NODES} more` : "";
  const who =
    nodes.length === 0
      ? "no node yet: nothing is known until one joins"
      : `${counted(nodes.length, "node")} (${plain(ids)}${more})`;
  const said = warnings.map((warning) => `warning: ${placedText(warning)}`).join("");
  return `${said}watching ${who}, since ${since.time}; Ctrl-C ends it\n`;
}

/** How a watch ended that was interrupted. */
export function unwatchedText(alerts: number, watchedMs: number): string {
  const told = alerts === 0 ? "nothing happened" : `told ${counted(alerts, "alert")}`;
  return `watched for ${spanText(watchedMs)}, ${told}\n`;
}

/** What a search came to. */
export function endText(end: EndLine, isExplained: boolean): string {
  if (isExplained) return "";
  const { matches, rows, matchedMs, unknownMs, undecided, cuts, status, incomplete } = end;
  const parts = [
    rows === 0 && matches === 0
      ? "nothing found"
      : counted(matches, "match").replace(/chs$/, "ches"),
    ...(matchedMs > 0 ? [`${spanText(matchedMs)} in all`] : []),
    ...(unknownMs > 0 ? [`unknown for ${spanText(unknownMs)}`] : []),
    ...(undecided > 0 ? [`${undecided} undecided`] : []),
    `${counted(cuts, "cut")} searched`,
  ];
  const missing =
    incomplete.length === 0
      ? ""
      : `incomplete: ${reasonsText(incomplete)}; \`retroscope explain\` says what to do\n`;
  const cutShort = status === "done" ? "" : cutShortText(status, end.searchedTo.time);
  return `${parts.join(", ")}\n${missing}${cutShort}`;
}

/** Where a search that did not come to its end stands, and what to do about it. */
function cutShortText(status: Exclude<EndLine["status"], "done">, time: string): string {
  switch (status) {
    case "truncated":
      return `cut short at ${time}: more rows than an answer holds\n  Ask again from there, or for less: FIRST 100, COUNT, a shorter range.\n`;
    case "budget":
      return `cut short at ${time}: it has taken all the steps that a query has\n  Ask again from there, for a shorter range, or with fewer loops inside each other.\n`;
    case "cancelled":
      return `ended at ${time}\n`;
    default:
      return `failed at ${time}\n`;
  }
}
