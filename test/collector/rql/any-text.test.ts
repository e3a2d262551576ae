/** Random texts: refused with a place, or run; nothing fails. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkText } from "../../../collector/rql/check/check.ts";
import { RqlError } from "../../../collector/rql/errors.ts";
import { interpret } from "../../../collector/rql/interpret/interpret.ts";
import { printExpression } from "../../../collector/rql/text/print.ts";
import { anyHistory } from "./random-histories.ts";
import { anyExpr } from "./random-trees.ts";
import { at, cutsOf, schemaOf } from "./told-cuts.ts";

describe("for any text", () => {
  const known = anyExpr.map((expr) =>
    printExpression(expr)
      .replaceAll(/`[^`]*`(?:`[^`]*`)*/g, "v")
      .replaceAll(/\b(?:Foo1|größe)\b/g, "Max"),
  );

  it("the checker and the interpreter accept it or refuse it with a place, and never fail", () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyHistory, known, known, (happenings, compute, when) => {
        const schema = schemaOf(happenings);
        const parts = [`COMPUTE VAR v := 0 AND (${compute})`, `WHEN ${when}`];
        for (const text of [
          `SELECT v FROM l ${parts.join(" ")}`,
          `SELECT w, l.v FROM l ${parts[1]}`,
        ]) {
          try {
            for (const query of checkText(text, { schema, now: at(1_000) })) {
              const cuts = cutsOf(happenings, { from: at(0), to: at(1_000) });
              const lines = [...interpret(query, cuts, { limits: { steps: 5_000 } })];
              expect(lines.at(-1)?.type).toBe("end");
              accepted += 1;
            }
          } catch (error) {
            if (!(error instanceof RqlError)) throw error;
            expect(error.line).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 200 },
    );
    expect(accepted).toBeGreaterThan(5);
  });

  it("whatever characters it is made of", () => {
    const schema = schemaOf([]);
    const word = fc.constantFrom(
      ...[
        "SELECT",
        "FROM",
        "l",
        "v",
        "WHEN",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "IN",
        "EXISTS",
        "x",
        ":",
        ":=",
        ";",
      ],
      ...[
        "AND",
        "OR",
        "NOT",
        "1",
        "5ms",
        "'a'",
        ",",
        ".",
        "?",
        "=",
        "<",
        "+",
        "-",
        "ON",
        "TIME",
        "FIRST",
        "IS",
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(word, { maxLength: 25 }).map((words) => words.join(" ")),
    );
    fc.assert(
      fc.property(text, (one) => {
        try {
          checkText(`SELECT v FROM l WHEN ${one}`, { schema, now: at(0) });
          checkText(one, { schema, now: at(0) });
        } catch (error) {
          if (!(error instanceof RqlError)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
