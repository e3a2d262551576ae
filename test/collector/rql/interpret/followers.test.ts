/** THEN and NOT FOLLOWED BY: what comes, or does not come, within a time. */
import { describe, expect, it } from "vitest";
import type { Json } from "../../../../agent/kernel/index.ts";
import { ask, spans } from "../ask.ts";
import { lost, set, TICK, values } from "../happenings.ts";

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
