/** Nodes that come and go, messages in flight, services. */
import { describe, expect, it } from "vitest";
import { ask, moments, spans } from "../ask.ts";
import { set, values } from "../happenings.ts";
import { at, type Happening } from "../told-cuts.ts";

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

  // Pipeline test, seed -1835739220: what time turned for one service came before the earlier of the next.
  it("tells rows of all services in the order of time, also those that time alone makes", () => {
    const history = [...values([0, 1]), set(100, "a", 2), set(0, "b", 1), set(0, "c", 3)];
    const services = { a: "x", b: "y", c: "z" };
    const query =
      "SELECT v FROM l WHEN Max(Age(v)) >= 500ms OR Max(v) = 2 GROUP BY SERVICE EACH CHANGE";
    const answer = ask(query, history, { services });
    expect(answer.rows.map(({ service }) => service)).toEqual(["x", "y", "z", "x"]);
    expect(moments(answer)).toEqual([100, 500, 500, 600]);
  });
});
