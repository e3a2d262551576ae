/** The grammar, by cases in text files, and the printer that undoes the parser. */
import { describe, expect, it } from "vitest";
import { RqlError } from "../../../../collector/rql/errors.ts";
import { parseExpression, parseProgram } from "../../../../collector/rql/text/parse.ts";
import { printExpression, printProgram } from "../../../../collector/rql/text/print.ts";
import { caseFiles, casesIn } from "../cases.ts";
import { queryText, treeText } from "../tree-text.ts";

/** A tree, or `error line:column code: message (hint)`. */
function told(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RqlError)) throw error;
    const hint = error.hint === undefined ? "" : ` (${error.hint})`;
    return `error ${error.line}:${error.column} ${error.code}: ${error.message}${hint}`;
  }
}

function expectTold(actual: string, expected: string): void {
  // Of an error the beginning is enough.
  if (expected.startsWith("error")) expect(actual.slice(0, expected.length)).toBe(expected);
  else expect(actual).toBe(expected);
}

for (const file of caseFiles("expression")) {
  describe(file, () => {
    it.each(casesIn(file))("$title", ({ input, expected }) => {
      expectTold(
        told(() => treeText(parseExpression(input))),
        expected,
      );
    });

    it.each(casesIn(file).filter(({ expected }) => !expected.startsWith("error")))(
      "$title: printed and read again it is the same",
      ({ input, expected }) => {
        const printed = printExpression(parseExpression(input));
        expect(treeText(parseExpression(printed))).toBe(expected);
      },
    );
  });
}

for (const file of caseFiles("query")) {
  describe(file, () => {
    it.each(casesIn(file))("$title", ({ input, expected }) => {
      const read = (text: string): string => parseProgram(text).queries.map(queryText).join("\n");
      expectTold(
        told(() => read(input)),
        expected,
      );
      if (expected.startsWith("error")) return;
      expect(read(printProgram(parseProgram(input)))).toBe(expected);
    });
  });
}

describe("an error", () => {
  function errorOf(text: string): RqlError {
    try {
      parseProgram(text);
    } catch (error) {
      if (error instanceof RqlError) return error;
    }
    throw new Error("it was read");
  }

  it("shows its line with carets below, and a hint", () => {
    const text = "SELECT a\nFROM l WHEN a > 9007199254740993 AND b";
    expect(String(errorOf(text))).toBe(
      [
        "number-too-large at 2:17: this number is too large",
        "  FROM l WHEN a > 9007199254740993 AND b",
        "                  ^^^^^^^^^^^^^^^^",
        "  integers go up to 9007199254740991 (2^53 - 1), other numbers up to some 1.79e308",
      ].join("\n"),
    );
  });

  it("puts the carets below also behind tabs and characters of two units", () => {
    const { excerpt, column, offset, length } = errorOf("SELECT a FROM\tl WHEN '𝒳' = = 1");
    expect(excerpt).toBe("SELECT a FROM\tl WHEN '𝒳' = = 1\n             \t             ^");
    expect({ column, offset, length }).toEqual({ column: 29, offset: 28, length: 1 });
  });

  it("shows of a long line what is around the place", () => {
    const text = `SELECT a FROM l WHEN ${"a = 1 AND ".repeat(100)} = ${" OR b".repeat(100)}`;
    const [shown = "", carets = ""] = errorOf(text).excerpt.split("\n");
    expect(shown.length).toBeLessThan(130);
    expect(shown[carets.indexOf("^")]).toBe("=");
  });

  it("never shows a control character of the text", () => {
    const { excerpt } = errorOf("SELECT a FROM l WHEN '\u001b[31m\u0007' = = 1");
    expect([...excerpt].filter((char) => char < " " && char !== "\n")).toEqual([]);
    expect(excerpt).toContain("�[31m�");
  });

  it("says in which query of the text it is", () => {
    expect(errorOf("SELECT a FROM l; SELECT b FROM m; SELECT c FROM ;").query).toBe(2);
  });

  it("counts lines however they end", () => {
    const text = "SELECT a\r\nFROM l\rWHEN a\n= = 1";
    expect(errorOf(text)).toMatchObject({ line: 4, column: 3, offset: text.indexOf("= 1") });
  });
});
