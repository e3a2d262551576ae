/** Asks a told history a question, and finds the answer's parts. */
import type { Json } from "../../../agent/kernel/index.ts";
import { checkText } from "../../../collector/rql/check/check.ts";
import { interpret } from "../../../collector/rql/interpret/interpret.ts";
import type { InterpretOptions } from "../../../collector/rql/interpret/interpretation.ts";
import type {
  CutLine,
  EndLine,
  IntervalLine,
  ResultLine,
  RowLine,
} from "../../../collector/rql/interpret/lines.ts";
import { at, cutsOf, type Happening, schemaOf, type ToldOptions } from "./told-cuts.ts";

export interface Answer {
  readonly lines: readonly ResultLine[];
  readonly rows: readonly RowLine[];
  readonly end: EndLine;
  readonly warnings: readonly string[];
}

/** One query over [0, 1000] ms unless said. ON TIME in the text must be inside what is told. */
export function ask(
  text: string,
  happenings: readonly Happening[],
  told: Partial<ToldOptions> = {},
  options: InterpretOptions = {},
): Answer {
  const schema = schemaOf(happenings);
  const [query] = checkText(text, { schema, now: at(1_000) });
  if (query === undefined) throw new Error("no query");
  const range = query.range ?? { from: at(0), to: at(1_000) };
  const lines = [...interpret(query, cutsOf(happenings, { ...range, ...told }), options)];
  const rows = lines.filter((line) => line.type === "row");
  const end = lines.at(-1);
  if (end?.type !== "end") throw new Error("no end");
  const warnings = lines.flatMap((line) => (line.type === "warning" ? [line.code] : []));
  return { lines, rows, end, warnings };
}

/** The rows as [from, to] in milliseconds, for reading. */
export function spans({ rows }: Answer): (readonly [number, number])[] {
  return rows.map((row) => {
    const { from, to } = row as IntervalLine;
    return [msAfterZero(from.hlc), msAfterZero(to.hlc)] as const;
  });
}

/** The cuts of EACH CHANGE in milliseconds. */
export function moments({ rows }: Answer): number[] {
  return rows.map((row) => msAfterZero((row as CutLine).at.hlc));
}

/** The only column of the first row. */
export function firstValue({ rows }: Answer): Json | undefined {
  const [row] = rows;
  return row === undefined ? undefined : Object.values(row.values)[0];
}

function msAfterZero(hlc: string): number {
  const ms = Number.parseInt(hlc.slice(0, 12), 16) - Date.parse("2026-11-21T16:00:00Z");
  return ms + Number.parseInt(hlc.slice(12), 16) / 65_536;
}
