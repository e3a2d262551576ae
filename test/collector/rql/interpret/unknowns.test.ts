/** What comes of what is not known, and what is no truth: the tables of the language, cell by cell. */
import { describe, expect, it } from "vitest";
import { type Row, table, told, U, worthOf } from "../value-tables.ts";

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

describe("Kleene's tables", () => {
  const T = "1 = 1";
  const F = "1 = 2";
  const unknown = 'gone["a"] = 1';
  const truth = (text: string): string => {
    const found = worthOf(text);
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
  expect(["1 AND 2", "0 OR 0", "NOT 0", "NULL OR TRUE", "NULL AND TRUE"].map(worthOf)).toEqual([
    ...[true, false, true, true, U()],
  ]);
});

it("warns once per place, however often it happens", () => {
  expect(told("EXISTS x IN v, y IN v : (x / 0 = y OR y / 0 = x)").warnings).toEqual([
    ...["division-by-zero", "division-by-zero"],
  ]);
});
