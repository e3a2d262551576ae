/** Rows: when an interval begins and ends, how many are kept, and a row per cut instead. */
import { describe, expect, it } from "vitest";
import { ask, moments, spans } from "../ask.ts";
import { lost, set, TICK, values } from "../happenings.ts";
import { at, type Happening } from "../told-cuts.ts";

describe("an interval", () => {
  it("is half-open, maximal, and knows whether it began and ended inside the range", () => {
    const history = values([-5, 1], [100, 0], [200, 1], [300, 2], [400, 0], [900, 1]);
    const answer = ask('SELECT v FROM l WHEN v["a"] > 0', history);
    expect(spans(answer)).toEqual([
      [0, 100],
      [200, 400],
      [900, 1_000],
    ]);
    expect(answer.rows).toMatchObject([
      { sinceStart: true, open: false, durationMs: 100, n: 1 },
      { sinceStart: false, open: false, durationMs: 200, n: 2 },
      { sinceStart: false, open: true, durationMs: 100, n: 3 },
    ]);
  });

  it("holds the ends of the range, to the tick", () => {
    const history = values([0, 1], [1_000, 0]);
    expect(spans(ask('SELECT v FROM l WHEN v["a"] = 1', history))).toEqual([[0, 1_000]]);
    const open = ask('SELECT v FROM l WHEN v["a"] = 0', history);
    expect(open.rows).toMatchObject([{ durationMs: 0, open: true }]);
    const beyond = values([0, 1], [1_000 + TICK, 0]);
    expect(ask('SELECT v FROM l WHEN v["a"] = 0', beyond).rows).toEqual([]);
  });

  it("may last a single tick", () => {
    const history = values([0, 0], [500, 1], [500 + TICK, 0]);
    expect(spans(ask('SELECT v FROM l WHEN v["a"] = 1', history))).toEqual([[500, 500 + TICK]]);
  });

  it("sees all changes of one tick, on all nodes, as one cut", () => {
    const history = [...values([0, 1], [500, 2]), set(0, "b", 1), set(500, "b", 2)];
    expect(ask("SELECT v FROM l WHEN Cardinality(v) > 1", history).rows).toEqual([]);
    expect(ask("SELECT v FROM l", history).end.cuts).toBe(2);
  });

  it("ends where the condition becomes unknown, and goes on as another one after it", () => {
    const history = [...values([0, 1], [300, 1]), lost(200, "a")];
    const answer = ask('SELECT v FROM l WHEN v["a"] = 1', history);
    expect(spans(answer)).toEqual([
      [0, 200],
      [300, 1_000],
    ]);
    expect(answer.end).toMatchObject({ unknownMs: 100, matchedMs: 900, complete: false });
    expect(answer.rows).toMatchObject([{ complete: true }, { complete: true }]);
  });

  it("is incomplete where something that is named is lost, though the condition is decided", () => {
    const history = [...values([0, 1]), set(0, "b", 5), lost(200, "b", 3), set(300, "b", 5)];
    const { rows } = ask('SELECT v FROM l WHEN v["a"] = 1', history);
    expect(rows).toMatchObject([
      {
        complete: false,
        incomplete: [
          { node: "b", reason: "lost", events: 3, seq: [2, 4], from: { hlc: "01a1fed600c80000" } },
        ],
      },
    ]);
  });

  it("is complete though a variable is lost that the query does not name", () => {
    const history: Happening[] = [
      ...[...values([0, 1]), { ...set(0, "b", 5), log: "m" } as Happening],
      { t: at(200), node: "b", kind: "lost", events: 3, logs: ["m"] },
    ];
    expect(ask("SELECT v FROM l", history).end).toMatchObject({ complete: true });
    expect(ask("SELECT v FROM m", history).end).toMatchObject({ complete: false });
  });

  it("of no condition lasts as long as the selected values stay the same", () => {
    const history = values([0, 1], [100, 2], [200, 2], [300, 1]);
    expect(spans(ask("SELECT v FROM l", history))).toEqual([
      [0, 100],
      [100, 300],
      [300, 1_000],
    ]);
    expect(spans(ask("SELECT Max(v) > 0 FROM l", history))).toEqual([[0, 1_000]]);
  });

  it("names the nodes whose change began it", () => {
    const history = [
      ...values([0, 1], [100, 2]),
      set(0, "b", 1),
      set(100, "b", 2),
      set(0, "c", 8, "w"),
      set(100, "c", 9, "w"),
    ];
    expect(ask("SELECT v FROM l WHEN Max(v) > 1", history).rows[0]?.by).toEqual(["a", "b"]);
  });
});

describe("FIRST, LAST, LIMIT and COUNT", () => {
  const history = values([0, 0], [100, 1], [200, 0], [300, 1], [400, 0], [500, 1]);
  const query = 'SELECT v FROM l WHEN v["a"] = 1';
  it("FIRST and LIMIT keep the earliest", () => {
    expect(spans(ask(`${query} FIRST`, history))).toEqual([[100, 200]]);
    expect(spans(ask(`${query} LIMIT 2`, history))).toEqual([
      [100, 200],
      [300, 400],
    ]);
    expect(spans(ask(`${query} FIRST 9`, history))).toHaveLength(3);
  });

  it("LAST keeps the latest, latest first, numbered in the order of time among themselves", () => {
    const answer = ask(`${query} LAST 2`, history);
    expect(spans(answer)).toEqual([
      [500, 1_000],
      [300, 400],
    ]);
    expect(answer.rows.map(({ n }) => n)).toEqual([2, 1]);
    // The totals are of what was told; how far back was searched stands in place of how far.
    expect(answer.end).toMatchObject({ rows: 2, matches: 2, matchedMs: 600 });
    expect(answer.lines[0]).toMatchObject({ type: "start", from: answer.end.searchedTo });
  });

  it("COUNT gives totals only", () => {
    const { rows, end } = ask(`${query} COUNT`, history);
    expect(rows).toEqual([]);
    expect(end).toMatchObject({ rows: 0, matches: 3, matchedMs: 700 });
  });
});

describe("FOR AT LEAST", () => {
  const history = values([0, 0], [100, 1], [150, 0], [200, 1], [250 - TICK, 0], [960, 1]);
  it("keeps intervals whose part inside the range is long enough, to the tick", () => {
    expect(spans(ask('SELECT v FROM l WHEN v["a"] = 1 FOR AT LEAST 50ms', history))).toEqual([
      [100, 150],
    ]);
    expect(ask('SELECT v FROM l WHEN v["a"] = 1 FOR AT LEAST 40ms', history).end.matches).toBe(3);
  });
});

describe("EACH CHANGE", () => {
  it("is a row per evaluated cut at which the condition is true", () => {
    const history = values([0, 1], [100, 2], [200, 0], [300, 1], [400, 1]);
    const answer = ask("SELECT v FROM l WHEN Max(v) > 0 EACH CHANGE", history);
    expect(moments(answer)).toEqual([0, 100, 300]);
    expect(answer.rows[1]).toMatchObject({
      n: 2,
      by: ["a"],
      complete: true,
      values: { v: { a: 2 } },
    });
    expect(answer.end).toMatchObject({ matches: 3, matchedMs: 900 });
  });
});
