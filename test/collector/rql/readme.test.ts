/** The examples of the README: checked, run, and compared with what it says they find. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkText } from "../../../collector/rql/check/check.ts";
import { explainText } from "../../../collector/rql/explain.ts";
import { EXAMPLE_HISTORY } from "./example-history.ts";
import { exampleLines } from "./example-lines.ts";
import { answer, examplesOf, told } from "./readme-examples.ts";
import { at, schemaOf } from "./told-cuts.ts";

const README = readFileSync(
  resolve(import.meta.dirname, "../../../collector/rql/README.md"),
  "utf8",
);
const EXAMPLES = examplesOf(README);
const FIXTURE = resolve(import.meta.dirname, "../../fixtures/rql-examples.jsonl");
// To write it anew, after a change of the example history: RETROSCOPE_WRITE_FIXTURES=1, and this test.
if (process.env["RETROSCOPE_WRITE_FIXTURES"] === "1") writeFileSync(FIXTURE, exampleLines());

describe("the README of the language", () => {
  it("has the fifteen examples", () => {
    expect(EXAMPLES).toHaveLength(15);
  });

  it("names the file of the history that they search", () => {
    expect(README).toContain("retroscope import jsonl test/fixtures/rql-examples.jsonl");
    expect(readFileSync(FIXTURE, "utf8")).toBe(exampleLines());
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
