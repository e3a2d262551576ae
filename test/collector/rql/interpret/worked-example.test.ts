/** The example of the language's document, line for line. */
import { describe, expect, it } from "vitest";
import { ask, moments, spans } from "../ask.ts";
import { at, type Happening } from "../told-cuts.ts";

const set = (ms: number, node: string, value: number): Happening => {
  return { t: at(ms), node, kind: "set", log: "setd", key: "vr1", value };
};

const HISTORY: readonly Happening[] = [
  set(-100, "a", 10),
  set(-100, "b", 10),
  set(-50, "c", 8),
  set(40, "c", 9),
  set(100, "a", 11),
  set(120, "b", 11),
  set(150, "a", 12),
  set(180, "c", 11),
  set(300, "a", 13),
  set(300, "c", 12),
  set(300.5, "b", 12),
  { t: at(600), node: "b", kind: "lost", events: 3, to: at(700) },
  set(650, "a", 15),
  set(800, "b", 13),
];
const TOLD = { closed: { a: at(1_000), b: at(1_000), c: at(900) } };
const QUERY =
  "SELECT vr1, gap FROM setd COMPUTE GLOBAL gap AND gap := Max(vr1) - Min(vr1)\n" +
  "WHEN gap > 1 ON TIME '2026-11-21T16:00:00Z' TO '2026-11-21T16:00:01Z'";

const H = (ms: number): unknown => ({
  hlc:
    { 0: "01a1fed600000000", 40: "01a1fed600280000", 300.5: "01a1fed6012c8000" }[ms] ??
    expect.any(String),
  time: `2026-11-21T16:00:${(ms / 1_000).toFixed(6).padStart(9, "0")}Z`,
});
const row = (n: number, from: number, to: number, more: object): unknown => ({
  ...{ type: "row", query: 0, n, from: H(from), to: H(to), durationMs: to - from },
  ...{ sinceStart: false, open: false, complete: true, incomplete: [] },
  ...more,
});

describe("the worked example", () => {
  it("gives the lines of the document", () => {
    expect(ask(`${QUERY};`, HISTORY, TOLD).lines).toEqual([
      {
        ...{ type: "start", query: 0, columns: ["vr1", "gap"] },
        ...{ from: H(0), to: H(1_000), nodes: ["a", "b", "c"] },
      },
      row(1, 0, 40, { sinceStart: true, by: [], values: { vr1: { a: 10, b: 10, c: 8 }, gap: 2 } }),
      row(2, 100, 180, { by: ["a"], values: { vr1: { a: 11, b: 10, c: 9 }, gap: 2 } }),
      row(3, 300, 300.5, { by: ["a", "c"], values: { vr1: { a: 13, b: 11, c: 12 }, gap: 2 } }),
      row(4, 800, 1_000, {
        ...{ open: true, complete: false, by: ["b"] },
        incomplete: [{ node: "c", reason: "lagging", after: H(900) }],
        values: { vr1: { a: 15, b: 13, c: 12 }, gap: 3 },
      }),
      {
        ...{ type: "end", query: 0, status: "done", rows: 4, matches: 4, matchedMs: 320.5 },
        ...{ unknownMs: 200, undecided: 0, cuts: 11, searchedTo: H(1_000), complete: false },
        incomplete: [
          { node: "b", reason: "lost", from: H(600), to: H(800), events: 3, seq: [4, 6] },
          { node: "c", reason: "lagging", after: H(900) },
        ],
        elapsedMs: 0,
      },
    ]);
  });

  it("keeps the two long rows with FOR AT LEAST 50ms", () => {
    const longer = QUERY.replace("gap > 1", "gap > 1 FOR AT LEAST 50ms");
    expect(spans(ask(longer, HISTORY, TOLD))).toEqual([
      [100, 180],
      [800, 1_000],
    ]);
  });

  it("stops at the first row with FIRST, and searches no further", () => {
    const answer = ask(`${QUERY} FIRST`, HISTORY, TOLD);
    expect(spans(answer)).toEqual([[0, 40]]);
    expect(answer.end).toMatchObject({ rows: 1, matches: 1, searchedTo: H(40), complete: true });
  });

  it("gives six cuts with EACH CHANGE", () => {
    expect(moments(ask(`${QUERY} EACH CHANGE`, HISTORY, TOLD))).toEqual([
      0, 100, 120, 150, 300, 800,
    ]);
  });

  it("is the same in whatever order the history was told", () => {
    const expected = ask(QUERY, HISTORY, TOLD).lines.slice(0, -1);
    expect(ask(QUERY, HISTORY.toReversed(), TOLD).lines.slice(0, -1)).toEqual(expected);
  });

  it("is complete where nothing is lost and everybody is known to the end", () => {
    const repaired = HISTORY.filter(({ kind }) => kind !== "lost");
    const { rows, end } = ask(QUERY, repaired);
    expect(end).toMatchObject({ complete: true, incomplete: [], unknownMs: 0 });
    expect(rows.every(({ complete }) => complete)).toBe(true);
  });
});
