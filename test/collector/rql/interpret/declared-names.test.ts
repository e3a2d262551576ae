/** GLOBAL, VAR and OUT, from cut to cut. */
import { describe, expect, it } from "vitest";
import { ask, firstValue, spans } from "../ask.ts";
import { values } from "../happenings.ts";

describe("declared names", () => {
  const history = values([0, 1], [100, 2], [200, 3], [300, 3]);
  const column = (text: string): unknown => ask(text, history).rows.map((row) => row.values["x"]);

  it("GLOBAL keeps its value to the next cut, VAR starts afresh", () => {
    expect(column("SELECT x, v FROM l COMPUTE GLOBAL x AND x := x + 1")).toEqual([1, 2, 3]);
    expect(column("SELECT x, v FROM l COMPUTE VAR x AND x := x + 1")).toEqual([1, 1, 1]);
  });

  it("a first value is assigned at the first cut to a GLOBAL, at each to a VAR", () => {
    expect(column("SELECT x, v FROM l COMPUTE GLOBAL x := 10 AND x := x + 1")).toEqual([
      11, 12, 13,
    ]);
    expect(column("SELECT x, v FROM l COMPUTE VAR x := Max(v) AND x := x * 2")).toEqual([2, 4, 6]);
  });

  it("OUT shows by itself, GLOBAL and VAR when selected", () => {
    const query =
      "SELECT v FROM l COMPUTE OUT o := Max(v) AND VAR p := 1 AND GLOBAL q := 2 LIMIT 1";
    expect(ask(query, history).rows[0]?.values).toEqual({ v: { a: 1 }, o: 1 });
  });

  it("are assigned as met, in WHEN and in quantifiers too", () => {
    const query =
      "SELECT x, v FROM l COMPUTE VAR x := 0 AND FOREACH y IN v : (x := x + y) WHEN x := x + 100";
    expect(column(query)).toEqual([101]);
    const skipped = "SELECT x, v FROM l COMPUTE VAR x := 0 AND (Max(v) = 2 AND x := 5)";
    expect(column(skipped)).toEqual([0, 5, 0]);
  });

  it("collect over cuts", () => {
    const query =
      "SELECT x FROM l COMPUTE GLOBAL x AND x := x UNION v WHEN Cardinality(x) > 2 FIRST";
    const answer = ask(query, history);
    expect(spans(answer)).toEqual([[200, 1_000]]);
    expect(firstValue(answer)).toEqual({ $set: [1, 2, 3] });
  });
});
