/**
 * What the selected nodes hold of the query's columns at the cut at hand, in columns:
 *
 *     cell        column * nodes + node
 *     kind        absent | a number | anything else that is known | lost
 *     number      the number, else NaN: so most of the engine need not look at `kind`
 *     known       the value, if it is no number; `texts` its canonical text
 *
 * Aggregates are told of every change. The interpreter's evaluator reads the same cells, where a part of a
 * query is beyond the faster modes.
 */

import type { TrackedState } from "../interpret/change-tracker.ts";
import type { NodeAtCut } from "../interpret/cut-sequence.ts";
import {
  ABSENT,
  canonical,
  type DurationValue,
  type Known,
  LOST,
  Multiset,
  type Pair,
  Unknown,
} from "../values/datum.ts";
import type { Aggregate } from "./aggregate.ts";

export const CellKind: {
  readonly absent: 0;
  readonly number: 1;
  readonly other: 2;
  readonly lost: 3;
} = { absent: 0, number: 1, other: 2, lost: 3 };

/** What a cell may be given: a value, ABSENT or LOST. */
export type Given = Known | Unknown;

export class Cells implements TrackedState {
  /** Selected nodes, sorted: their indexes. */
  readonly nodeIds: readonly string[];
  readonly columnCount: number;
  readonly kinds: Uint8Array;
  /** NaN unless the cell holds a number. */
  readonly numbers: Float64Array;
  /** By column, how many nodes hold something that is no number, and how many are lost. */
  readonly otherCounts: Uint32Array;
  readonly lostCounts: Uint32Array;
  readonly #numberCounts: Uint32Array;
  readonly #known: (Known | undefined)[];
  readonly #texts: (string | undefined)[];
  readonly #aggregates: readonly Aggregate[][];
  readonly #indexes: ReadonlyMap<string, number>;
  nodes: ReadonlyMap<string, NodeAtCut> = new Map();
  /** Cells that changed at the tick at hand: kept where a query asks what has changed. */
  touched: ReadonlySet<number> = new Set();

  constructor(nodeIds: readonly string[], columnCount: number) {
    const size = nodeIds.length * columnCount;
    this.nodeIds = nodeIds;
    this.columnCount = columnCount;
    this.kinds = new Uint8Array(size);
    this.numbers = new Float64Array(size).fill(Number.NaN);
    this.otherCounts = new Uint32Array(columnCount);
    this.lostCounts = new Uint32Array(columnCount);
    this.#numberCounts = new Uint32Array(columnCount);
    this.#known = new Array(size).fill(undefined);
    this.#texts = new Array(size).fill(undefined);
    this.#aggregates = Array.from({ length: columnCount }, () => []);
    this.#indexes = new Map(nodeIds.map((id, index) => [id, index]));
  }

  /** Has an aggregate follow a column. To be called while all cells are absent. */
  attach(column: number, aggregate: Aggregate): void {
    this.#aggregates[column]?.push(aggregate);
  }

  aggregatesOf(column: number): readonly Aggregate[] {
    return this.#aggregates[column] ?? [];
  }

  /** -1: not selected. */
  nodeIndex(id: string): number {
    return this.#indexes.get(id) ?? -1;
  }

  cellOf(column: number, node: number): number {
    return column * this.nodeIds.length + node;
  }

  columnOf(cell: number): number {
    return Math.floor(cell / this.nodeIds.length);
  }

  nodeOf(cell: number): string {
    return this.nodeIds[cell % this.nodeIds.length] as string;
  }

  /** Nodes of a column whose value is known. */
  knownCount(column: number): number {
    return (this.#numberCounts[column] as number) + (this.otherCounts[column] as number);
  }

  get hasLost(): boolean {
    return this.lostCounts.some((count) => count > 0);
  }

  /** The canonical text of what is no number; undefined of all else. */
  textAt(cell: number): string | undefined {
    return this.#texts[cell];
  }

  valueAt(cell: number): Given {
    switch (this.kinds[cell]) {
      case CellKind.number:
        return this.numbers[cell] as number;
      case CellKind.other:
        return this.#known[cell] as Known;
      case CellKind.lost:
        return LOST;
      default:
        return ABSENT;
    }
  }

  /** Whether a cell holds what it would be given: by value, as the language compares. */
  holds(cell: number, given: Given): boolean {
    const kind = this.kinds[cell];
    if (typeof given === "number") return this.numbers[cell] === given;
    if (given instanceof Unknown) {
      return kind === (given === LOST ? CellKind.lost : CellKind.absent);
    }
    return kind === CellKind.other && this.#texts[cell] === canonical(given);
  }

  /** Puts another number in place of the number that a cell holds. */
  change(cell: number, value: number): void {
    const column = this.columnOf(cell);
    const before = this.numbers[cell] as number;
    this.numbers[cell] = value;
    const node = cell - column * this.nodeIds.length;
    for (const one of this.aggregatesOf(column)) one.update(node, before, value);
  }

  /** Puts a value, ABSENT or LOST in place of what a cell holds. */
  put(cell: number, given: Given): void {
    const column = this.columnOf(cell);
    const node = cell - column * this.nodeIds.length;
    this.#leave(cell, column, node);
    this.numbers[cell] = Number.NaN;
    this.#known[cell] = undefined;
    this.#texts[cell] = undefined;
    if (typeof given === "number") {
      this.kinds[cell] = CellKind.number;
      this.numbers[cell] = given;
      add(this.#numberCounts, column, 1);
      for (const one of this.aggregatesOf(column)) one.enter(node, given);
    } else if (given instanceof Unknown) {
      const isLost = given === LOST;
      this.kinds[cell] = isLost ? CellKind.lost : CellKind.absent;
      if (isLost) add(this.lostCounts, column, 1);
    } else {
      const text = canonical(given);
      this.kinds[cell] = CellKind.other;
      this.#known[cell] = given;
      this.#texts[cell] = text;
      add(this.otherCounts, column, 1);
      for (const one of this.aggregatesOf(column)) one.enter(node, text);
    }
  }

  #leave(cell: number, column: number, node: number): void {
    const kind = this.kinds[cell];
    if (kind === CellKind.number) {
      add(this.#numberCounts, column, -1);
      const number = this.numbers[cell] as number;
      for (const one of this.aggregatesOf(column)) one.leave(node, number);
    } else if (kind === CellKind.other) {
      add(this.otherCounts, column, -1);
      const text = this.#texts[cell] as string;
      for (const one of this.aggregatesOf(column)) one.leave(node, text);
    } else if (kind === CellKind.lost) {
      add(this.lostCounts, column, -1);
    }
  }

  // ---- as the evaluator sees it

  value(column: number, node: string): Given {
    const index = this.nodeIndex(node);
    return index < 0 ? ABSENT : this.valueAt(this.cellOf(column, index));
  }

  multiset(of: (node: string) => Given): Multiset {
    const pairs: Pair[] = [];
    const lost: string[] = [];
    for (const node of this.nodeIds) {
      const value = of(node);
      if (!(value instanceof Unknown)) pairs.push({ node, value });
      else if (value === LOST) lost.push(node);
    }
    return new Multiset(pairs, lost);
  }

  /** Further back than one tick nothing is kept: the interpreter runs such queries whole. */
  previous(_column: number, _node: string): Given {
    throw new Error("Previous is not kept here");
  }

  age(_column: number, _node: string): DurationValue | Unknown {
    throw new Error("Age is not kept here");
  }

  changed(column: number, node: string): boolean | Unknown {
    const index = this.nodeIndex(node);
    if (index < 0) return false;
    const cell = this.cellOf(column, index);
    return this.kinds[cell] === CellKind.lost ? LOST : this.touched.has(cell);
  }

  changedAnywhere(column: number): boolean {
    for (const cell of this.touched) if (this.columnOf(cell) === column) return true;
    return false;
  }
}

function add(counts: Uint32Array, column: number, by: 1 | -1): void {
  counts[column] = (counts[column] as number) + by;
}
