/**
 * The language in the editor agrees with the engine: on every case file of the grammar, what the editor
 * underlines is what the case says, and every letter has its colour. Completion, fixes and monitors are
 * checked against the parser, which they must never contradict.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseProgram } from "../../collector/rql/text/parse.ts";
import { printProgram } from "../../collector/rql/text/print.ts";
import type { KnownNames } from "../../ui/src/query/known-names.ts";
import { readSchema } from "../../ui/src/query/known-names.ts";
import { applyFix, fixAt, offsetOf, type Problem } from "../../ui/src/query/problem.ts";
import { completionsAt } from "../../ui/src/rql/completions.ts";
import { examplesFor } from "../../ui/src/rql/examples.ts";
import { problemOf } from "../../ui/src/rql/fixes.ts";
import { asMonitor, withAbsoluteTimes } from "../../ui/src/rql/monitor-text.ts";
import { variablesNamed } from "../../ui/src/rql/named-variables.ts";
import { readText } from "../../ui/src/rql/reading.ts";
import { colouredTokens } from "../../ui/src/rql/tokens.ts";
import { caseFiles, casesIn } from "../collector/rql/cases.ts";
import { anyQuery, withoutPlaces } from "../collector/rql/random-trees.ts";

const NAMES: KnownNames = {
  logs: new Map(
    Object.entries({ raft: ["leader", "term", "first"], kv: ["cart.size", "leader"] }).map(
      ([log, keys]) => [
        log,
        { log, nodes: ["n1", "n2"], variables: new Map(keys.map((key) => [key, "number"])) },
      ],
    ),
  ),
  nodes: ["n1", "n2"],
  services: ["kv"],
};

function problemIn(text: string): Problem | null {
  const { error } = readText(text);
  return error === null ? null : problemOf("error", text, error);
}
const fixed = (text: string): string | null => {
  const fix = problemIn(text)?.fix;
  return fix == null ? null : applyFix(text, fix);
};

describe("the editor's grammar", () => {
  for (const file of caseFiles("query")) {
    it.each(casesIn(file))(`${file}: $title`, ({ input, expected }) => {
      const problem = problemIn(input);
      const refused = /^error (\d+):(\d+) ([a-z-]+)/.exec(expected);
      if (refused === null) expect(problem).toBeNull();
      else {
        const [, line, column, code] = refused;
        const start = offsetOf(input, Number(line), Number(column));
        expect([problem?.code, problem?.start]).toEqual([code, start]);
      }
      expectColoured(input);
    });
  }

  for (const file of [...caseFiles("expression"), ...caseFiles("check")]) {
    it.each(casesIn(file))(`${file}: $title: has a colour everywhere`, ({ input }) => {
      expectColoured(input);
    });
  }

  it.each(caseFiles("check"))(
    "reads every text of %s: what is wrong there only the collector knows",
    (file) => {
      for (const { input } of casesIn(file)) {
        const problem = problemIn(input);
        // Some of these are refused while they are read; none for its form.
        expect(problem?.code === "syntax" ? input : "").toBe("");
      }
    },
  );

  it("colours any text whatever, without an overlap and without a gap", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), expectColoured));
    fc.assert(
      fc.property(anyQuery, (query) =>
        expectColoured(printProgram({ text: "", queries: [query] })),
      ),
      { numRuns: 50 },
    );
  });

  it("tells a keyword from a variable of the same spelling", () => {
    const kinds = (text: string, word: string) =>
      colouredTokens(text)
        .filter(({ start, end }) => text.slice(start, end) === word)
        .map(({ kind }) => kind);
    expect(kinds("SELECT first FROM raft WHEN (first) > 1 first", "first")).toEqual([
      ...["name", "name"],
      "keyword",
    ]);
    expect(kinds("SELECT kv.count AS count FROM kv COUNT", "count")).toEqual(["name", "name"]);
    expect(kinds("SELECT Max(time) FROM kv ON TIME '-1m'", "time")).toEqual(["name"]);
    expect(kinds("SELECT Max(time) FROM kv ON TIME '-1m'", "TIME")).toEqual(["keyword"]);
    // Half a text: capitals are taken for the language's own.
    expect(kinds("SELECT a FROM l LIMIT", "LIMIT")).toEqual(["keyword"]);
  });
});

/** Ascending, disjoint, inside the text, and nothing but blanks between. */
function expectColoured(text: string): void {
  let end = 0;
  for (const token of colouredTokens(text)) {
    expect(token.start).toBeGreaterThanOrEqual(end);
    expect(token.end).toBeGreaterThan(token.start);
    expect(text.slice(end, token.start).replaceAll("\uFEFF", "").trim()).toBe("");
    end = token.end;
  }
  expect(end).toBeLessThanOrEqual(text.length);
  expect(text.slice(end).replaceAll("\uFEFF", "").trim()).toBe("");
}

describe("a fix", () => {
  it.each([
    ["SELEC a FROM l", "SELECT a FROM l"],
    ["SELECT a FROM l WEHN a > 1", "SELECT a FROM l WHEN a > 1"],
    ["SELECT a FROM select", "SELECT a FROM `select`"],
    ["SELECT a FROM l WHEN 1 < x < 3", "SELECT a FROM l WHEN 1 < x AND x < 3"],
    ["SELECT a FROM l WHEN a = b IN c OR d", "SELECT a FROM l WHEN a = b AND b IN c OR d"],
    ["SELECT a FROM l WHEN a ≤ 3", "SELECT a FROM l WHEN a <= 3"],
    // Advice that is no text: for people to follow.
    ["SELECT a FROM l ON TIME '-1s' WHEN a > 1", null],
    ["SELECT a FROM l WHEN a = b IS NULL", null],
  ])("of %j gives %j", (text, expected) => {
    expect(fixed(text)).toBe(expected);
  });

  it("comes from what the collector says of names as well", () => {
    const text = "SELECT leader\nFROM raft WHEN Cardnality(leader) > 1";
    const said = { code: "unknown-function", message: "", line: 2, column: 16, length: 10 };
    const problem = problemOf("error", text, { ...said, hint: "did you mean Cardinality?" });
    expect(text.slice(problem.start, problem.end)).toBe("Cardnality");
    expect(problem.fix && applyFix(text, problem.fix)).toBe(
      "SELECT leader\nFROM raft WHEN Cardinality(leader) > 1",
    );
    expect(fixAt([problem], 0)).toBe(problem.fix);
    expect(fixAt([{ ...problem, fix: null }], 0)).toBeNull();
  });
});

describe("completion", () => {
  const offered = (before: string, after = "") =>
    completionsAt(before + after, before.length, NAMES)?.offers.map(({ insert }) => insert) ?? [];

  it("offers what the place takes: logs, variables of the logs, nodes, functions, keywords", () => {
    expect(offered("")).toEqual(["SELECT", "EXPLAIN"]);
    expect(offered("SELECT leader FROM ")).toEqual(["raft", "kv"]);
    expect(offered("SELECT ", " FROM raft")).toEqual(expect.arrayContaining(["leader", "Max("]));
    expect(offered("SELECT ", " FROM raft")).not.toContain("`cart.size`");
    expect(offered("SELECT kv.", " FROM kv")).toEqual(["`cart.size`", "leader"]);
    expect(offered("SELECT leader FROM raft AT NODES ")).toEqual(['"n1"', '"n2"']);
    expect(offered("SELECT leader FROM raft AT NODES 'n1', '")).toEqual(["n1'", "n2'"]);
    expect(offered('SELECT leader["')).toEqual(['n1"', 'n2"']);
    expect(offered("SELECT leader FROM raft ON TIME ")).toEqual(
      expect.arrayContaining(["'-10m'", "'now'", "Now("]),
    );
    expect(offered("SELECT leader FROM raft W")).toEqual(expect.arrayContaining(["WHEN"]));
    expect(offered("SELECT leader FROM raft WHEN term > 1 ")).toEqual(
      expect.arrayContaining(["AND", "FOR AT LEAST", "NOT FOLLOWED BY", "LIMIT"]),
    );
    expect(offered("SELECT leader FROM raft WHEN term > 1 ")).not.toContain("WHEN");
    expect(offered("SELECT leader FROM raft WHEN ")).not.toContain("LIMIT");
    // What is declared is a name, and no call.
    expect(offered("SELECT leader FROM raft COMPUTE GLOBAL ")).toContain("leader");
    expect(offered("SELECT leader FROM raft COMPUTE GLOBAL ")).not.toContain("Count(");
  });

  it("is silent inside strings, comments and numbers", () => {
    expect(offered("SELECT a FROM raft WHEN a = 'lea")).toEqual([]);
    expect(offered("SELECT a # the lea")).toEqual([]);
    expect(offered("SELECT a /* the lea")).toEqual([]);
    expect(offered("SELECT 12")).toEqual([]);
  });

  it("never offers what the parser refuses in that place", () => {
    fc.assert(
      fc.property(anyQuery, fc.nat(), (query, cut) => {
        const whole = printProgram({ text: "", queries: [query] });
        const head = whole.slice(0, cut % (whole.length + 1));
        const found = completionsAt(head, head.length, NAMES);
        for (const { insert } of found?.offers ?? []) {
          const text = head.slice(0, found?.from) + insert;
          const { error } = readText(text);
          if (error !== null && error.offset < text.length) {
            expect([text, error.message]).toEqual([text, "refused only behind it"]);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("queries to begin with", () => {
  const entry = (node: string, log: string, key: string) => ({
    ...{ node, service: "s", log, changes: 1, variableCount: 1 },
    variables: [{ key, type: "number" }],
  });

  it("ask how nodes differ in what most of them have", () => {
    const logs = [entry("gate", "accepted", "apples"), entry("n1", "kv", "pears")];
    const schema = { services: ["s"], nodes: ["gate", "n1", "n2"] };
    const texts = (more: typeof logs) =>
      examplesFor(readSchema({ ...schema, logs: [...logs, ...more] })).map(({ text }) => text);
    expect(texts([entry("n2", "kv", "pears")])).toEqual([
      "SELECT pears FROM kv",
      "SELECT pears FROM kv WHEN Cardinality(pears) > 1",
      "SELECT pears FROM kv WHEN Max(pears) - Min(pears) > 3",
    ]);
    expect(texts([])[0]).toBe("SELECT apples FROM accepted");
    expect(examplesFor(readSchema({ ...schema, logs: [] }))).toEqual([]);
  });
});

describe("a query as a monitor", () => {
  it("loses its range and its choice of rows and nothing else, whatever it says", () => {
    fc.assert(
      fc.property(anyQuery, (query) => {
        const text = printProgram({ text: "", queries: [query] });
        const draft = asMonitor(text);
        const [kept] = parseProgram(draft?.text ?? "").queries;
        const [before] = parseProgram(text).queries;
        const bare = { ...before, explain: false, time: undefined, take: undefined };
        expect(withoutPlaces(kept)).toEqual(withoutPlaces(bare));
      }),
      { numRuns: 150 },
    );
  });

  it("keeps layout and comments, and says what had to go", () => {
    const text =
      'SELECT leader # who\nFROM raft\nWHEN Cardinality(leader) > 1\nON TIME "-10m" TO "now"\nFIRST 3;';
    expect(asMonitor(text)).toEqual({
      text: "SELECT leader # who\nFROM raft\nWHEN Cardinality(leader) > 1\n\n;",
      removed: ['ON TIME "-10m" TO "now"', "FIRST 3"],
    });
    expect(asMonitor("SELECT a FROM l; SELECT b FROM l")).toBeNull();
    expect(asMonitor("SELECT a FROM")).toBeNull();
  });
});

describe("a query in a link", () => {
  const given = [{ from: 10, to: 20 }] as never;
  const written = (t: number) => `T${t}`;

  it("has times that mean the same tomorrow", () => {
    const link = (text: string) => withAbsoluteTimes(text, given, written as never);
    expect(link('SELECT a FROM l ON TIME "-10m" TO "now" FIRST')).toBe(
      "SELECT a FROM l ON TIME 'T10' TO 'T20' FIRST",
    );
    expect(link("SELECT a FROM l ON TIME Now() - 5s")).toBe("SELECT a FROM l ON TIME 'T10'");
    const absolute = "SELECT a FROM l ON TIME '2026-11-21T16:00:00Z'";
    expect(link(absolute)).toBe(absolute);
    expect(link("SELECT a FROM")).toBe("SELECT a FROM");
  });

  it("names the variables that its tracks show, in the order of the text", () => {
    expect(
      variablesNamed("SELECT term FROM raft, kv WHEN Max(term) > 1 AND kv.leader = 2", NAMES),
    ).toEqual([
      { log: "raft", key: "term" },
      { log: "kv", key: "leader" },
    ]);
    expect(variablesNamed("SELECT * FROM raft", NAMES)).toEqual([]);
  });
});
