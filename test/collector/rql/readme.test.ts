/** The examples of the README: checked, run, and compared with what it says they find. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkText } from "../../../collector/rql/check/check.ts";
import { explainText } from "../../../collector/rql/explain.ts";
import { interpret } from "../../../collector/rql/interpret/interpret.ts";
import type { ResultLine } from "../../../collector/rql/interpret/lines.ts";
import { EXAMPLE_HISTORY, EXAMPLE_SERVICES } from "./example-history.ts";
import { at, cutsOf, schemaOf, ZERO } from "./told-cuts.ts";

const README = readFileSync(
  resolve(import.meta.dirname, "../../../collector/rql/README.md"),
  "utf8",
);
const EXAMPLES = [...README.matchAll(/^```rql\n(.*?)\n# => (.*?)\n```/gms)].map(
  ([, text = "", expected = ""]) => ({ text, expected }),
);

function answer(text: string): readonly ResultLine[] {
  const schema = { ...schemaOf(EXAMPLE_HISTORY), services: ["kv", "jobs", "edge"] };
  return checkText(text, { schema, now: at(10_000) }).flatMap((query) => {
    const range = query.range ?? { from: at(0), to: at(10_000) };
    return [...interpret(query, cutsOf(EXAMPLE_HISTORY, { ...range, services: EXAMPLE_SERVICES }))];
  });
}

/** As the README writes it. */
function told(lines: readonly ResultLine[]): string {
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

describe("the README of the language", () => {
  it("has the fifteen examples", () => {
    expect(EXAMPLES).toHaveLength(15);
  });

  it.each(EXAMPLES)("$text", ({ text, expected }) => {
    const lines = answer(text);
    expect(told(lines)).toBe(expected);
    expect(lines.filter(({ type }) => type === "warning")).toEqual([]);
    expect(lines.at(-1)).toMatchObject({ type: "end", status: "done", complete: true });
  });

  it.each(EXAMPLES)("explained: $text", ({ text }) => {
    const schema = schemaOf(EXAMPLE_HISTORY);
    const [query] = checkText(`EXPLAIN ${text}`, { schema, now: at(10_000) });
    const plan = query === undefined ? "" : explainText(query);
    expect(plan).toMatch(/^query 0 {3}(?:intervals|cuts|windows|totals), /);
    expect(plan.includes("sequential")).toBe(text.includes("GLOBAL"));
  });
});
