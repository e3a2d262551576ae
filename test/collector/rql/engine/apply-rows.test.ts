/** Rows applied stream by stream, against the same put in order and applied tick by tick. */
import "../../../support/seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowBuffer } from "../../../../collector/cut/row-buffer.ts";
import type { Aggregate } from "../../../../collector/rql/engine/aggregate.ts";
import { RowApplier } from "../../../../collector/rql/engine/apply-rows.ts";
import { Cells } from "../../../../collector/rql/engine/cells.ts";
import { Source } from "../../../../collector/rql/engine/sources.ts";
import { TickSet } from "../../../../collector/rql/engine/tick-set.ts";

interface Row {
  readonly t: number;
  readonly column: number;
  readonly value: number;
}

/** Of one node each. */
interface Told {
  readonly rows: readonly Row[];
  /** All rows are of column 0, and say so once. */
  readonly isOne: boolean;
}

const COLUMNS = 2;
/** Ticks as large as real ones: they do not fit into 32 bits. */
const ZERO = 2 ** 46;

const told: fc.Arbitrary<Told> = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(fc.nat(2), fc.nat(COLUMNS - 1), fc.nat(3)), { maxLength: 40 }),
  )
  .map(([isOne, steps]) => {
    let t = ZERO + 1;
    const rows = steps.map(([step, column, value]): Row => {
      t += step;
      return { t, column: isOne ? 0 : column, value };
    });
    return { rows, isOne };
  });

function sourceOf(node: number, { rows, isOne }: Told): Source {
  const buffer = new RowBuffer(isOne ? 0 : -1);
  buffer.reserve(rows.length);
  for (const { t, column, value } of rows) buffer.addNumber(t, column, value);
  return new Source({ node, rows: buffer, begin: () => new Map(), read: () => false }, ZERO);
}

/** Knows what each node holds, and that it is told so. */
class Follower implements Aggregate {
  readonly held = new Map<number, number>();

  update(node: number, before: number, after: number): void {
    expect(this.held.get(node)).toBe(before);
    expect(after).not.toBe(before);
    this.held.set(node, after);
  }

  enter(node: number, value: number | string): void {
    this.held.set(node, value as number);
  }

  leave(node: number): void {
    this.held.delete(node);
  }
}

/** Ticks in (after, to] behind which some cell holds another number than before; `state` moves on. */
function cutsOf(nodes: readonly Told[], state: number[], after: number, to: number): number {
  const within = nodes.flatMap(({ rows }, node) =>
    rows.filter(({ t }) => t > after && t <= to).map((row) => ({ ...row, node })),
  );
  const ticks = [...new Set(within.map(({ t }) => t))].sort((a, b) => a - b);
  let cuts = 0;
  for (const tick of ticks) {
    const before = [...state];
    for (const { t, column, node, value } of within) {
      if (t === tick) state[column * nodes.length + node] = value;
    }
    if (state.some((value, cell) => value !== before[cell])) cuts += 1;
  }
  return cuts;
}

describe("rows that are not put in order", () => {
  it("leave the same in every cell, are as many cuts, and are told to aggregates", () => {
    fc.assert(
      fc.property(
        fc.array(told, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(30), { maxLength: 4 }),
        (nodes, edges) => {
          const cells = new Cells(
            nodes.map((_, node) => `n${node}`),
            COLUMNS,
          );
          const followers = Array.from({ length: COLUMNS }, () => new Follower());
          for (const [column, one] of followers.entries()) cells.attach(column, one);
          const state = Array.from(cells.numbers, () => 0);
          for (const cell of state.keys()) cells.put(cell, 0);
          const sources = nodes.map((node, index) => sourceOf(index, node));
          const applier = new RowApplier(cells);
          const ends = [...edges, 100].map((tick) => ZERO + tick).sort((a, b) => a - b);
          let after = ZERO;
          for (const end of ends) {
            expect(applier.look(sources, end)).toBe(true);
            for (let column = 0; column < COLUMNS; column += 1) {
              const values = nodes
                .flatMap(({ rows }) => rows)
                .filter((row) => row.t > after && row.t <= end && row.column === column)
                .map(({ value }) => value);
              expect(applier.coming.least[column]).toBe(Math.min(...values));
              expect(applier.coming.greatest[column]).toBe(Math.max(...values));
            }
            expect(applier.apply(after, end)).toBe(cutsOf(nodes, state, after, end));
            expect([...cells.numbers]).toEqual(state);
            after = end;
          }
          for (const [column, { held }] of followers.entries()) {
            expect([...held.entries()].sort()).toEqual(
              nodes.map((_, node) => [node, state[column * nodes.length + node]]),
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are left alone where one would be the first number of its cell, or is none", () => {
    const cells = new Cells(["a", "b"], COLUMNS);
    const rows = [{ t: ZERO + 1, column: 0, value: 1 }];
    const applier = new RowApplier(cells);
    for (const isOne of [true, false]) {
      expect(applier.look([sourceOf(0, { rows, isOne })], ZERO + 9)).toBe(false);
    }
    cells.put(0, 5);
    const source = sourceOf(0, { rows, isOne: true });
    expect(applier.look([source], ZERO + 9)).toBe(true);
    source.rows.reserve(1);
    source.rows.add(ZERO + 2, 0, undefined);
    expect(applier.look([source], ZERO + 9)).toBe(false);
  });
});

describe("a set of ticks", () => {
  it("knows a tick again until time has gone on, however many there are and however dense", () => {
    const ticks = new TickSet();
    let floor = ZERO;
    for (const step of [1, 1_000, 3]) {
      for (const count of [3, 700, 20_000, 5, 4_000]) {
        const end = floor + count * 2 * step;
        ticks.goOn(floor, count, end);
        const seen = new Set<number>();
        for (let i = 0; i < count; i += 1) {
          const tick = floor + step * (1 + ((i * 7_919) % (count * 2)));
          expect(ticks.add(tick)).toBe(seen.has(tick) ? 0 : 1);
          seen.add(tick);
        }
        expect(ticks.add(end)).toBe(seen.has(end) ? 0 : 1);
        floor = end;
      }
    }
    ticks.clear();
    ticks.goOn(ZERO, 10, ZERO + 100_000);
    expect([ticks.add(ZERO + 1), ticks.add(ZERO + 1)]).toEqual([1, 0]);
  });
});
