/** Windows over streams that read on in pieces of any size, and their rows in order of time. */
import "../../../support/seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../../../../agent/kernel/index.ts";
import type { ColumnStream } from "../../../../collector/cut/column-stream.ts";
import { RowBuffer } from "../../../../collector/cut/row-buffer.ts";
import { Cells } from "../../../../collector/rql/engine/cells.ts";
import { NotPlain } from "../../../../collector/rql/engine/not-plain.ts";
import { Sources, WINDOW_ROWS } from "../../../../collector/rql/engine/sources.ts";
import { TimeMerge } from "../../../../collector/rql/engine/time-merge.ts";
import { ABSENT } from "../../../../collector/rql/values/datum.ts";

interface Row {
  readonly t: number;
  readonly column: number;
  /** Undefined: the variable was deleted. */
  readonly value: Value | undefined;
}

/** The rows of a node, and in pieces of how many they are read. */
interface Told {
  readonly rows: readonly Row[];
  readonly piece: number;
  /** The column of all of them; -1: of several. */
  readonly column: number;
  /** So many rows are at hand before the first window, as where a slice begins inside a block. */
  readonly ahead: number;
}

const COLUMNS = 3;
const AFTER = 50_000;

/** Ticks to the next row, by draw: ties, even steps, bursts with rests between them. */
const PACES: readonly ((draw: number) => number)[] = [
  (draw) => draw % 3,
  (draw) => 1 + (draw % 1_000),
  (draw) => (draw % 50 === 0 ? 2 ** 22 : draw % 2),
  () => 0,
];

const told: fc.Arbitrary<Told> = fc
  .record({
    pace: fc.constantFrom(...PACES),
    count: fc.oneof(fc.nat(40), fc.nat(4_000)),
    piece: fc.constantFrom(1, 7, 256, 5_000),
    column: fc.integer({ min: -1, max: COLUMNS - 1 }),
    factor: fc.integer({ min: 1, max: 2 ** 20 }),
    othersEvery: fc.constantFrom(0, 0, 5, 700),
    ahead: fc.constantFrom(0, 0, 3, 300),
  })
  .map(({ pace, count, piece, column, factor, othersEvery, ahead }) => {
    let t = AFTER + 1;
    const rows = Array.from({ length: count }, (_, i): Row => {
      const draw = ((i + 1) * factor) % 65_521;
      t += pace(draw);
      const of = column < 0 ? draw % COLUMNS : column;
      return { t, column: of, value: givenOf(i, draw, othersEvery) };
    });
    return { rows, piece, column, ahead: Math.min(ahead, count) };
  });

function givenOf(i: number, draw: number, othersEvery: number): Value | undefined {
  if (othersEvery === 0 || i % othersEvery !== 0) return (draw % 99) / 3;
  return draw % 2 === 0 ? `text ${draw}` : undefined;
}

function streamOf(node: number, { rows, piece, column, ahead }: Told): ColumnStream {
  const buffer = new RowBuffer(column);
  let next = 0;
  const read = (count: number): boolean => {
    const some = rows.slice(next, next + count);
    next += some.length;
    buffer.reserve(some.length);
    for (const { t, column: of, value } of some) buffer.add(t, of, value);
    return some.length > 0;
  };
  read(ahead);
  return { node, rows: buffer, begin: () => new Map(), read: () => read(piece) };
}

/** A row as the window gives it: text tells what it holds. */
interface Given {
  readonly t: number;
  readonly cell: number;
  readonly holds: string;
}

const textOf = (value: unknown): string =>
  value === undefined || value === ABSENT ? "absent" : `${typeof value} ${String(value)}`;

function takeAll(merge: TimeMerge): Given[] {
  const { t, cell, number, count } = merge.window;
  expect(t[count]).toBe(Number.POSITIVE_INFINITY);
  return Array.from({ length: count }, (_, i) => {
    const value = Number.isNaN(number[i]) ? merge.given(i) : number[i];
    return { t: t[i] as number, cell: cell[i] as number, holds: textOf(value) };
  });
}

/** All rows up to `to`, in order of time, of one tick in the order of nodes, of a node in their own. */
function inOrder(streams: readonly Told[], to: number): Given[] {
  return streams
    .flatMap(({ rows }, node) =>
      rows.map(({ t, column, value }) => {
        return { t, cell: column * streams.length + node, holds: textOf(value) };
      }),
    )
    .filter(({ t }) => t <= to)
    .sort((a, b) => a.t - b.t);
}

describe("streams side by side", () => {
  it("give every row once, in order of time, in windows that follow each other up to the end", () => {
    fc.assert(
      fc.property(fc.array(told, { maxLength: 12 }), fc.nat(2 ** 26), (streams, length) => {
        const ends = streams.map(({ rows }) => rows.at(-1)?.t ?? AFTER);
        const to = length % 3 === 0 ? Math.max(AFTER + 1, ...ends) : AFTER + 1 + length;
        const cells = new Cells(
          streams.map((_, node) => `n${node}`),
          COLUMNS,
        );
        const merge = new TimeMerge(cells);
        const sources = new Sources(
          streams.map((one, node) => streamOf(node, one)),
          AFTER,
          to,
        );
        const given: Given[] = [];
        let reached = AFTER;
        while (sources.next()) {
          const { start, end } = sources;
          expect(start).toBe(reached);
          expect(end).toBeGreaterThan(start);
          expect(sources.rowCount).toBe(sources.rowsBy(end));
          // As a window in pieces is: rows are taken by halves.
          const middle = start + Math.floor((end - start) / 2);
          for (const stop of [middle, end]) {
            merge.take(sources.list, stop);
            const rows = takeAll(merge);
            expect(rows.every(({ t }) => t > reached && t <= stop)).toBe(true);
            reached = stop;
            for (const row of rows) given.push(row);
          }
        }
        expect(reached).toBe(to);
        expect(given).toEqual(inOrder(streams, to));
      }),
      { numRuns: 60 },
    );
  });

  it("hold some thousands of rows at once, however many come at a time after a rest", () => {
    const rest = Array.from({ length: 50 }, (_, i) => i * 2 ** 20);
    const burst = Array.from({ length: 200_000 }, (_, i) => 2 ** 26 + Math.floor(i / 4));
    const rows = [...rest, ...burst].map((t) => ({ t: AFTER + 1 + t, column: 0, value: t % 5 }));
    const few = { rows: rows.filter((_, i) => i % 1_000 === 0), piece: 16, column: 0, ahead: 0 };
    const streams = [{ rows, piece: 256, column: 0, ahead: 0 }, few];
    const list = streams.map((one, node) => streamOf(node, one));
    const sources = new Sources(list, AFTER, AFTER + 2 ** 27);
    const merge = new TimeMerge(new Cells(["n0", "n1"], 1));
    let count = 0;
    while (sources.next()) {
      merge.take(sources.list, sources.end);
      expect(merge.window.count).toBeLessThanOrEqual(4 * WINDOW_ROWS);
      count += merge.window.count;
    }
    expect(count).toBe(rows.length + few.rows.length);
    for (const one of list) expect(one.rows.t.length).toBeLessThan(8 * WINDOW_ROWS);
  });

  const row = (t: number): Row => ({ t, column: 0, value: 1 });
  it.each([
    ["go back in time", [row(AFTER + 9), row(AFTER + 8)], 0],
    ["are of the time before", [row(AFTER), row(AFTER + 8)], 0],
    ["are of the time before, and at hand already", [row(AFTER), row(AFTER + 8)], 1],
  ])("are not plain where rows %s", (_why, rows, ahead) => {
    const run = (): void => {
      const stream = streamOf(0, { rows, piece: 1, column: 0, ahead });
      const sources = new Sources([stream], AFTER, AFTER + 100);
      while (sources.next());
    };
    expect(run).toThrow(NotPlain);
  });
});
