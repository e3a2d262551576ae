/** What a tick changes, against cells that are compared before and after it. */
import "../../../support/seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Value } from "../../../../agent/kernel/index.ts";
import { RowBuffer } from "../../../../collector/cut/row-buffer.ts";
import type { Aggregate } from "../../../../collector/rql/engine/aggregate.ts";
import { Cells } from "../../../../collector/rql/engine/cells.ts";
import { Source } from "../../../../collector/rql/engine/sources.ts";
import { TickChanges } from "../../../../collector/rql/engine/tick-changes.ts";
import { TimeMerge } from "../../../../collector/rql/engine/time-merge.ts";
import { ABSENT } from "../../../../collector/rql/values/datum.ts";

const NODES = 2;
const COLUMNS = 2;
const CELLS = NODES * COLUMNS;

interface Row {
  readonly t: number;
  readonly cell: number;
  /** Undefined: deleted. */
  readonly value: Value | undefined;
}

const number = fc.constantFrom(0, -0, 1, 2);
const other = fc.constantFrom<Value | undefined>(undefined, "text", null, true);
const history: fc.Arbitrary<readonly Row[]> = fc
  .record({
    areNumbers: fc.boolean(),
    steps: fc.array(
      fc.record({
        step: fc.constantFrom(0, 0, 1),
        cell: fc.nat(CELLS - 1),
        number,
        other,
        isOther: fc.nat(3),
      }),
      { maxLength: 60 },
    ),
  })
  .map(({ areNumbers, steps }) => {
    let t = 10;
    return steps.map(({ step, cell, number: is, other: no, isOther }) => {
      t += step;
      return { t, cell, value: areNumbers || isOther > 0 ? is : no };
    });
  });

function sourceOf(node: number, rows: readonly Row[]): Source {
  const buffer = new RowBuffer(-1);
  for (const { t, cell, value } of rows) {
    if (cell % NODES !== node) continue;
    buffer.reserve(1);
    buffer.add(t, Math.floor(cell / NODES), value);
  }
  return new Source({ node, rows: buffer, begin: () => new Map(), read: () => false }, 0);
}

/** The known values of a column, as an aggregate is told of them. */
class Followed implements Aggregate {
  readonly holds = new Map<number, number | string>();
  enter(node: number, value: number | string): void {
    expect(this.holds.has(node)).toBe(false);
    this.holds.set(node, value);
  }
  leave(node: number, value: number | string): void {
    expect(this.holds.get(node)).toBe(value);
    this.holds.delete(node);
  }
  update(node: number, before: number, now: number): void {
    this.leave(node, before);
    this.enter(node, now);
  }
}

describe("a tick", () => {
  it("changes the cells that hold something else behind it than before it, and no other", () => {
    fc.assert(
      fc.property(history, fc.array(number, { maxLength: CELLS }), (rows, held) => {
        const cells = new Cells(["a", "b"], COLUMNS);
        const followed = Array.from({ length: COLUMNS }, () => new Followed());
        for (const [column, one] of followed.entries()) cells.attach(column, one);
        const model: (Value | undefined)[] = Array.from({ length: CELLS }, (_, i) => held[i]);
        for (const [cell, value] of held.entries()) cells.put(cell, value);
        const merge = new TimeMerge(cells);
        const ticks = new TickChanges(cells, merge);
        merge.take([sourceOf(0, rows), sourceOf(1, rows)], Number.MAX_SAFE_INTEGER);
        for (let at = 0; at < merge.window.count; ) {
          const t = merge.window.t[at] as number;
          const heldBefore = heldBy(cells);
          const before = [...model];
          at = ticks.apply(at);
          for (const { t: of, cell, value } of rows) if (of === t) model[cell] = value;
          const changed = model.flatMap((value, cell) => (isSame(value, before[cell]) ? [] : cell));
          expect([...ticks.changed].sort((a, b) => a - b)).toEqual(changed);
          const heldNow = heldBy(cells);
          expect(heldNow.map(signless)).toEqual(model.map(signless));
          for (const [cell, value] of heldBefore.entries()) {
            // A zero of another sign is the same number: it is not taken over.
            if (!changed.includes(cell)) expect(heldNow[cell]).toBe(value);
          }
          for (const [column, { holds }] of followed.entries()) {
            const known = model.slice(column * NODES, (column + 1) * NODES);
            expect(holds.size).toBe(known.filter((value) => value !== undefined).length);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

function signless(value: Value | undefined): Value | undefined {
  return value === 0 ? 0 : value;
}

function isSame(a: Value | undefined, b: Value | undefined): boolean {
  return a === b;
}

function heldBy(cells: Cells): (Value | undefined)[] {
  return Array.from({ length: CELLS }, (_, cell) => {
    const held = cells.valueAt(cell);
    return held === ABSENT ? undefined : (held as Value);
  });
}
