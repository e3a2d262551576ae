import { describe, expect, it } from "vitest";
import { checkText } from "../../../../collector/rql/check/check.ts";
import type { Schema } from "../../../../collector/rql/check/schema.ts";
import { RqlError } from "../../../../collector/rql/errors.ts";
import { caseFiles, casesIn } from "../cases.ts";
import { at } from "../told-cuts.ts";

const SCHEMA: Schema = {
  logs: new Map([
    ["kv", ["ver", "ok"]],
    ["kv2", ["ver"]],
    ["raft", ["leader", "role", "term"]],
    ["term", ["term"]],
  ]),
  nodes: ["b", "a"],
  services: ["kv"],
};
const OPTIONS = { schema: SCHEMA, now: at(0) };

const check = (text: string): ReturnType<typeof checkText> => checkText(text, OPTIONS);

function refusal(text: string, options: Parameters<typeof checkText>[1] = OPTIONS): string {
  try {
    checkText(text, options);
  } catch (error) {
    if (!(error instanceof RqlError)) throw error;
    const hint = error.hint === undefined ? "" : ` (${error.hint})`;
    return `error ${error.line}:${error.column} ${error.code}: ${error.message}${hint}`;
  }
  return "it was accepted";
}

for (const file of caseFiles("check").filter((name) => name.includes("errors"))) {
  describe(file, () => {
    it.each(casesIn(file))("$title", ({ input, expected }) => {
      expect(refusal(input).slice(0, expected.length)).toBe(expected);
    });
  });
}

for (const file of caseFiles("check").filter((name) => name.includes("warnings"))) {
  describe(file, () => {
    it.each(casesIn(file))("$title", ({ input, expected }) => {
      const told = check(input).flatMap(({ warnings }) =>
        warnings.map(({ line, column, code, message, hint, names }) => {
          const more = `${hint ? ` (${hint})` : ""}${names ? ` [${names.join(", ")}]` : ""}`;
          return `${line}:${column} ${code}: ${message}${more}`;
        }),
      );
      const wanted = expected === "" ? [] : expected.split("\n");
      expect(told.map((one, index) => one.slice(0, wanted[index]?.length))).toEqual(wanted);
    });
  });
}

describe("the columns", () => {
  const headings = (text: string): string[] | undefined =>
    check(text)[0]?.items.map(({ heading }) => heading);

  it("are called as they are written, or by AS", () => {
    expect(headings('SELECT ver, ver["a"]  -  ver["b"] AS lag, Max( ver ) FROM kv')).toEqual([
      ...["ver", "lag", "Max( ver )"],
    ]);
  });

  it("are every variable of the FROM logs for *, qualified where two logs have it", () => {
    expect(headings("SELECT * FROM kv, kv2")).toEqual(["ok", "kv.ver", "kv2.ver"]);
  });

  it("name a variable once, though * has it too", () => {
    expect(headings("SELECT ver, * FROM kv")).toEqual(["ver", "ok"]);
  });

  it("end with what OUT declares, unless it is selected", () => {
    expect(headings("SELECT ver FROM kv COMPUTE OUT x := 1 AND VAR y := 2")).toEqual(["ver", "x"]);
    expect(headings("SELECT x, ver FROM kv COMPUTE OUT x := 1")).toEqual(["x", "ver"]);
  });

  it("are at most 256", () => {
    const wide = (count: number): string => {
      const logs = new Map([["l", Array.from({ length: count }, (_, n) => `v${n}`)]]);
      return refusal("SELECT * FROM l", { ...OPTIONS, schema: { ...SCHEMA, logs } });
    };
    expect(wide(256)).toBe("it was accepted");
    expect(wide(257)).toMatch(/too-many-columns/);
  });
});

describe("the names of a query", () => {
  const starts = (text: string): unknown => check(text)[0]?.names.map(({ start }) => start);

  it("begin empty, by the kind of what is assigned to them", () => {
    const text = `SELECT ver FROM kv COMPUTE VAR n AND VAR s AND VAR b AND VAR z
      AND n := Max(ver) - 1 AND s := "a" + "b" AND b := (Max(ver) > 1) AND z := z UNION ver`;
    expect(starts(text)).toMatchObject([0, "", false, { members: [] }]);
  });

  it("have kinds that follow from each other, whatever their order", () => {
    const text =
      "SELECT ver FROM kv COMPUTE VAR a AND VAR b AND VAR c AND a := b AND b := c AND c := 1";
    expect(starts(text)).toEqual([0, 0, 0]);
  });

  it("may be used before the place of their declaration", () => {
    expect(check("SELECT x FROM kv COMPUTE x := 1 AND VAR x")[0]?.warnings).toEqual([]);
  });
});

describe("a query must run in order of time", () => {
  const sequential = (compute: string, rest = ""): string | undefined =>
    check(`SELECT ver FROM kv COMPUTE ${compute} ${rest}`)[0]?.sequential;

  const cases: readonly (readonly [why: string, compute: string, rest: string, is: boolean])[] = [
    ["assigned before it is read", "GLOBAL g AND g := Count(ver)", "WHEN g > 1", false],
    ["read in its own assignment", "GLOBAL g AND g := g + 1", "", true],
    ["read before it is assigned", "GLOBAL g := 0 AND VAR x := g AND g := 1", "", true],
    ["read though assigned only if", "GLOBAL g AND Max(ver) > 1 AND g := 1", "WHEN g > 1", true],
    [
      "assigned after an assignment, which is TRUE",
      "GLOBAL g AND VAR x := 1 AND g := 1",
      "WHEN g > 1",
      false,
    ],
    ["assigned behind OR", "GLOBAL g AND (Max(ver) > 1 OR g := 1)", "WHEN g > 1", true],
    [
      "assigned in both branches",
      "GLOBAL g AND (Max(ver) > 1 ? (g := 1) : (g := 2))",
      "WHEN g > 1",
      false,
    ],
    ["assigned in one branch", "GLOBAL g AND (Max(ver) > 1 ? (g := 1) : ;)", "WHEN g > 1", true],
    ["a GLOBAL that starts once and is read", "GLOBAL g := Max(ver)", "WHEN g > 1", true],
    ["never read", "GLOBAL g := 0", "", false],
    ["VARs begin afresh", "VAR x := 1 AND x := x + 1", "WHEN x > 1", false],
    ["an assignment in a quantifier", "VAR x := 0 AND FOREACH y IN ver : (x := 1)", "", true],
    ["an assignment in WHEN", "VAR x := 0", "WHEN x := 1", true],
  ];
  it.each(cases)("%s", (_why, compute, rest, is) => {
    expect(sequential(compute, rest) !== undefined).toBe(is);
  });
});

describe("ON TIME", () => {
  const range = (time: string): unknown => check(`SELECT ver FROM kv ON TIME ${time}`)[0]?.range;

  const cases: readonly (readonly [text: string, from: number, to: number])[] = [
    ["'2026-11-21T16:00:00Z'", 0, 0],
    ["'2026-11-21T16:00:00.500Z' TO '2026-11-21T17:00:01+01:00'", 500, 1_000],
    ["1795276800000 TO 1795276800000.5", 0, 0.5],
    ["'-10ms' TO 'now'", -10, 0],
    ["Now() - 5s TO now() + 2 * 1ms", -5_000, 2],
    ["HLCFromPT(1795276800000) - (2s - 500ms) TO TIME 'now'", -1_500, 0],
    ["'01a1fed600000000' TO '2026-11-21T16:00:00.001Z+800'", 0, 1.5],
    ["'now' - 4.5ms", -4.5, -4.5],
  ];
  it.each(cases)("%s", (text, from, to) => {
    expect(range(text)).toEqual({ from: at(from), to: at(to) });
  });
});

describe("the bounds of a text", () => {
  const long = (times: number, part: string, join = ", "): string =>
    Array(times).fill(part).join(join);
  const cases: readonly (readonly [code: string, atBound: string, beyond: string])[] = [
    [
      "too-many-queries",
      long(16, "SELECT ver FROM kv", "; "),
      long(17, "SELECT ver FROM kv", "; "),
    ],
    ["too-many-logs", `SELECT ok FROM ${long(16, "kv")}`, `SELECT ok FROM ${long(17, "kv")}`],
    [
      "set-too-large",
      `SELECT ok FROM kv WHEN 1 IN {${long(1_000, "1")}}`,
      `SELECT ok FROM kv WHEN 1 IN {${long(1_001, "1")}}`,
    ],
    [
      "nesting-too-deep",
      `SELECT ok FROM kv WHEN ${"(".repeat(63)}1${")".repeat(63)}`,
      `SELECT ok FROM kv WHEN ${"(".repeat(64)}1${")".repeat(64)}`,
    ],
    [
      "nesting-too-deep",
      `SELECT ok FROM kv WHEN 1${"+1".repeat(255)}`,
      `SELECT ok FROM kv WHEN 1${"+1".repeat(256)}`,
    ],
    [
      "text-too-long",
      `SELECT ok FROM kv ${" ".repeat(16_384 - 18)}`,
      `SELECT ok FROM kv ${" ".repeat(16_385 - 18)}`,
    ],
    [
      "text-too-long",
      `SELECT ok FROM kv #${"é".repeat((16_384 - 20) / 2)}`,
      `SELECT ok FROM kv #${"é".repeat((16_386 - 20) / 2 + 1)}`,
    ],
    [
      "too-many-nodes",
      `SELECT ok FROM kv AT NODES ${long(1_000, "a")}`,
      `SELECT ok FROM kv AT NODES ${long(1_001, "a")}`,
    ],
  ];
  it.each(cases)("%s only beyond it", (code, atBound, beyond) => {
    expect(refusal(atBound)).toBe("it was accepted");
    expect(refusal(beyond)).toContain(` ${code}: `);
  });

  it("do not concern chains of AND and OR, which are flat", () => {
    expect(refusal(`SELECT ok FROM kv WHEN ${long(1_000, "TRUE", " AND ")}`)).toBe(
      "it was accepted",
    );
  });
});

describe("a monitor's text", () => {
  const monitor = (text: string): string => refusal(text, { ...OPTIONS, forMonitor: true });

  it("is one query without ON TIME, FIRST, LAST, LIMIT and COUNT", () => {
    expect(monitor("SELECT ver FROM kv WHEN Max(ver) > 1 GROUP BY SERVICE;")).toBe(
      "it was accepted",
    );
    for (const rest of ["ON TIME '-1s'", "FIRST", "LAST 2", "LIMIT 3", "COUNT"]) {
      expect(monitor(`SELECT ver FROM kv ${rest}`)).toContain("error 1:20 not-for-monitors");
    }
    expect(monitor("SELECT ver FROM kv; SELECT ver FROM kv")).toContain("1:21 not-for-monitors");
  });
});
