/**
 * What may come next. The engine's parser is asked: a word is offered where the text before the cursor
 * and the word can be read, or are refused only behind it. So no list of rules about what follows what
 * stands here that could come to differ from the grammar. What a name may *mean* in its place (a log,
 * a node, a variable) is told by the clause before it.
 */
import { FUNCTION_NAMES, findFunction } from "../../../collector/rql/check/functions.ts";
import { printName } from "../../../collector/rql/text/print.ts";
import { CONTEXTUAL } from "../../../collector/rql/text/words.ts";
import type { KnownNames } from "../query/known-names.ts";
import { readText } from "./reading.ts";
import { colouredTokens } from "./tokens.ts";

export interface Offer {
  readonly label: string;
  /** What is put in; the label unless that needs backticks, quotes or a parenthesis. */
  readonly insert: string;
  readonly kind: "keyword" | "function" | "log" | "variable" | "node" | "time";
  /** Beside the label: a log's name, a kind of value, how a function is called. */
  readonly detail: string;
}

export interface Offers {
  /** What is typed of the word already begins here. */
  readonly from: number;
  readonly offers: readonly Offer[];
}

/** Phrases that are one choice; each is offered where its first word may stand. */
const PHRASES: readonly string[] = [
  ...["SELECT", "EXPLAIN", "FROM", "COMPUTE", "WHEN", "AT NODES", "AT ALL_NODES", "ON TIME", "TO"],
  ...["GROUP BY SERVICE", "EACH CHANGE", "FIRST", "LAST", "COUNT", "LIMIT", "AS"],
  ...["FOR AT LEAST", "THEN", "NOT FOLLOWED BY", "WITHIN", "AND", "OR", "NOT", "IN", "NOTIN"],
  ...["ISSUBSET", "ISPROPSUBSET", "UNION", "INTERSECT", "IS NULL", "IS NOT NULL", "IS UNKNOWN"],
  ...["IS NOT UNKNOWN", "EXISTS", "FORALL", "TRUE", "FALSE", "NULL", "VAR", "GLOBAL", "OUT"],
];
const TIMES: readonly (readonly [text: string, detail: string])[] = [
  ["'-10m'", "ten minutes ago"],
  ["'-1h'", "an hour ago"],
  ["'now'", "the collector's clock"],
];
/** Longer texts are not completed: each word costs a reading of what is before it. */
export const MAX_COMPLETED_CHARS = 4_096;
/** Offers of one kind; typing on narrows them down. */
const MAX_OFFERS = 200;
/** A name that is surely none of the language's own. */
const PROBE = "x_probe";

/** What may stand at `cursor`; null inside comments, strings, numbers and long texts. */
export function completionsAt(text: string, cursor: number, names: KnownNames): Offers | null {
  if (cursor > MAX_COMPLETED_CHARS) return null;
  const before = text.slice(0, cursor);
  const word = /[\p{L}_][\p{L}\p{Nd}_]*$/u.exec(before)?.[0] ?? "";
  const from = cursor - word.length;
  const head = text.slice(0, from);
  const quoted = quotedNode(before, names);
  if (quoted !== null) return quoted;
  if (isInsideToken(before, from)) return null;
  const isNamePlace = fits(head, PROBE);
  const offers = [
    ...(isNamePlace ? namesFor(head, text.slice(cursor), names) : []),
    ...(fits(head, "'now'") ? timesFor(head) : []),
    ...PHRASES.filter((phrase) => isPhrasePlace(head, phrase, isNamePlace)).map(keyword),
  ];
  return offers.length === 0 ? null : { from, offers };
}

/** Whether the parser takes the word there: it refuses nothing, or only what is not there yet. */
function fits(head: string, word: string): boolean {
  const text = `${head}${word}`;
  const { error } = readText(text);
  return error === null || error.offset >= text.length;
}

/**
 * Whether a phrase may stand there *as a phrase*. Where a name fits, most words of the language are
 * taken for names; then only what a name may follow (VAR, GLOBAL, OUT) or what is never a name is one.
 */
function isPhrasePlace(head: string, phrase: string, isNamePlace: boolean): boolean {
  if (!fits(head, phrase)) return false;
  const [first = ""] = phrase.split(" ");
  return !isNamePlace || !CONTEXTUAL.has(first) || fits(head, `${phrase} ${PROBE}`);
}

function keyword(phrase: string): Offer {
  return { label: phrase, insert: phrase, kind: "keyword", detail: "" };
}

/** Whether the cursor is inside a comment, a string or a number. */
function isInsideToken(before: string, wordStart: number): boolean {
  const last = colouredTokens(before).at(-1);
  if (last === undefined || last.end < before.length) return false;
  const isOpen = last.kind === "comment" && !before.endsWith("*/");
  const isText = last.kind === "string" || last.kind === "number";
  return isOpen || isText || (last.kind === "invalid" && last.start < wordStart);
}

/** Inside an open quote after AT NODES or `v[`: node ids. */
function quotedNode(before: string, names: KnownNames): Offers | null {
  const open = /(?:\[\s*|\bNODES\s+|,\s*)(["'])([^"'\n]*)$/i.exec(before);
  if (open === null) return null;
  const [, quote = "", typed = ""] = open;
  const from = before.length - typed.length;
  const head = before.slice(0, from - 1);
  const isPlace = /\[\s*$/.test(head) || clauseOf(head) === "NODES";
  if (!isPlace || !fits(head, `${quote}n${quote}`)) return null;
  const offers = names.nodes.slice(0, MAX_OFFERS).map((node) => ({
    label: node,
    insert: `${escaped(node, quote)}${quote}`,
    kind: "node" as const,
    detail: "",
  }));
  return { from, offers };
}

function escaped(text: string, quote: string): string {
  const written = JSON.stringify(text).slice(1, -1);
  return quote === '"' ? written : written.replaceAll('\\"', '"').replaceAll("'", "\\'");
}

function namesFor(head: string, tail: string, names: KnownNames): readonly Offer[] {
  const clause = clauseOf(head);
  if (clause === "FROM") return logOffers(names);
  if (clause === "NODES") {
    return names.nodes.slice(0, MAX_OFFERS).map((node) => {
      return { label: node, insert: JSON.stringify(node), kind: "node", detail: "" };
    });
  }
  if (clause === "AS") return [];
  // A name may stand where no call may: what GLOBAL and VAR declare.
  const isCallPlace = fits(head, `${PROBE}(`);
  if (clause === "TIME") return isCallPlace ? functionOffers(["Now", "HLCFromPT"]) : [];
  const owner = /([\p{L}_][\p{L}\p{Nd}_]*|`(?:[^`]|``)+`)\s*\.\s*$/u.exec(head)?.[1];
  if (owner !== undefined) return variableOffers(names, [plain(owner)], false);
  if (/\.\s*$/.test(head)) return [];
  const variables = variableOffers(names, logsOf(head, tail), true);
  if (!isCallPlace) return variables;
  const only = FUNCTION_NAMES.filter((name) => name !== "Now" && name !== "HLCFromPT");
  return [...variables, ...functionOffers(only)];
}

function timesFor(head: string): readonly Offer[] {
  if (clauseOf(head) !== "TIME") return [];
  return TIMES.map(([text, detail]) => ({ label: text, insert: text, kind: "time", detail }));
}

function plain(name: string): string {
  return name.startsWith("`") ? name.slice(1, -1).replaceAll("``", "`") : name;
}

function logOffers(names: KnownNames): readonly Offer[] {
  return [...names.logs.values()].slice(0, MAX_OFFERS).map(({ log, variables }) => ({
    label: log,
    insert: printName(log),
    kind: "log",
    detail: [...variables.keys()].slice(0, 3).join(", "),
  }));
}

function variableOffers(
  names: KnownNames,
  logs: readonly string[],
  withLog: boolean,
): readonly Offer[] {
  const known = logs.flatMap((log) => names.logs.get(log) ?? []);
  // Before FROM is written: whatever there is.
  const searched = known.length === 0 && withLog ? [...names.logs.values()] : known;
  return searched
    .flatMap(({ log, variables }) =>
      [...variables].map(([key, type]): Offer => {
        const detail = withLog ? `${log} · ${type}` : type;
        return { label: key, insert: printName(key), kind: "variable", detail };
      }),
    )
    .slice(0, MAX_OFFERS);
}

function functionOffers(functions: readonly string[]): readonly Offer[] {
  return functions.map((name) => ({
    label: name,
    insert: `${name}(`,
    kind: "function",
    detail: findFunction(name)?.usage ?? "",
  }));
}

/** The keyword that decides what a name means at the end of `head`. */
function clauseOf(head: string): string {
  const words = colouredTokens(`${head}${PROBE}`)
    .slice(0, -1)
    .filter(({ kind }) => kind === "keyword")
    .map(({ start, end }) => head.slice(start, end).toUpperCase());
  const [last, before] = [words.at(-1), words.at(-2)];
  if (last === "TO" || last === "TIME") return "TIME";
  if (last === "BY" || before === "FOLLOWED") return "WHEN";
  return last ?? "";
}

/** The FROM logs of the query that the cursor is in: those before it, else those behind it. */
function logsOf(head: string, tail: string): readonly string[] {
  const before = lastLogs(head, false);
  return before.length > 0 ? before : lastLogs(tail, true);
}

function lastLogs(text: string, isTail: boolean): readonly string[] {
  let logs: string[] = [];
  let isFrom = false;
  for (const { kind, start, end } of colouredTokens(text)) {
    const written = text.slice(start, end);
    if (kind === "keyword") {
      isFrom = written.toUpperCase() === "FROM";
      const isNext = /^(SELECT|EXPLAIN)$/i.test(written);
      if (isNext && isTail) return logs;
      if (isNext) logs = [];
    } else if (kind === "name" && isFrom) logs.push(plain(written));
  }
  return logs;
}
