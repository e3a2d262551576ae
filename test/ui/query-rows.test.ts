/** Rows of a query: folded from lines in any order, walked by N and P, merged into marks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc } from "../../agent/kernel/index.ts";
import type { ResultLine, RowLine } from "../../collector/api/query-shapes.ts";
import { MAX_KEPT_CHARS, type ResultRow, RowBook } from "../../ui/src/query/row-book.ts";
import { laneMarks, rowMarks } from "../../ui/src/query/row-marks.ts";
import { mayBeMore, nextPlace, positionText } from "../../ui/src/query/walk-rows.ts";
import { TimeScale } from "../../ui/src/scale/time-scale.ts";

const BASE = 2 ** 49;
const h = (t: number) => ({ hlc: formatHlc((BASE + t) as Hlc), time: "" });
const start = (query: number): ResultLine => ({
  type: "start",
  query,
  columns: ["v"],
  from: h(0),
  to: h(10_000),
  nodes: ["a", "b"],
});
const rowLine = (query: number, n: number, from: number, to: number, more = {}): RowLine => ({
  type: "row",
  query,
  n,
  from: h(from),
  to: h(to),
  durationMs: (to - from) / 4096,
  ...{ sinceStart: false, open: false, complete: true, incomplete: [], by: [], values: { v: n } },
  ...more,
});
const bookOf = (lines: readonly ResultLine[]): RowBook => {
  const book = new RowBook();
  for (const line of lines) book.take(line, 100);
  return book;
};
const offsets = (rows: readonly ResultRow[]) => rows.map(({ from }) => from - BASE);

/** Rows that overlap, touch and begin together, as several queries and services make them. */
const rowLines = fc
  .array(
    fc.record({
      query: fc.nat(2),
      service: fc.constantFrom("", "kv", "cart"),
      from: fc.nat(300),
      length: fc.nat(80),
      complete: fc.boolean(),
      sinceStart: fc.boolean(),
      open: fc.boolean(),
      by: fc.subarray(["a", "b"]),
    }),
    { maxLength: 40 },
  )
  .map((rows) =>
    rows.map(({ query, from, length, service, ...more }, place) =>
      rowLine(query, place + 1, from, from + length, {
        ...more,
        ...(service === "" ? {} : { service }),
      }),
    ),
  );

describe("the rows of a query", () => {
  it("stand in the order of time, each once, whatever the order of lines and whether a hit came first", () => {
    fc.assert(
      fc.property(rowLines, fc.infiniteStream(fc.boolean()), (lines, hits) => {
        const told = lines.flatMap((line): ResultLine[] => {
          if (!hits.next().value) return [line];
          const { query, n, values } = line;
          const service = "service" in line ? { service: line.service as string } : {};
          const from = "from" in line ? line.from : line.at;
          return [{ type: "hit", query, n, from, values, ...service }, line];
        });
        const book = bookOf([start(0), start(1), start(2), ...told]);
        const expected = lines.map((line) => ("from" in line ? line.from.hlc : line.at.hlc)).sort();
        expect(book.rows.map(({ from }) => formatHlc(from))).toEqual(expected);
        expect(book.rows.every(({ kind }) => kind === "interval")).toBe(true);
        for (const [place, row] of book.rows.entries()) expect(book.placeOf(row)).toBe(place);
      }),
    );
  });

  it("let a hit grow with the search until its row says where it ended", () => {
    const book = bookOf([start(0), { type: "hit", query: 0, n: 1, from: h(100), values: {} }]);
    const [found] = book.rows;
    expect([found?.kind, (found?.to ?? 0) - BASE]).toEqual(["hit", 100]);
    book.take({ type: "progress", query: 0, searchedTo: h(900), cuts: 5, fraction: 0.09 }, 10);
    expect((book.rows[0]?.to ?? 0) - BASE).toBe(900);
    book.take(rowLine(0, 1, 100, 950, { by: ["a"] }), 10);
    expect(book.rows).toHaveLength(1);
    expect([book.rows[0]?.kind, (book.rows[0]?.to ?? 0) - BASE]).toEqual(["interval", 950]);
    expect(book.parts[0]?.rowCount).toBe(1);
  });

  it("keep their times when their values are too much to keep", () => {
    const book = bookOf([start(0)]);
    book.take(rowLine(0, 1, 10, 20), MAX_KEPT_CHARS);
    book.take(rowLine(0, 2, 30, 40), 1);
    expect(book.rows.map(({ values }) => values === null)).toEqual([false, true]);
    expect([book.valuesLeftOut, offsets(book.rows)]).toEqual([1, [10, 30]]);
  });

  it("are ended only when every query of the text has said so", () => {
    const book = bookOf([start(0), start(1)]);
    expect(book.isEnded).toBe(false);
    const end = {
      ...({ type: "end", status: "done" } as const),
      ...{ query: 0, rows: 0, matches: 0, matchedMs: 0 },
      ...{ unknownMs: 0, undecided: 0, cuts: 3, searchedTo: h(10_000), complete: true },
      ...{ incomplete: [], elapsedMs: 1 },
    };
    book.take(end, 10);
    expect(book.isEnded).toBe(false);
    book.take({ ...end, query: 1 }, 10);
    expect(book.isEnded).toBe(true);
  });
});

describe("walking", () => {
  it("visits every row once and in order, and comes back by the same ones", () => {
    fc.assert(
      fc.property(rowLines, (lines) => {
        const { rows } = bookOf([start(0), start(1), start(2), ...lines]);
        const forth: number[] = [];
        let cut: Hlc | null = (BASE - 1) as Hlc;
        let place: number | undefined;
        for (;;) {
          const next = nextPlace(rows, place, cut, 1);
          if (next === undefined) break;
          forth.push(next);
          place = next;
          cut = rows[next]?.from ?? null;
        }
        expect(forth).toEqual(rows.map((_, at) => at));
        const back: number[] = [];
        while (place !== undefined) {
          back.push(place);
          cut = rows[place]?.from ?? null;
          place = nextPlace(rows, place, cut, -1);
        }
        expect(back).toEqual(forth.toReversed());
      }),
    );
  });

  it("goes on from where the cut was moved to, not from the row it left", () => {
    const { rows } = bookOf([start(0), ...[10, 20, 30].map((t, i) => rowLine(0, i + 1, t, t + 5))]);
    const at = (t: number) => (BASE + t) as Hlc;
    expect(nextPlace(rows, 0, at(25), 1)).toBe(2);
    expect(nextPlace(rows, 2, at(25), -1)).toBe(1);
    expect(nextPlace(rows, undefined, at(20), 1)).toBe(2);
    expect(nextPlace(rows, undefined, at(20), -1)).toBe(0);
    expect(nextPlace(rows, 2, at(30), 1)).toBeUndefined();
    expect(nextPlace([], undefined, null, 1)).toBeUndefined();
  });

  it("says 12 of 340+ until it is known that there are no more", () => {
    expect(positionText(11, 340, mayBeMore("running", false))).toBe("12 of 340+");
    expect(positionText(11, 340, mayBeMore("ended", true))).toBe("12 of 340");
    expect(positionText(11, 340, mayBeMore("ended", false))).toBe("12 of 340+");
    expect(positionText(undefined, 340, mayBeMore("cancelled", false))).toBe("340+");
  });
});

describe("marks", () => {
  const scale = new TimeScale({ from: (BASE + 50) as Hlc, to: (BASE + 250) as Hlc }, 100);

  it("cover exactly the pixels that rows cover, count each, and lose no sign of doubt", () => {
    fc.assert(
      fc.property(rowLines, (lines) => {
        const { rows } = bookOf([start(0), start(1), start(2), ...lines]);
        const visible = rows.filter(({ from, to }) => to >= BASE + 50 && from <= BASE + 250);
        const marks = rowMarks(rows, scale);
        expect(marks.reduce((sum, { count }) => sum + count, 0)).toBe(visible.length);
        const inside = (t: number) => Math.max(-4, Math.min(104, scale.x(t)));
        for (const row of visible) {
          const own = marks.filter(
            ({ x0, x1 }) => x0 <= inside(row.from) + 1e-9 && x1 >= inside(row.to) - 1e-9,
          );
          expect(own).not.toHaveLength(0);
          if (!row.complete) expect(own.some(({ isHatched }) => isHatched)).toBe(true);
        }
        for (const [place, mark] of marks.entries()) {
          const next = marks[place + 1];
          if (next !== undefined) expect(next.x0 - mark.x1).toBeGreaterThanOrEqual(1);
          const outermost = visible.filter(({ to }) => inside(to) === mark.x1);
          const isRagged = outermost.some(
            (row) => row.open && inside(row.from) >= mark.x0 && inside(row.from) <= mark.x1,
          );
          expect(mark.isRaggedRight).toBe(isRagged);
        }
        expect(marks.length).toBeLessThanOrEqual(110);
      }),
    );
  });

  it("stand on the lanes of the nodes that began the row, and are hollow where one is incomplete", () => {
    const { rows } = bookOf([
      start(0),
      rowLine(0, 1, 60, 70, { by: ["a"] }),
      rowLine(0, 2, 62, 70, { by: ["a"], complete: false }),
      rowLine(0, 3, 200, 220, { by: ["b"] }),
    ]);
    expect(laneMarks(rows, new Set(["a"]), scale, 8)).toEqual([
      { x: 5, isHatched: true, count: 2 },
    ]);
    expect(laneMarks(rows, new Set(["b"]), scale, 8)).toEqual([
      { x: 75, isHatched: false, count: 1 },
    ]);
    expect(laneMarks(rows, new Set(["c"]), scale, 8)).toEqual([]);
  });
});
