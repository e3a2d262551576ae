/** What expressions are worth at one cut: the tables of the language, cell by cell. */
import { describe, expect, it } from "vitest";
import type { Json } from "../../../../agent/kernel/index.ts";
import { ask, firstValue } from "../ask.ts";
import { at, type Happening } from "../told-cuts.ts";

/**
 * At 10 ms: `v` is 1, 2 and 2 on a, b and c; `hole` is 5 on a and lost on b; `s` is set-valued;
 * `o` holds objects and arrays; `n` is null on a; `mixed` has two kinds; `gone` was deleted.
 */
const HISTORY: readonly Happening[] = [
  ...Object.entries({ a: 1, b: 2, c: 2 }).map(([node, one]) => set(node, "v", one)),
  ...[set("a", "s", { $set: [1, 2] }), set("b", "s", { $set: [2, { f: 3 }] })],
  ...[
    set("a", "o", { f: 1, g: { h: 2 }, list: [7, 8] }),
    set("b", "o", { f: 4 }),
    set("c", "o", 9),
  ],
  set("a", "n", null),
  ...[set("a", "mixed", 1), set("b", "mixed", "x")],
  ...[set("a", "t", "x"), set("b", "t", "y")],
  ...[set("a", "ok", true), set("b", "ok", true)],
  ...[set("a", "e", 1e308), set("b", "e", 1e308)],
  ...[set("a", "hole", 5, "m"), set("b", "hole", 6, "m")],
  ...[set("a", "gone", 1), { t: at(1), node: "a", kind: "delete", key: "gone" } as const],
  { t: at(2), node: "b", kind: "lost", events: 1, logs: ["m"] },
];

function set(node: string, key: string, value: Json, log = "l"): Happening {
  return { t: at(0), node, kind: "set", log, key, value };
}

function told(text: string): ReturnType<typeof ask> {
  const range = "ON TIME '2026-11-21T16:00:00.010Z'";
  return ask(`SELECT ${text} AS x FROM l, m ${range}`, HISTORY);
}
const value = (text: string): Json | undefined => firstValue(told(text));
const U = (reason = "undefined"): Json => ({ $unknown: reason });

type Row = readonly [text: string, expected: Json, warning?: string];

function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    const cases = rows.map(([text, expected, warning]) => ({ text, expected, warning }));
    it.each(cases)("$text", ({ text, expected, warning }) => {
      const answer = told(text);
      expect(firstValue(answer)).toEqual(expected);
      expect(answer.warnings).toEqual(warning === undefined ? [] : [warning]);
    });
  });
}

table("variables", [
  ["v", { a: 1, b: 2, c: 2 }],
  ["hole", { a: 5, b: U("lost") }],
  ['v["b"]', 2],
  ['v["b"] + v["a"]', 3],
  ['hole["b"]', U("lost")],
  ['gone["a"]', U("absent")],
  ['hole["c"]', U("absent")],
  ["gone", {}],
  ["n", { a: null }],
  ["s", { a: { $set: [1, 2] }, b: { $set: [2, { f: 3 }] } }],
]);

table("fields and elements", [
  ['o["a"].f', 1],
  ['o["a"].g.h', 2],
  ['o["a"]["f"]', 1],
  ['o["a"].list[1]', 8],
  ['o["a"].list[2]', U()],
  ['o["a"].list[-1]', U()],
  ['o["a"].list["0"]', U()],
  ['o["a"].missing', U()],
  ['o["c"].f', U()],
  ['o["a"].toString', U()],
  ['o["a"].__proto__', U()],
  ['o["a"]["constructor"]', U()],
  ["o.f", { a: 1, b: 4 }],
  ['(o)["f"]', { a: 1, b: 4 }],
  ["o.list[0]", { a: 7 }],
  ["(v)[0]", {}],
  ["{x IN s : (TRUE)}.f", {}],
]);

table("equality is deep and by kind", [
  ["1 = 1.0", true],
  ['1 = "1"', false],
  ["1 = TRUE", false],
  ["0 = FALSE", false],
  ["0 = -0", true],
  ["NULL = NULL", true],
  ["NULL = 0", false],
  ["NULL != 0", true],
  ["{1, 2} = {2, 1, 1}", true],
  ["{1} = {TRUE}", false],
  ["{{1}} = {{1}}", true],
  ["{} = {{}}", false],
  ['s["a"] = {1, 2}', true],
  ['s["a"] = 1', false],
  ["v = {1, 2}", true],
  ["v != {1, 2}", false],
  ["v = {1, 2, 3}", false],
  ['o["b"] = o["b"]', true],
  ["1s = 1000ms", true],
  ["TIME '2026-11-21T16:00:00Z' = TIME '01a1fed600000000'", true],
]);

table("order is within one kind", [
  ["1 < 2", true],
  ["2 <= 2", true],
  ["2 > 2", false],
  ["2 >= 2", true],
  ['"a" < "b"', true],
  ['"Z" < "a"', true],
  ['"\\uffff" < "𝒳"', false],
  ["1s < 1m", true],
  ["TIME '-1s' < TIME 'now'", true],
  ['1 < "2"', U(), "kinds-differ"],
  ["TRUE < FALSE", U(), "kinds-differ"],
  ["NULL < 1", U(), "kinds-differ"],
  ["1 < 1s", U(), "kinds-differ"],
  ['v["a"] < mixed["b"]', U(), "kinds-differ"],
]);

table("arithmetic", [
  ["7 / 2", 3.5],
  ["-7 % 3", -1],
  ["7 % -3", 1],
  ["2 - 3 * 4", -10],
  ['"a" + "b"', "ab"],
  ["-(-0)", 0],
  ["1 / 0", U(), "division-by-zero"],
  ["1 % 0", U(), "division-by-zero"],
  ["1e308 * 10", U(), "overflow"],
  ['"a" - "b"', U(), "not-a-number"],
  ["1 + NULL", U(), "not-a-number"],
  ["1 + TRUE", U(), "not-a-number"],
  ['1 + "a"', U(), "not-a-number"],
  ['-"a"', U(), "not-a-number"],
  ['1 + s["a"]', U(), "not-a-number"],
  ["2s + 500ms", { $durationMs: 2_500 }],
  ["2s - 3s", { $durationMs: -1_000 }],
  ["2s * 3", { $durationMs: 6_000 }],
  ["3 * 2s", { $durationMs: 6_000 }],
  ["1s / 4", { $durationMs: 250 }],
  ["-1s", { $durationMs: -1_000 }],
  ["1s / 0", U(), "division-by-zero"],
  ["1s * 1s", U(), "not-a-number"],
  ["1s + 1", U(), "not-a-number"],
  ["TIME 'now' - TIME '-2s'", { $durationMs: 2_000 }],
  ["TIME 'now' - 1s = TIME '-1s'", true],
  ["1s + TIME '-1s' = TIME 'now'", true],
  ["TIME 'now' + TIME 'now'", U(), "not-a-number"],
]);

table("unknown operands", [
  ['1 + hole["b"]', U("lost")],
  ['gone["a"] + 1', U("absent")],
  ['gone["a"] = 1', U("absent")],
  ['gone["a"] = gone["a"]', U("absent")],
  ['gone["a"] + hole["b"]', U("lost")],
  ['hole["b"] < 1', U("lost")],
  ['NOT (hole["b"] < 1)', U("lost")],
  ['v[gone["a"]]', U("absent")],
  ['-gone["a"]', U("absent")],
  ["Max({})", U()],
  ['{1, gone["a"]}', U("absent")],
]);

table("multisets with a hole", [
  ...[
    "Count",
    "Sum",
    "Max",
    "Min",
    "Avg",
    "Median",
    "Cardinality",
    "Flatten",
    "Abs",
    "Subset",
    "Node",
  ].map((name): Row => [`${name}(hole)`, U("lost")]),
  ["Percentile(hole, 50)", U("lost")],
  ["hole UNION {1}", U("lost")],
  ["{} INTERSECT hole", U("lost")],
  ["{5} \\ hole", U("lost")],
  ["hole = {5}", U("lost")],
  ["{5} ISSUBSET hole", U("lost")],
  ["5 IN hole", true],
  ["5 NOTIN hole", false],
  ["7 IN hole", U("lost")],
  ["7 NOT IN hole", U("lost")],
  ["EXISTS x IN hole : (x = 5)", true],
  ["EXISTS x IN hole : (x = 7)", U("lost")],
  ["FORALL x IN hole : (x = 7)", false],
  ["FORALL x IN hole : (x = 5)", U("lost")],
  ["EXISTS x IN hole : (Count(Node(x)) > 0)", U("lost")],
  ["{x IN hole : (x > 4)}", { a: 5, b: U("lost") }],
  ["Changed(hole)", U("lost")],
]);

table("a filter keeps what is surely in it", [
  ["{x IN v : (x > 1)}", { b: 2, c: 2 }],
  ["{x IN {1, 2, 3} : (x != 2)}", { $set: [1, 3] }],
  ["{m IN o : (m.f > 1)}", { b: { f: 4 } }],
  ['{x IN v : (x > hole["b"])}', { a: U("lost"), b: U("lost"), c: U("lost") }],
  ['{x IN v : (x > 1 AND hole["b"] > 0)}', { b: U("lost"), c: U("lost") }],
  ['{x IN {1, 2} : (hole["b"] > x)}', U("lost")],
  ['{x IN v : (x > gone["a"])}', {}],
  ["Count({x IN hole : (x > 100)})", U("lost")],
]);

table("quantifiers over nothing", [
  ["EXISTS x IN {} : (TRUE)", false],
  ["FORALL x IN {} : (FALSE)", true],
  ["FOREACH x IN {} : (FALSE)", true],
  ["EXISTS x IN gone : (TRUE)", false],
  ["FORALL x IN gone : (FALSE)", true],
]);

table("quantifiers", [
  ["EXISTS x IN v : (x = 2)", true],
  ["FORALL x IN v : (x > 0)", true],
  ["FOREACH x IN v : (x > 1)", false],
  ["FORALL x IN v : (x)", true],
  ["FORALL x IN v : (x - 1)", false],
  ["FORALL x IN ok : (x)", true],
  ["EXISTS x IN n : (x)", U()],
  ["EXISTS x IN t : (x)", U(), "not-a-truth-value"],
  ["EXISTS x, y IN v : (x = y AND NOT SameNode(x, y))", true],
  ["EXISTS x, y IN v : (x + y = 2)", true],
  ['EXISTS x IN v, y IN {3} : (x + y = 5 AND NodeOf(x) = "b")', true],
  ["EXISTS x IN v, y IN s : (SameNode(x, y) AND x NOTIN y)", false],
  ['EXISTS x IN v : (Node(x) = {"b", "c"})', true],
  ["FORALL x IN v : (NodeOf(x) IN Node(x))", true],
  ["EXISTS x IN s : (EXISTS y IN x : (y = 1))", true],
  ["EXISTS x IN v : (EXISTS y IN x : (TRUE))", U(), "not-a-set"],
  ["EXISTS x IN v : (EXISTS x IN {9} : (x = 9))", true],
]);

table("sets", [
  ["{3, 1, 2, 1}", { $set: [1, 2, 3] }],
  ["v UNION {3}", { $set: [1, 2, 3] }],
  ["v INTERSECT {2, 3}", { $set: [2] }],
  ["v \\ {2}", { $set: [1] }],
  ["{1} ISSUBSET {1, 2}", true],
  ["{1, 2} ISSUBSET {1}", false],
  ["{1} ISSUBSET {1}", true],
  ["{1} ISPROPSUBSET {1}", false],
  ["{1} ISPROPSUBSET {1, 2}", true],
  ["v ISSUBSET {1, 2}", true],
  ["{1} IN {{1}}", true],
  ["1 IN {{1}}", false],
  ["{f IN {1} : (TRUE)} = {1}", true],
  ['1 IN v["a"]', U(), "not-a-set"],
  ['v["a"] UNION {2}', U(), "not-a-set"],
  ['{v["a"], s["a"]}', { $set: [1, { $set: [1, 2] }] }],
]);

table("functions", [
  ["Count(v)", 3],
  ["Count({1, 1})", 1],
  ["Cardinality(v)", 2],
  ["Cardinality(v, t)", { $set: [2] }],
  ["Cardinality(v, {1}, {})", { $set: [0, 1, 2] }],
  ["Sum(v)", 5],
  ["NodeSum(v, v)", 10],
  ["Sum({2, 2}, v)", 7],
  ["Sum({})", 0],
  ["Sum(t)", U(), "not-a-number"],
  ["Sum(e)", U(), "overflow"],
  ["Max(v, 7)", 7],
  ["Min(v, 7)", 1],
  ["Max(3, 9, {11})", 11],
  ["Max(t)", "y"],
  ["Max(1s, 2m)", { $durationMs: 120_000 }],
  ["Max(mixed)", U(), "kinds-differ"],
  ["Max(ok)", U(), "kinds-differ"],
  ["Max(n)", U(), "kinds-differ"],
  ["Min(gone)", U()],
  ["Avg(v)", 5 / 3],
  ["Avg({})", U()],
  ["Median(v)", 2],
  ["Median({1, 2, 3, 10})", 2.5],
  ["Median({})", U()],
  ["Percentile({1, 2, 3, 4}, 50)", 2],
  ["Percentile({1, 2, 3, 4}, 51)", 3],
  ["Percentile({1, 2, 3, 4}, 0)", 1],
  ["Percentile({1, 2, 3, 4}, 100)", 4],
  ["Percentile({1}, 101)", U(), "out-of-range"],
  ["Percentile({}, 50)", U()],
  ["Flatten(s)", { a: { $set: [1, 2] }, b: { $set: [2, { f: 3 }] } }],
  ["Count(Flatten(s))", 4],
  ["Cardinality(Flatten(s))", 3],
  ["Flatten({{1, {2}}, 3})", { $set: [1, 2, 3] }],
  ["Abs(-3)", 3],
  ["Ceil(1.2)", 2],
  ["Floor(-1.2)", -2],
  ["Sin(0) + Cos(0) + Tan(0)", 1],
  ["Abs({-1, 1})", { $set: [1] }],
  ["Floor(v)", { a: 1, b: 2, c: 2 }],
  ["Abs(t)", U(), "not-a-number"],
  ["Subset({1, 2})", { $set: [{ $set: [1, 2] }, { $set: [1] }, { $set: [2] }, { $set: [] }] }],
  ["Cardinality(Subset(v))", 4],
  ["Cardinality(Subset({1,2,3,4,5,6,7,8,9,10,11,12}))", 4_096],
  ["Subset({1,2,3,4,5,6,7,8,9,10,11,12,13})", U(), "subset-too-large"],
  ["Node(v)", { $set: ["a", "b", "c"] }],
  ["Node(n)", { $set: ["a"] }],
  ["Nodes()", { $set: ["a", "b", "c"] }],
  ['Service("a")', "kv"],
  ['Status("a")', "live"],
  ['Status("nobody")', U("absent")],
  ["InFlight()", 0],
  ["max(V2, 1)", 1, "unknown-variable"],
]);

table("IS is never unknown", [
  ['gone["a"] IS UNKNOWN', true],
  ['gone["a"] IS NOT UNKNOWN', false],
  ['hole["b"] IS UNKNOWN', true],
  ['n["a"] IS UNKNOWN', false],
  ['n["a"] IS NULL', true],
  ['gone["a"] IS NULL', false],
  ['gone["a"] IS NOT NULL', true],
  ["1 / 0 IS UNKNOWN", true, "division-by-zero"],
  ["v IS NULL", false],
]);

table("? :", [
  ["1 < 2 ? (3) : (4)", 3],
  ["1 > 2 ? (3) : (4)", 4],
  ["1 > 2 ? (3) : ;", true],
  ['hole["b"] > 1 ? (3) : (4)', U("lost")],
  ["NULL ? (1 / 0) : (1 / 0)", U()],
  ["0 ? (1) : (2)", 2],
]);

describe("Kleene's tables", () => {
  const T = "1 = 1";
  const F = "1 = 2";
  const unknown = 'gone["a"] = 1';
  const truth = (text: string): string => {
    const found = value(text);
    return found === true ? "T" : found === false ? "F" : "U";
  };
  const operands = [T, F, unknown];
  it.each([
    ["AND", ["TFU", "FFF", "UFU"]],
    ["OR", ["TTT", "TFU", "TUU"]],
  ])("%s", (op, expected) => {
    const rows = operands.map((a) => operands.map((b) => truth(`${a} ${op} ${b}`)).join(""));
    expect(rows).toEqual(expected);
  });

  it("NOT", () => {
    expect(operands.map((a) => truth(`NOT ${a}`))).toEqual(["F", "T", "U"]);
  });

  it("AND skips its right side only when the left is false, OR only when it is true", () => {
    const skips = (left: string, op: string): boolean =>
      told(`${left} ${op} 1 / 0 = 1`).warnings.length === 0;
    expect([T, F, unknown].map((left) => skips(left, "AND"))).toEqual([false, true, false]);
    expect([T, F, unknown].map((left) => skips(left, "OR"))).toEqual([true, false, false]);
  });
});

it("a number counts as a truth, and nothing else that is not one", () => {
  expect(["1 AND 2", "0 OR 0", "NOT 0", "NULL OR TRUE", "NULL AND TRUE"].map(value)).toEqual([
    ...[true, false, true, true, U()],
  ]);
});

it("warns once per place, however often it happens", () => {
  expect(told("EXISTS x IN v, y IN v : (x / 0 = y OR y / 0 = x)").warnings).toEqual([
    ...["division-by-zero", "division-by-zero"],
  ]);
});
