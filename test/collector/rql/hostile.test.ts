/** Texts and names that somebody chose to do harm: refused with a place, or evaluated like any other. */
import { describe, expect, it } from "vitest";
import type { CheckedQuery } from "../../../collector/rql/check/bound.ts";
import { checkText } from "../../../collector/rql/check/check.ts";
import type { Schema } from "../../../collector/rql/check/schema.ts";
import { RqlError } from "../../../collector/rql/errors.ts";
import { interpret } from "../../../collector/rql/interpret/interpret.ts";
import { ask } from "./ask.ts";
import { at, cutsOf, type Happening, schemaOf } from "./told-cuts.ts";

const TEMPTING = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "$set"];
const HISTORY: readonly Happening[] = [
  { t: at(0), node: "__proto__", kind: "set", key: "__proto__", value: 1 },
  { t: at(0), node: "constructor", kind: "set", key: "__proto__", value: 2 },
  {
    ...{ t: at(0), node: "constructor", kind: "set", key: "constructor" },
    value: JSON.parse('{"__proto__": {"x": 7}, "toString": 3}'),
  },
];

/** Time of the processor in which a text is checked or refused; the best of a few tries, as others collect and compile. */
const CHECKED_MS = 100;
const TRIES = 5;
/** Of the processor, for what would run for minutes: a bound, not a measure. */
const SOON_MS = 5_000;

/** @throws RqlError */
function checkedSoon(text: string, schema: Schema = schemaOf(HISTORY)): readonly CheckedQuery[] {
  let leastMs = Number.POSITIVE_INFINITY;
  let queries: readonly CheckedQuery[] = [];
  let refusal: unknown;
  for (let i = 0; i < TRIES && leastMs > CHECKED_MS; i += 1) {
    const before = process.cpuUsage();
    try {
      queries = checkText(text, { schema, now: at(0) });
    } catch (error) {
      refusal = error;
    }
    const { user, system } = process.cpuUsage(before);
    leastMs = Math.min(leastMs, (user + system) / 1_000);
  }
  expect(leastMs).toBeLessThanOrEqual(CHECKED_MS);
  if (refusal !== undefined) throw refusal;
  return queries;
}

function outcome(text: string): string {
  const started = process.cpuUsage();
  let told = "";
  try {
    for (const query of checkedSoon(text)) {
      const limits = { steps: 20_000 };
      const cuts = cutsOf(HISTORY, { from: at(0), to: at(1) });
      for (const line of interpret(query, cuts, { limits }))
        if (line.type === "end") told = line.status;
    }
  } catch (error) {
    if (!(error instanceof RqlError)) throw error;
    expect(error.offset).toBeLessThanOrEqual(text.length);
    expect(error.excerpt.length).toBeLessThan(400);
    told = error.code;
  }
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1_000).toBeLessThan(SOON_MS);
  return told;
}

const HEAD = "SELECT `__proto__` FROM l WHEN ";
const filled = (start: string, part: string, end = ""): string => {
  const room = 16_384 - start.length - end.length;
  return start + part.repeat(Math.floor(room / part.length)) + end;
};

describe("a hostile text", () => {
  const nests = [
    "(",
    "{",
    "!",
    "-",
    "NOT ",
    "Max(",
    "v[",
    "1 ? (",
    "x := (",
    "{x IN ",
    "EXISTS x IN ",
  ];
  it.each(nests)("of 16 KiB of %j is refused for its depth", (part) => {
    expect(["nesting-too-deep", "syntax"]).toContain(outcome(filled(HEAD, part)));
  });

  const chains = [
    "1+",
    "1*",
    "{} UNION ",
    "TRUE AND ",
    "TRUE OR ",
    "1 ? (1) : (1) AND ",
    "v.",
    "1=",
    "1,",
  ];
  it.each(chains)("of 16 KiB of %j is answered soon", (part) => {
    expect(outcome(filled(HEAD, part, "v"))).not.toBe("");
  });

  it("of thousands of flat operands runs", () => {
    expect(outcome(filled(HEAD, "TRUE AND ", "TRUE"))).toBe("done");
    expect(outcome(filled(HEAD, "FALSE OR ", "TRUE"))).toBe("done");
  });

  const members = (count: number, of: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => of(i)).join();
  it.each([
    ["IN lists", filled(`${HEAD}1 IN {`, "1,", "1}"), "set-too-large"],
    [
      "sets in sets",
      `${HEAD}1 IN {${members(300, (i) => `{${members(8, (j) => `${i * j}`)}}`)}}`,
      "done",
    ],
    ["power sets", filled(HEAD, "Count(Subset({1,2,3})) > 9 OR ", "TRUE"), "done"],
    ["loops", filled(HEAD, "EXISTS a, b IN {1, 2} : (a = b AND FALSE) OR ", "TRUE"), "done"],
    [
      "deep parentheses with an error inside",
      `${HEAD}${"(".repeat(60)}1 +${")".repeat(60)}`,
      "syntax",
    ],
    [
      "a ternary that goes wrong at its end",
      `${HEAD}${"1 ? (".repeat(60)}1${") : (1".repeat(60)}`,
      "syntax",
    ],
    ["escapes", filled(`${HEAD}'`, "\\u0041", "' = 'x'"), "done"],
    ["escapes without end", filled(`${HEAD}'`, "\\'"), "unterminated-string"],
    ["unknown functions", filled(HEAD, "Maxx(1) = 1 OR ", "TRUE"), "unknown-function"],
    ["unknown nodes", `SELECT v FROM l AT NODES ${members(999, (i) => `n${i}`)}`, "done"],
    ["a node's long name", `SELECT v FROM l AT NODES ${"constructo".repeat(1_600)}`, "done"],
    ["a time", filled("SELECT v FROM l ON TIME '-", "9", "s'"), "bad-time"],
    [
      "assignments that double",
      filled("SELECT g FROM l COMPUTE VAR g := 1 AND ", "g := g + g AND ", "TRUE"),
      "done",
    ],
    ["queries", filled("", "SELECT v FROM l;"), "too-many-queries"],
    ["digits", filled(HEAD, "9", " > 1"), "number-too-large"],
    ["fraction digits", filled(`${HEAD}0.`, "9", " > 1"), "done"],
    ["a long exponent", filled(`${HEAD}1e`, "9", " > 1"), "number-too-large"],
    ["a unit", filled(`${HEAD}1`, "s", " > 1"), "unknown-unit"],
    ["a string", filled(`${HEAD}'`, "x", "' = 'x'"), "done"],
    ["a string without end", filled(`${HEAD}'`, "x"), "unterminated-string"],
    ["quotes", filled(HEAD, "'"), "syntax"],
    ["backticks", filled(HEAD, "`"), "unterminated-name"],
    ["a name", filled(HEAD, "v", " IS NULL"), "done"],
    ["a function's name", filled(HEAD, "M", "()"), "unknown-function"],
    ["comments", filled(HEAD, "/**/", "TRUE"), "done"],
    ["a comment without end", filled(`${HEAD}/*`, "*"), "unterminated-comment"],
    ["semicolons", filled("SELECT v FROM l", ";"), "syntax"],
    ["names of logs", filled("SELECT v FROM l", ",l"), "too-many-logs"],
    ["columns", filled("SELECT v AS a0", ",v", " FROM l"), "duplicate-column"],
    ["declarations", filled(`SELECT v FROM l COMPUTE `, "VAR x AND ", "TRUE"), "declared-twice"],
    ["spaces", filled("SELECT v FROM l", " "), "done"],
    ["zeros", "\0".repeat(1_000), "unexpected-character"],
    ["lone surrogates", `${HEAD}\ud800`, "unexpected-character"],
    ["a megabyte", "SELECT ".repeat(150_000), "text-too-long"],
  ])("of %s", (_what, text, expected) => {
    expect(outcome(text)).toBe(expected);
  });

  it("of many names whose kinds depend on each other backwards is answered soon", () => {
    const count = 400;
    const declared = Array.from({ length: count }, (_, n) => `VAR v${n}`);
    const assigned = Array.from({ length: count }, (_, n) => `v${n} := v${n + 1}`).slice(0, -1);
    const text = `SELECT v FROM l COMPUTE ${[...declared, ...assigned].join(" AND ")}`;
    expect(["no-kind", "text-too-long"]).toContain(outcome(text));
  });

  it("of unknown names is answered soon, however many names are known", () => {
    const keys = Array.from({ length: 100_000 }, (_, n) => `variable${n}`);
    const schema = { logs: new Map([["l", keys]]), nodes: keys, services: [] };
    const asked = Array.from({ length: 700 }, (_, n) => `variabl_${n}`);
    const text = `SELECT variable7 FROM l COMPUTE VAR x := 1 WHEN 1 IN {${asked.map((name) => `Max(${name})`).join()}}`;
    const [query] = checkedSoon(text, schema);
    expect(query?.warnings).toHaveLength(700);
    expect(query?.warnings.filter(({ names }) => names !== undefined)).toHaveLength(5);
  });

  it("that would run for hours ends with the status budget", () => {
    const set = Array.from({ length: 300 }, (_, n) => n).join(",");
    const loops = ["a", "b", "c", "d"].map((name) => `${name} IN {${set}}`).join(", ");
    expect(outcome(`${HEAD}EXISTS ${loops} : (a + b + c + d < 0)`)).toBe("budget");
  });

  it("with line separators and quotes in its strings says what it says", () => {
    const odd = "\u2028\u2029`;</script>#{1}\\\\";
    const answer = ask(`SELECT "${odd}" AS x FROM l`, HISTORY);
    expect(answer.rows[0]?.values["x"]).toBe("\u2028\u2029`;</script>#{1}\\");
  });
});

describe("names that objects inherit", () => {
  it.each(TEMPTING)("%s is a name like any other", (name) => {
    const quoted = `\`${name}\``;
    const history: Happening[] = [
      { t: at(0), node: name, kind: "set", log: name, key: name, value: { [name]: 5 } },
    ];
    const answer = ask(
      `SELECT ${quoted} AS x, ${quoted}["${name}"].${quoted} AS y, ${quoted}["${name}"].valueOf AS z
       FROM ${quoted} COMPUTE OUT o AND o := Count(${quoted})
       WHEN EXISTS ${quoted} IN Nodes() : (${quoted} = "${name}") AT NODES ${quoted}`,
      history,
    );
    const values = answer.rows[0]?.values ?? {};
    expect(values["y"]).toBe(5);
    expect(values["z"]).toEqual({ $unknown: "undefined" });
    expect(values["o"]).toBe(1);
    expect(Object.keys(values["x"] as object)).toEqual([name]);
  });

  it("are nodes, variables and fields at once, and nothing is changed by them", () => {
    const answer = ask(
      'SELECT `__proto__`, constructor["constructor"].`__proto__`.x AS y, `__proto__`.`toString` AS z FROM l',
      HISTORY,
    );
    const text = JSON.stringify(answer.rows[0]?.values);
    expect(text).toBe('{"`__proto__`":{"__proto__":1,"constructor":2},"y":7,"z":{}}');
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it("are no functions and no keywords", () => {
    for (const name of TEMPTING.slice(0, -1)) {
      expect(() => ask(`SELECT ${name}(1) AS x FROM l`, HISTORY)).toThrow(/there is no function/);
      expect(() => ask(`SELECT x FROM ${name}`, HISTORY)).toThrow(/no log/);
    }
  });

  it("are columns too", () => {
    const { rows, lines } = ask("SELECT 1 AS `__proto__`, 2 AS constructor FROM l", HISTORY);
    expect(JSON.stringify(rows[0]?.values)).toBe('{"__proto__":1,"constructor":2}');
    expect(lines[0]).toMatchObject({ columns: ["__proto__", "constructor"] });
  });
});
