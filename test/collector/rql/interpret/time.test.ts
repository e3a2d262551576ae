/** Intervals, cuts, and what looks back or ahead in time. */
import { describe, expect, it } from "vitest";
import type { Json } from "../../../../agent/kernel/index.ts";
import { ask, firstValue, moments, spans } from "../ask.ts";
import { at, type Happening } from "../told-cuts.ts";

const TICK = 1 / 4096;

const set = (ms: number, node: string, value: Json, key = "v"): Happening => {
  return { t: at(ms), node, kind: "set", key, value };
};
const lost = (ms: number, node: string, events = 1): Happening => {
  return { t: at(ms), node, kind: "lost", events };
};
/** One node's values, [ms, value]. */
const values = (...pairs: readonly (readonly [number, Json])[]): Happening[] => {
  return pairs.map(([ms, value]) => set(ms, "a", value));
};

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

  it("LAST keeps the latest, latest first, numbered in the order of time", () => {
    const answer = ask(`${query} LAST 2`, history);
    expect(spans(answer)).toEqual([
      [500, 1_000],
      [300, 400],
    ]);
    expect(answer.rows.map(({ n }) => n)).toEqual([3, 2]);
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

describe("THEN .. WITHIN", () => {
  const then = (
    within: string,
    ...pairs: readonly (readonly [number, Json])[]
  ): ReturnType<typeof ask> =>
    ask(`SELECT v FROM l WHEN v["a"] = 1 THEN v["a"] = 2 WITHIN ${within}`, values(...pairs));

  it("is a row from the start to the first cut at which the other holds", () => {
    const answer = then("100ms", [0, 0], [200, 1], [250, 0], [280, 2], [290, 3], [295, 2]);
    expect(spans(answer)).toEqual([[200, 280]]);
    expect(answer.rows[0]?.values).toEqual({ v: { a: 1 } });
  });

  it("includes the last tick of its time, and not the next", () => {
    expect(spans(then("100ms", [0, 0], [200, 1], [300, 2]))).toEqual([[200, 300]]);
    expect(then("100ms", [0, 0], [200, 1], [300 + TICK, 2]).rows).toEqual([]);
  });

  it("begins nothing that held at the start of the range", () => {
    expect(then("100ms", [0, 1], [50, 2]).rows).toEqual([]);
    expect(spans(then("100ms", [0, 1], [50, 0], [60, 1], [70, 2]))).toEqual([[60, 70]]);
  });

  it("counts a start as undecided whose time passes the end of the range", () => {
    expect(then("100ms", [0, 0], [950, 1]).end).toMatchObject({ rows: 0, undecided: 1 });
    expect(then("100ms", [0, 0], [900, 1]).end).toMatchObject({ rows: 0, undecided: 0 });
    expect(then("100ms", [0, 0], [950, 1], [960, 2]).end).toMatchObject({ rows: 1, undecided: 0 });
  });

  it("counts a start as undecided where the other is unknown, unless it holds later", () => {
    const history = [...values([0, 0], [200, 1]), set(0, "b", 0), lost(210, "b"), set(280, "b", 0)];
    const query = 'SELECT v FROM l WHEN v["a"] = 1 THEN v["b"] = 2 WITHIN 100ms';
    expect(ask(query, history).end).toMatchObject({ rows: 0, undecided: 1 });
    const later = [...history, set(290, "b", 2)];
    expect(ask(query, later).end).toMatchObject({ rows: 1, undecided: 0 });
  });

  it("decides each of several starts by itself", () => {
    const answer = then(
      "100ms",
      [0, 0],
      [100, 1],
      [110, 0],
      [120, 1],
      [130, 2],
      [400, 1],
      [450, 0],
    );
    expect(spans(answer)).toEqual([
      [100, 130],
      [120, 130],
    ]);
    expect(answer.rows.map(({ n }) => n)).toEqual([1, 2]);
  });
});

describe("NOT FOLLOWED BY .. WITHIN", () => {
  const missing = (...pairs: readonly (readonly [number, Json])[]): ReturnType<typeof ask> =>
    ask(
      'SELECT v FROM l WHEN v["a"] = 1 NOT FOLLOWED BY v["a"] = 2 WITHIN 100ms',
      values(...pairs),
    );

  it("is a row of the whole time in which the other stays false", () => {
    expect(spans(missing([0, 0], [200, 1], [250, 0]))).toEqual([[200, 300]]);
    expect(missing([0, 0], [200, 1], [250, 2]).rows).toEqual([]);
  });

  it("looks at the last tick too", () => {
    expect(missing([0, 0], [200, 1], [300, 2]).rows).toEqual([]);
    expect(spans(missing([0, 0], [200, 1], [300 + TICK, 2]))).toEqual([[200, 300]]);
  });

  it("is undecided at the end of the range, to the tick", () => {
    expect(missing([0, 0], [900, 1]).end).toMatchObject({ rows: 1, undecided: 0 });
    expect(missing([0, 0], [900 + TICK, 1]).end).toMatchObject({ rows: 0, undecided: 1 });
  });
});

describe("Changed", () => {
  it("is true at the tick of the change only", () => {
    const history = values([0, 1], [100, 2], [200, 2], [300, 3]);
    const answer = ask("SELECT v FROM l WHEN Changed(v)", history);
    expect(spans(answer)).toEqual([
      [100, 100 + TICK],
      [300, 300 + TICK],
    ]);
    // The start, the two changes, and the ticks after them: setting an equal value is no cut.
    expect(answer.end.cuts).toBe(5);
  });

  it("goes on over changes of neighbouring ticks", () => {
    const history = values([0, 1], [100, 2], [100 + TICK, 3]);
    expect(spans(ask("SELECT v FROM l WHEN Changed(v)", history))).toEqual([[100, 100 + 2 * TICK]]);
  });

  it("is of one node where that is asked", () => {
    const history = [...values([0, 1], [100, 2]), set(0, "b", 1), set(200, "b", 2)];
    expect(spans(ask('SELECT v FROM l WHEN Changed(v["b"])', history))).toEqual([
      [200, 200 + TICK],
    ]);
  });

  it("holds for first values, deletions and returns from lost, not for going lost", () => {
    const history: Happening[] = [
      ...[
        set(0, "z", 0),
        set(100, "a", 1),
        { t: at(200), node: "a", kind: "delete", key: "v" } as const,
      ],
      ...[set(300, "a", 1), lost(400, "a"), set(500, "a", 1)],
    ];
    const answer = ask('SELECT v FROM l WHEN Changed(v["a"])', history);
    expect(spans(answer).map(([from]) => from)).toEqual([100, 200, 300, 500]);
    // The start, four changes and the ticks after them, and the start of the lost range.
    expect(answer.end.cuts).toBe(10);
    expect(answer.end.unknownMs).toBe(100);
  });
});

describe("Became", () => {
  it("is true at the tick at which the condition turned true, from false or unknown", () => {
    const history = [...values([0, 5], [100, 0], [200, 5], [300, 6], [500, 7]), lost(400, "a")];
    const answer = ask('SELECT v FROM l WHEN Became(v["a"] > 1)', history);
    expect(spans(answer)).toEqual([
      [200, 200 + TICK],
      [500, 500 + TICK],
    ]);
  });

  it("is followed at cuts at which AND passes it by", () => {
    const history = [...values([0, 0], [100, 1], [200, 1]), set(0, "b", 0), set(150, "b", 1)];
    // b turns true the gate after a became true: Became itself was over by then.
    expect(ask('SELECT v FROM l WHEN v["b"] = 1 AND Became(v["a"] = 1)', history).rows).toEqual([]);
  });

  it("tells a fresh start for THEN", () => {
    const history = values([0, 2], [100, 1], [150, 2], [200, 3]);
    const query = 'SELECT v FROM l WHEN v["a"] = 1 THEN Became(v["a"] > 1) WITHIN 1s';
    expect(spans(ask(query, history))).toEqual([[100, 150]]);
  });
});

describe("Previous", () => {
  const shown = (history: readonly Happening[], ms: number): unknown =>
    firstValue(ask(`SELECT Previous(v) AS p FROM l ON TIME ${1_795_276_800_000 + ms}`, history));

  it("is the value before the last change, looked up before the range", () => {
    const history = values([-300, 1], [-200, 2], [-100, 2], [500, 3]);
    expect(shown(history, 0)).toEqual({ a: 1 });
    expect(shown(history, 600)).toEqual({ a: 2 });
  });

  it("is not there for a first value, and is there for a deleted one", () => {
    expect(shown(values([-300, 1]), 0)).toEqual({});
    const deleted: Happening[] = [
      ...values([-300, 1]),
      { t: at(-5), node: "a", kind: "delete", key: "v" },
    ];
    expect(shown(deleted, 0)).toEqual({ a: 1 });
  });

  it("is lost while the value is, and after it comes back", () => {
    const history = [...values([-300, 1], [-100, 2], [500, 3]), lost(-200, "a")];
    expect(shown(history, -150)).toEqual({ a: { $unknown: "lost" } });
    expect(shown(history, 0)).toEqual({ a: { $unknown: "lost" } });
    expect(shown(history, 600)).toEqual({ a: 2 });
  });

  it("is followed through the range", () => {
    const history = [...values([0, 1], [100, 3], [200, 2]), set(0, "b", 9)];
    const query = "SELECT v FROM l WHEN EXISTS x IN v : (x < Previous(v)[NodeOf(x)]) FIRST";
    expect(spans(ask(query, history))).toEqual([[200, 1_000]]);
  });
});

describe("Age", () => {
  const stale = (compared: string): string => `SELECT v FROM l WHEN Age(v["a"]) ${compared}`;
  const history = values([-100, 1], [300, 2], [350, 2]);

  it("passes its constant between events, to the tick", () => {
    expect(spans(ask(stale("> 200ms"), history))).toEqual([
      [100 + TICK, 300],
      [500 + TICK, 1_000],
    ]);
    expect(spans(ask(stale(">= 200ms"), history))).toEqual([
      [100, 300],
      [500, 1_000],
    ]);
    expect(spans(ask(stale("< 200ms"), history))).toEqual([
      [0, 100],
      [300, 500],
    ]);
    expect(spans(ask(stale("<= 200ms"), history))).toEqual([
      [0, 100 + TICK],
      [300, 500 + TICK],
    ]);
    expect(spans(ask(stale("= 200ms"), history))).toEqual([
      [100, 100 + TICK],
      [500, 500 + TICK],
    ]);
  });

  it("may stand on either side", () => {
    const flipped = 'SELECT v FROM l WHEN 200ms < Age(v["a"])';
    expect(spans(ask(flipped, history))).toEqual(spans(ask(stale("> 200ms"), history)));
  });

  it("of a constant between two ticks passes at the next", () => {
    // 100 us are 409.6 ticks.
    const expected = [(409.6 + 0.4) * TICK, 1_000];
    expect(spans(ask(stale("> 100us"), values([0, 1])))).toEqual([expected]);
    expect(spans(ask(stale(">= 100us"), values([0, 1])))).toEqual([expected]);
  });

  it("is compared through Max, Min, loop variables and filters", () => {
    const both = [...values([0, 1]), set(100, "b", 1)];
    expect(spans(ask("SELECT v FROM l WHEN Max(Age(v)) >= 500ms", both))).toEqual([[500, 1_000]]);
    expect(spans(ask("SELECT v FROM l WHEN Min(Age(v)) >= 500ms", both))).toEqual([[600, 1_000]]);
    const every = "SELECT v FROM l WHEN FORALL x IN Age(v) : (x >= 500ms) AND Count(v) = 2";
    expect(spans(ask(every, both))).toEqual([[600, 1_000]]);
    const filter = "SELECT v FROM l WHEN Count({x IN Age(v) : (x >= 500ms)}) = 2";
    expect(spans(ask(filter, both))).toEqual([[600, 1_000]]);
    expect(ask(filter, both).rows[0]?.by).toEqual(["b"]);
  });

  it("is unknown while the value is lost, and begins anew after it", () => {
    const broken = [...values([0, 1], [300, 1]), lost(200, "a")];
    const answer = ask(stale("> 100ms"), broken);
    expect(spans(answer)).toEqual([
      [100 + TICK, 200],
      [400 + TICK, 1_000],
    ]);
    expect(answer.end.unknownMs).toBe(100);
  });

  it("may be selected, and does not end an interval by growing", () => {
    const answer = ask('SELECT Age(v) AS age, v["a"] FROM l', history);
    expect(spans(answer)).toEqual([
      [0, 300],
      [300, 1_000],
    ]);
    expect(answer.rows[0]?.values["age"]).toEqual({ a: { $durationMs: 100 } });
  });
});

describe("nodes that come and go", () => {
  const history: Happening[] = [
    ...[set(0, "a", 1), set(0, "b", 2)],
    { t: at(200), node: "b", kind: "leave" },
    { t: at(400), node: "b", kind: "join" },
    set(500, "b", 3),
  ];
  it("hold nothing while they are away, and another epoch begins empty", () => {
    const { rows } = ask("SELECT v FROM l", history);
    expect(rows.map((row) => row.values["v"])).toEqual([{ a: 1, b: 2 }, { a: 1 }, { a: 1, b: 3 }]);
  });

  it("have nothing before either, while they are away and when they are back", () => {
    const { rows } = ask("SELECT Previous(v) AS p, v FROM l", [...history, set(100, "b", 5)]);
    expect(rows.map((row) => row.values["p"])).toEqual([{}, { b: 2 }, {}, {}]);
  });

  it("make cuts, and are counted by Nodes and Status", () => {
    const answer = ask("SELECT Count(Nodes()) AS n, Status('b') AS s FROM l", history);
    expect(answer.rows.map(({ values }) => [values["n"], values["s"]])).toEqual([
      [2, "live"],
      [1, "left"],
      [2, "live"],
    ]);
    expect(answer.rows.map(({ by }) => by)).toEqual([[], ["b"], ["b"]]);
    expect(answer.end.cuts).toBe(3);
  });

  it("make a cut by a new status where the query asks for it", () => {
    const judged: Happening[] = [
      set(0, "a", 1),
      { t: at(500), node: "a", kind: "status", status: "suspect" },
    ];
    expect(spans(ask("SELECT v FROM l WHEN Status('a') = 'suspect'", judged))).toEqual([
      [500, 1_000],
    ]);
  });
});

describe("InFlight", () => {
  const history: Happening[] = [
    ...[set(0, "a", 1), set(0, "b", 1), set(0, "c", 1)],
    { t: at(100), node: "a", kind: "send", id: "1", to: "b" },
    { t: at(200), node: "a", kind: "send", id: "2", to: "c" },
    { t: at(300), node: "b", kind: "receive", id: "1" },
    { t: at(400), node: "c", kind: "receive", id: "2" },
  ];
  const counts = (call: string, rest = ""): unknown =>
    ask(`SELECT ${call} AS n FROM l ${rest}`, history).rows.map(({ values }) => values["n"]);

  it("makes a cut of each send and receive, and counts", () => {
    expect(counts("InFlight()")).toEqual([0, 1, 2, 1, 0]);
    expect(counts('InFlight("a", "c")')).toEqual([0, 1, 0]);
    expect(counts('InFlight("b")')).toEqual([0]);
    expect(counts("InFlight()", "AT NODES b")).toEqual([0, 1, 0]);
  });

  it("makes no cuts where nobody asks", () => {
    expect(ask("SELECT v FROM l", history).end.cuts).toBe(1);
  });
});

describe("GROUP BY SERVICE", () => {
  it("runs the whole query once per service", () => {
    const history = [...values([0, 1], [100, 2]), set(0, "b", 1), set(200, "b", 2), set(0, "c", 7)];
    const services = { a: "x", b: "x", c: "y" };
    const answer = ask("SELECT v FROM l GROUP BY SERVICE FIRST 2", history, { services });
    const told = answer.rows.map((row) => [row.service, row.n, row.values["v"]]);
    expect(told.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ["x", 1, { a: 1, b: 1 }],
      ["x", 2, { a: 2, b: 1 }],
      ["y", 1, { c: 7 }],
    ]);
    expect(answer.end).toMatchObject({ rows: 3, matches: 3 });
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

describe("limits of a run", () => {
  const history = values(...Array.from({ length: 50 }, (_, n) => [n * 10, n] as const));
  const run = (text: string, limits: object): ReturnType<typeof ask> =>
    ask(text, history, {}, { limits });

  it("end it with the status budget, the rows so far standing", () => {
    const { rows, end } = run("SELECT v FROM l", { steps: 20 });
    expect(end).toMatchObject({ status: "budget", cuts: 20 });
    expect(rows.length).toBeGreaterThan(10);
    // The twentieth value, at 190 ms: the twenty-first was not looked at.
    expect(end.searchedTo.time).toBe("2026-11-21T16:00:00.190000Z");
  });

  it("end it with the status truncated at so many rows", () => {
    expect(run("SELECT v FROM l", { rows: 7 }).end).toMatchObject({ status: "truncated", rows: 7 });
    expect(run("SELECT v FROM l LAST 9", { rows: 7 }).rows).toHaveLength(7);
  });

  it("cut short the values of a row", () => {
    const long = values([0, "x".repeat(100)]);
    const { rows } = ask("SELECT v, Max(v) AS m FROM l", long, {}, { limits: { rowBytes: 120 } });
    expect(rows[0]?.values).toEqual({ v: { a: "x".repeat(100) }, m: { $truncated: 102 } });
  });

  it("stop a GLOBAL that grows without bound", () => {
    const query = 'SELECT x, v FROM l COMPUTE GLOBAL x := "ab" AND x := x + x';
    const { lines, end } = run(query, { globalBytes: 1_000 });
    expect(end.status).toBe("failed");
    expect(lines.at(-2)).toMatchObject({ type: "error", code: "global-too-large" });
  });

  it("end it when somebody cancels", () => {
    const many = `SELECT v FROM l WHEN EXISTS p, q IN {${Array.from({ length: 100 }, (_, n) => n)}} : (p + q < 0)`;
    let asked = 0;
    const answer = ask(many, history, {}, { isCancelled: () => ++asked > 3 });
    expect(answer.end).toMatchObject({ status: "cancelled" });
  });
});
