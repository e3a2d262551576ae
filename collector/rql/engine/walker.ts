/**
 * The loop over the rows of a window. Hot: benches `walk`, `walk-wide`.
 *
 * A row that stands alone at its tick and puts a number in place of another is dealt with here: cell,
 * aggregates, condition. Everything else (several rows at one tick, values of other kinds, a node that
 * held nothing) makes the loop stop, and the run takes that tick slowly (cell-run.ts).
 *
 * This is the form that calls closures; generate.ts writes the same loop with everything inlined.
 */
import type { Aggregate } from "./aggregate.ts";
import type { Cells } from "./cells.ts";
import { type Closure, numberClosure, truthClosure } from "./closures.ts";
import type { Conjunct, Program } from "./program.ts";

/** What the loop and the run share: changed by both. */
export interface Pace {
  /** Cuts so far. */
  cuts: number;
  /** What the condition, and that of the window, are since the last cut. */
  p: number;
  q: number;
}

/** Whom the loop asks and tells. */
export interface Listener {
  /** The interpreter's word for a conjunct (by index; the window's comes last). */
  ask(conjunct: number, t: number): number;
  /** Has the interpreter run COMPUTE, which has something to warn of. */
  compute(t: number): void;
  /** The condition has turned, or every cut is asked for. `cell`: what has changed. */
  turn(t: number, cell: number, p: number, q: number): void;
}

/** By conjunct, in order, that of the window last: what it was, and whether something it reads has changed. */
export interface Known {
  readonly truths: Uint8Array;
  readonly isStale: Uint8Array;
}

export interface Walker {
  /**
   * Deals with rows from `at` on; returns the first that is to be taken slowly, or `count`. t[count] is
   * infinite.
   */
  walk(
    t: Float64Array,
    cell: Uint32Array,
    number: Float64Array,
    at: number,
    count: number,
    pace: Pace,
  ): number;
  /** The condition as it is now; and that of the window. */
  truth(t: number): number;
  follower(t: number): number;
}

export function knownOf({ when, follower }: Program): Known {
  const count = when.length + (follower === undefined ? 0 : 1);
  return { truths: new Uint8Array(count), isStale: new Uint8Array(count).fill(1) };
}

/** `everyCut`: `turn` is told of every cut. */
export function closureWalker(
  program: Program,
  cells: Cells,
  known: Known,
  listener: Listener,
  everyCut: boolean,
): Walker {
  const { lowering, when, follower, watched } = program;
  const { odd } = lowering;
  const nodes = cells.nodeIds.length;
  const { numbers } = cells;
  const conjuncts: readonly Conjunct[] = follower === undefined ? when : [...when, follower];
  const closures = conjuncts.map(({ ir }): Closure | undefined =>
    ir === undefined ? undefined : truthClosure(ir, lowering, cells),
  );
  const watchers = watched.map((ir) => numberClosure(ir, lowering, cells));
  const { truths, isStale } = known;
  const aggregates: readonly (readonly Aggregate[])[] = columnsOf(cells).map((column) =>
    cells.aggregatesOf(column),
  );
  const readers = columnsOf(cells).map((column) =>
    conjuncts.flatMap(({ columns }, index) => (columns.includes(column) ? [index] : [])),
  );

  const truthOf = (index: number, t: number): number => {
    if (isStale[index] === 0) return truths[index] as number;
    isStale[index] = 0;
    const closure = closures[index];
    odd.is = false;
    let truth = closure === undefined ? 3 : closure(Number.NaN);
    if (truth === 3 || odd.is) truth = listener.ask(index, t);
    truths[index] = truth;
    return truth;
  };
  const truth = (t: number): number => {
    for (const watcher of watchers) {
      odd.is = false;
      watcher(Number.NaN);
      if (odd.is) listener.compute(t);
    }
    let result = 1;
    for (let index = 0; index < when.length; index += 1) {
      const one = truthOf(index, t);
      if (one === 0) return 0;
      if (one === 2) result = 2;
    }
    return result;
  };
  const followerOf = (t: number): number => (follower === undefined ? 0 : truthOf(when.length, t));
  return {
    truth,
    follower: followerOf,
    walk(t, cell, number, at, count, pace) {
      let i = at;
      for (; i < count; i += 1) {
        const moment = t[i] as number;
        const of = cell[i] as number;
        const value = number[i] as number;
        const before = numbers[of] as number;
        if (moment === t[i + 1] || Number.isNaN(value) || Number.isNaN(before)) break;
        if (value === before) continue;
        numbers[of] = value;
        const column = Math.floor(of / nodes);
        const node = of - column * nodes;
        for (const one of aggregates[column] as readonly Aggregate[]) {
          one.update(node, before, value);
        }
        for (const index of readers[column] as readonly number[]) isStale[index] = 1;
        pace.cuts += 1;
        const p = truth(moment);
        const q = followerOf(moment);
        if (p === pace.p && q === pace.q && !everyCut) continue;
        pace.p = p;
        pace.q = q;
        listener.turn(moment, of, p, q);
      }
      return i;
    },
  };
}

function columnsOf({ columnCount }: Cells): number[] {
  return Array.from({ length: columnCount }, (_, column) => column);
}
