/** Where the meaning differs from the original's on purpose: section 8 of the language, row by row. */
import { describe, expect, it } from "vitest";
import type { Json } from "../../../agent/kernel/index.ts";
import { checkText } from "../../../collector/rql/check/check.ts";
import { RqlError } from "../../../collector/rql/errors.ts";
import { explainText } from "../../../collector/rql/explain.ts";
import type { IntervalLine } from "../../../collector/rql/interpret/lines.ts";
import { ask, firstValue, spans } from "./ask.ts";
import { at, type Happening, schemaOf } from "./told-cuts.ts";

const set = (ms: number, node: string, key: string, value: Json, log = "l"): Happening => {
  return { t: at(ms), node, kind: "set", log, key, value };
};
const HISTORY: readonly Happening[] = [
  ...[set(0, "a", "v", 1), set(0, "b", "v", 2), set(0, "1", "v", 2)],
  ...[set(100, "a", "v", 3), set(500.5, "b", "v", 5)],
];
const NOW = "ON TIME '2026-11-21T16:00:00Z'";

const value = (text: string, history: readonly Happening[] = HISTORY): Json | undefined =>
  firstValue(ask(`SELECT ${text} AS x FROM l ${NOW}`, history));
const codeOf = (text: string): string => {
  try {
    checkText(text, { schema: schemaOf(HISTORY), now: at(1_000) });
  } catch (error) {
    if (error instanceof RqlError) return error.code;
  }
  return "accepted";
};

describe("differs from the original on purpose:", () => {
  it("1. = and != compare sets", () => {
    expect(value("v = {1, 2}")).toBe(true);
    expect(value("v = {1}")).toBe(false);
    expect(value("v != {1, 2}")).toBe(false);
    expect(value("v != {1}")).toBe(true);
  });

  it("2. ISSUBSET is left within right, ISPROPSUBSET is proper", () => {
    expect(value("{1} ISSUBSET v")).toBe(true);
    expect(value("v ISSUBSET {1}")).toBe(false);
    expect(value("{1} ISPROPSUBSET v")).toBe(true);
    expect(value("{1, 2} ISPROPSUBSET v")).toBe(false);
  });

  it("3. AND binds tighter than OR, ! tighter than both", () => {
    expect(value("TRUE OR TRUE AND FALSE")).toBe(true);
    expect(value("! FALSE AND FALSE")).toBe(false);
  });

  it("4. ? : works, with and without else", () => {
    expect(value('v["a"] = 1 ? ("one") : ("more")')).toBe("one");
    expect(value("FALSE ? (1) : ;")).toBe(true);
  });

  it("5. Node and Subset work", () => {
    expect(value("Node(v)")).toEqual({ $set: ["1", "a", "b"] });
    expect(value("Count(Subset(v))")).toBe(4);
  });

  it("6. an unknown function is an error with a suggestion", () => {
    expect(() => value("Cardnality(v)")).toThrow(/there is no function "Cardnality"/);
  });

  it("7. EXPLAIN tells the plan", () => {
    const [query] = checkText("EXPLAIN SELECT v FROM l WHEN Max(v) > 1 AND v['a'] = 2", {
      ...{ schema: schemaOf(HISTORY), now: at(0) },
    });
    expect(query?.query.explain).toBe(true);
    expect(query === undefined ? "" : explainText(query)).toContain("conjunct  Max(v) > 1");
  });

  it("8. AT NODES restricts, by names, strings and numbers", () => {
    expect(firstValue(ask("SELECT v FROM l AT NODES a, 'b'", HISTORY))).toEqual({ a: 1, b: 2 });
    expect(firstValue(ask("SELECT v FROM l AT NODES 1", HISTORY))).toEqual({ "1": 2 });
    expect(firstValue(ask("SELECT Max(v) AS m FROM l AT NODES a", HISTORY))).toBe(1);
  });

  it("9. ON TIME t is one cut", () => {
    const answer = ask(`SELECT v FROM l ${NOW}`, HISTORY);
    expect(answer.end).toMatchObject({ rows: 1, cuts: 1 });
    expect(answer.rows).toMatchObject([{ sinceStart: true, open: true, durationMs: 0 }]);
  });

  it("10. ON TIME a TO b is exact to the tick", () => {
    const until = (end: string): unknown =>
      spans(ask(`SELECT v FROM l WHEN v['b'] = 5 ON TIME 1795276800010 TO ${end}`, HISTORY));
    expect(until("'2026-11-21T16:00:00.500Z+7ff'")).toEqual([]);
    expect(until("'2026-11-21T16:00:00.500Z+800'")).toEqual([[500.5, 500.5]]);
  });

  it("11. all FROM logs are searched", () => {
    const both = [...HISTORY, set(0, "a", "w", 7, "m")];
    expect(ask("SELECT v, w FROM l, m LIMIT 1", both).rows[0]?.values).toEqual({
      ...{ v: { a: 1, b: 2, "1": 2 }, w: { a: 7 } },
    });
  });

  it("12. qualified names work", () => {
    const both = [...HISTORY, set(0, "a", "v", 7, "m")];
    const answer = ask("SELECT l.v, m.v FROM l, m WHEN Max(m.v) > Max(l.v) LIMIT 1", both);
    expect(answer.rows[0]?.values).toEqual({ "l.v": { a: 1, b: 2, "1": 2 }, "m.v": { a: 7 } });
  });

  it("13. structs are equal when all of them is, whatever the order of keys", () => {
    const structs = [set(0, "a", "s", { p: 1, q: [2] }), set(0, "b", "s", { q: [2], p: 1 })];
    expect(value("Cardinality(s)", structs)).toBe(1);
    expect(value("Cardinality(s)", [...structs, set(0, "c", "s", { p: 1, q: [3] })])).toBe(2);
  });

  it("14. Max and Min of nothing are unknown", () => {
    expect(value("Max(nothing)")).toEqual({ $unknown: "undefined" });
    expect(value("Min({}) < 0")).toEqual({ $unknown: "undefined" });
  });

  it("15. Sum adds every pair, equal values too", () => {
    expect(value("Sum(v)")).toBe(5);
    expect(value("Sum(v, v)")).toBe(10);
  });

  it("16. FORALL over nothing is true, and any true body counts", () => {
    expect(value("FORALL x IN {} : (FALSE)")).toBe(true);
    expect(value("FORALL x IN v : (x)")).toBe(true);
  });

  it("17. null is a value, and delete makes absent", () => {
    const history: Happening[] = [
      ...[set(0, "a", "n", 1), set(10, "a", "n", null)],
      { t: at(20), node: "a", kind: "delete", key: "n" },
    ];
    const shown = ask('SELECT n["a"] AS n FROM l', history).rows.map((row) => row.values["n"]);
    expect(shown).toEqual([1, null, { $unknown: "absent" }]);
  });

  it("18. loop variables are never columns", () => {
    const answer = ask("SELECT v FROM l WHEN EXISTS loop IN v : (loop > 1)", HISTORY);
    expect(Object.keys(answer.rows[0]?.values ?? {})).toEqual(["v"]);
    expect(codeOf("SELECT v FROM l WHEN EXISTS x IN v : (x > 1) AND x > 1")).toBe(
      "one-value-per-node",
    );
  });

  it("19. the state at the start is evaluated", () => {
    const earlier = [set(-900, "a", "v", 9)];
    expect(spans(ask("SELECT v FROM l WHEN Max(v) = 9", earlier))).toEqual([[0, 1_000]]);
  });

  it("20. rows are intervals, and only named variables end them", () => {
    const noisy = [...HISTORY, ...[10, 20, 30].map((ms) => set(ms, "a", "noise", ms))];
    const answer = ask("SELECT v FROM l WHEN Max(v) = 2", noisy);
    expect(spans(answer)).toEqual([[0, 100]]);
    expect(answer.end.cuts).toBe(3);
  });

  it("21. silent nodes count with their last values, and the row says so; epochs are kept apart", () => {
    const answer = ask("SELECT v FROM l WHEN Max(v) = 5", HISTORY, { closed: { a: at(600) } });
    expect(answer.rows).toMatchObject([
      { complete: false, incomplete: [{ node: "a", reason: "lagging" }], values: { v: { a: 3 } } },
    ]);
    const restarted: Happening[] = [...HISTORY, { t: at(700), node: "b", kind: "join" }];
    expect(ask("SELECT v FROM l", restarted).rows.at(-1)?.values).toEqual({ v: { a: 3, "1": 2 } });
  });

  it("22. late events reach the answer", () => {
    const lost: Happening[] = [...HISTORY, { t: at(300), node: "b", kind: "lost", events: 1 }];
    expect(ask("SELECT v FROM l WHEN Max(v) = 4", lost).end).toMatchObject({
      rows: 0,
      complete: false,
    });
    const repaired = [...HISTORY, set(300, "b", "v", 4)];
    expect(ask("SELECT v FROM l WHEN Max(v) = 4", repaired).end).toMatchObject({
      rows: 1,
      complete: true,
    });
  });

  it("23. GLOBAL numbers and sets are carried through the range", () => {
    const query =
      "SELECT n, s, v FROM l COMPUTE GLOBAL n AND GLOBAL s AND n := n + 1 AND s := s UNION v";
    expect(ask(query, HISTORY).rows.at(-1)?.values).toMatchObject({
      n: 3,
      s: { $set: [1, 2, 3, 5] },
    });
  });

  it("24. keywords have any case; a lower-case reserved word needs backticks as a name", () => {
    expect(spans(ask("select v from l when max(v) = 2", HISTORY))).toEqual([[0, 100]]);
    expect(codeOf("SELECT in FROM l")).toBe("syntax");
    const named = [...HISTORY, set(0, "a", "in", 4)];
    expect(value("`in`", named)).toEqual({ a: 4 });
  });

  it("25. strings have escapes, a literal backslash is doubled", () => {
    expect(value('"a\\n\\u0041\\\\"')).toBe("a\nA\\");
    expect(codeOf("SELECT v FROM l WHEN Max(v) = 'C:\\dir'")).toBe("bad-escape");
  });

  it("26. ver > 1 is refused at once, with a hint", () => {
    expect(codeOf("SELECT v FROM l WHEN v > 1")).toBe("one-value-per-node");
  });

  it("27. OUT is a column", () => {
    const answer = ask("SELECT v FROM l COMPUTE OUT top := Max(v) LIMIT 1", HISTORY);
    expect(answer.rows[0]?.values).toMatchObject({ top: 2 });
  });

  it("28. a variable belongs to its log", () => {
    const both = [...HISTORY, set(0, "a", "v", 7, "m")];
    expect(ask("SELECT v FROM m LIMIT 1", both).rows[0]?.values).toEqual({ v: { a: 7 } });
    expect(() => ask("SELECT v FROM l, m", both)).toThrow(/l and m have a variable "v"/);
  });

  it("29. results come row by row, bounded and marked", () => {
    const answer = ask("SELECT v FROM l", HISTORY, {}, { limits: { rows: 2 } });
    expect(answer.end).toMatchObject({ status: "truncated", rows: 2 });
    expect((answer.rows[1] as IntervalLine).n).toBe(2);
  });

  it("30. TRUE and FALSE are booleans", () => {
    expect(value("1 = TRUE")).toBe(false);
    expect(value("TRUE = TRUE")).toBe(true);
    expect(value("TRUE AND 1")).toBe(true);
  });
});
