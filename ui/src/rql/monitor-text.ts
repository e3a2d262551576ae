/**
 * A query as a monitor: one query without a range of its own and without a choice of rows. What has to
 * go is cut out of the text by its place, so that layout and comments stay as they were written.
 */
import type { Query } from "../../../collector/rql/text/ast.ts";
import type { GivenRange, MonitorDraft } from "../query/language.ts";
import { readText } from "./reading.ts";

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Null where the text cannot be read, or holds several queries. */
export function asMonitor(text: string): MonitorDraft | null {
  const { program } = readText(text);
  const [query, ...more] = program?.queries ?? [];
  if (query === undefined || more.length > 0) return null;
  const { time, take, explain, at } = query;
  const cuts = [
    ...(explain ? [{ start: at.start, end: at.start + "EXPLAIN".length }] : []),
    ...(time === undefined ? [] : [time.at]),
    ...(take === undefined ? [] : [take.at]),
  ];
  return {
    text: without(text, cuts),
    removed: cuts.map(({ start, end }) => text.slice(start, end)),
  };
}

/** The text without some stretches; of the blanks around each, one stays where words would meet. */
function without(text: string, cuts: readonly Stretch[]): string {
  let kept = "";
  let from = 0;
  for (const { start, end } of [...cuts, { start: text.length, end: text.length }]) {
    const piece = text.slice(from, start).replace(/[ \t]+$/, "");
    if (from === 0) kept = piece;
    else {
      const next = piece.replace(/^[ \t]+/, "");
      kept += kept === "" || next === "" || /^[\s;]/.test(next) ? next : ` ${next}`;
    }
    from = end;
  }
  return kept.trim();
}

/**
 * The text with every ON TIME that depends on when it is read replaced by the range that the query was
 * given, exactly: what a link or a report quotes must find the same rows tomorrow.
 */
export function withAbsoluteTimes(
  text: string,
  given: readonly (GivenRange | undefined)[],
  written: (t: GivenRange["from"]) => string,
): string {
  const { program } = readText(text);
  if (program === null) return text;
  let absolute = text;
  for (const [place, query] of [...program.queries.entries()].toReversed()) {
    const range = given[place];
    if (query.time === undefined || range === undefined || !isRelative(text, query)) continue;
    const { at, to } = query.time;
    const end = to === undefined ? "" : ` TO '${written(range.to)}'`;
    const clause = `ON TIME '${written(range.from)}'${end}`;
    absolute = absolute.slice(0, at.start) + clause + absolute.slice(at.end);
  }
  return absolute;
}

/** Times that begin with a sign or speak of now. */
function isRelative(text: string, { time }: Query): boolean {
  if (time === undefined) return false;
  return [time.from, time.to].some((one) => {
    if (one === undefined) return false;
    const written = text.slice(one.at.start, one.at.end);
    return /["']\s*(?:[-+]|now)/i.test(written) || /\bnow\s*\(/i.test(written);
  });
}
