import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExpression, parseProgram } from "../../../../collector/rql/text/parse.ts";
import { printExpression, printName, printProgram } from "../../../../collector/rql/text/print.ts";
import { anyExpr, anyQuery, withoutPlaces } from "../random-trees.ts";

describe("the trees of these tests", () => {
  it("are deep enough to need parentheses", () => {
    const printed = fc.sample(anyExpr, { numRuns: 300, seed: 1 }).map(printExpression);
    const nested = printed.filter((one) => /\(.*\(/s.test(one));
    expect(nested.length).toBeGreaterThan(100);
  });
});

describe("the printer", () => {
  it("is undone by the parser, for any expression", () => {
    fc.assert(
      fc.property(anyExpr, (expr) => {
        const read = parseExpression(printExpression(expr));
        expect(withoutPlaces(read)).toEqual(withoutPlaces(expr));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is undone by the parser, for any program", () => {
    fc.assert(
      fc.property(fc.array(anyQuery, { minLength: 1, maxLength: 3 }), (queries) => {
        const printed = printProgram({ text: "", queries });
        expect(withoutPlaces(parseProgram(printed).queries)).toEqual(withoutPlaces(queries));
      }),
      { numRuns: 500 },
    );
  });

  it("writes no pair of parentheses that could be left out", () => {
    fc.assert(
      fc.property(anyExpr, (expr) => {
        const printed = printExpression(expr);
        const tree = JSON.stringify(withoutPlaces(expr));
        for (const without of withoutOnePair(printed)) {
          expect(readAs(without)).not.toBe(tree);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("writes keywords in any case so that the parser reads the same", () => {
    const query = "select a from l when not a in b and exists x in a : (x is null) first 3";
    const upper = "SELECT a FROM l WHEN NOT a IN b AND EXISTS x IN a : (x IS NULL) FIRST 3";
    const read = (text: string): unknown => withoutPlaces(parseProgram(text).queries);
    expect(read(query)).toEqual(read(upper));
  });

  it("puts a name in backticks where it could be taken for something else", () => {
    expect(["v", "_1", "größe"].map(printName)).toEqual(["v", "_1", "größe"]);
    expect(["in", "Count", "a b", "1a", "x`y"].map(printName)).toEqual([
      ...["`in`", "`Count`", "`a b`", "`1a`", "`x``y`"],
    ]);
  });
});

/** The text without each of its pairs in turn, those inside strings and names aside. */
function* withoutOnePair(text: string): Generator<string> {
  const code = text.replaceAll(/"(?:[^"\\]|\\.)*"|`(?:[^`]|``)*`/gs, (quoted) =>
    "_".repeat(quoted.length),
  );
  const opened: number[] = [];
  for (let at = 0; at < code.length; at += 1) {
    if (code[at] === "(") opened.push(at);
    if (code[at] !== ")") continue;
    const start = opened.pop() ?? 0;
    yield `${text.slice(0, start)} ${text.slice(start + 1, at)} ${text.slice(at + 1)}`;
  }
}

function readAs(text: string): string | undefined {
  try {
    return JSON.stringify(withoutPlaces(parseExpression(text)));
  } catch {
    return undefined;
  }
}
