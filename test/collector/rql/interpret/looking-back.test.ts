/** What looks back in time: Changed, Became, Previous, Age. */
import { describe, expect, it } from "vitest";
import { ask, firstValue, spans } from "../ask.ts";
import { lost, set, TICK, values } from "../happenings.ts";
import { at, type Happening } from "../told-cuts.ts";

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
