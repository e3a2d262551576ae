/** The examples of the language's README, and their answers over the history as it is told. */
import { checkText } from "../../../collector/rql/check/check.ts";
import { interpret } from "../../../collector/rql/interpret/interpret.ts";
import type { ResultLine } from "../../../collector/rql/interpret/lines.ts";
import { EXAMPLE_HISTORY, EXAMPLE_SERVICES } from "./example-history.ts";
import { at, cutsOf, schemaOf, ZERO } from "./told-cuts.ts";

export interface Example {
  readonly text: string;
  readonly expected: string;
}

export function examplesOf(readme: string): readonly Example[] {
  return [...readme.matchAll(/^```rql\n(.*?)\n# => (.*?)\n```/gms)].map(
    ([, text = "", expected = ""]) => ({ text, expected }),
  );
}

export function answer(text: string): readonly ResultLine[] {
  const schema = { ...schemaOf(EXAMPLE_HISTORY), services: ["kv", "jobs", "edge"] };
  return checkText(text, { schema, now: at(10_000) }).flatMap((query) => {
    const range = query.range ?? { from: at(0), to: at(10_000) };
    return [...interpret(query, cutsOf(EXAMPLE_HISTORY, { ...range, services: EXAMPLE_SERVICES }))];
  });
}

/** As the README writes it. */
export function told(lines: readonly ResultLine[]): string {
  const rows = lines.filter((line) => line.type === "row");
  const end = lines.at(-1);
  if (rows.length === 0 && end?.type === "end") {
    return `${end.matches} match${end.matches === 1 ? "" : "es"}, ${end.matchedMs} ms`;
  }
  const ranges = rows.map((row) =>
    "at" in row ? `${msOf(row.at.hlc)}` : `${msOf(row.from.hlc)}..${msOf(row.to.hlc)}`,
  );
  return (rows.some((row) => "at" in row) ? "at " : "") + ranges.join(", ");
}

function msOf(hlc: string): number {
  const zeroMs = ZERO / 4_096 + Date.parse("2020-01-01T00:00:00Z");
  return (
    Number.parseInt(hlc.slice(0, 12), 16) - zeroMs + Number.parseInt(hlc.slice(12), 16) / 65_536
  );
}
