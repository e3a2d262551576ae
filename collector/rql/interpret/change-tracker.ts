/**
 * What the selected nodes hold of the query's columns, cut by cut, and when that changed.
 *
 * A change is a difference of values, absent ones included. Going lost is none, since nobody knows
 * whether the value changed; coming back from lost is one. Nothing at or before the start of the range
 * counts as changed *at* a tick, but Age and Previous look back past it.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { Column } from "../check/bound.ts";
import {
  ABSENT,
  DurationValue,
  fromValue,
  isEqual,
  type Known,
  LOST,
  Multiset,
  type Pair,
  Unknown,
} from "../values/datum.ts";
import {
  type CutRange,
  type CutState,
  HELD_ABSENT,
  type Held,
  type NodeAtCut,
} from "./cut-sequence.ts";

interface Cell {
  /** A value, ABSENT or LOST. */
  readonly now: Known | Unknown;
  /** Undefined: not known. */
  readonly changedAt: Hlc | undefined;
  readonly previous: Known | Unknown;
}

/** What an evaluator asks of what is held at the cut at hand. */
export type TrackedState = Pick<
  ChangeTracker,
  "nodes" | "value" | "previous" | "age" | "changed" | "changedAnywhere" | "multiset"
>;

/** Which nodes of a state belong to this run of the query. */
export type Chooses = (id: string, node: NodeAtCut) => boolean;

export class ChangeTracker {
  readonly #columns: readonly Column[];
  readonly #chooses: Chooses;
  /** By column, then node. */
  #cells: readonly ReadonlyMap<string, Cell>[];
  /** Selected nodes of the state at hand, by id in order. */
  #nodes: ReadonlyMap<string, NodeAtCut> = new Map();
  /** By column: nodes whose value changed at the tick of the state at hand. */
  #changed: readonly ReadonlySet<string>[];
  /** By column: nodes where anything differs from the state before, going lost included. */
  #touched: readonly ReadonlySet<string>[];
  #moved: ReadonlySet<string> = new Set();
  #isStart = true;

  constructor(columns: readonly Column[], chooses: Chooses) {
    this.#columns = columns;
    this.#chooses = chooses;
    this.#cells = columns.map(() => new Map());
    this.#changed = columns.map(() => new Set());
    this.#touched = columns.map(() => new Set());
  }

  /** Selected nodes, those that are no members too. */
  get nodes(): ReadonlyMap<string, NodeAtCut> {
    return this.#nodes;
  }

  /** Takes the next state; whether a column or the membership differs from the one before. */
  moveTo(state: CutState, before: CutRange): boolean {
    const chosen = [...state.nodes].filter(([id, node]) => this.#chooses(id, node));
    const nodes = new Map(chosen.sort(([a], [b]) => (a < b ? -1 : 1)));
    const ids = new Set([...this.#nodes.keys(), ...nodes.keys()]);
    const moved = [...ids].filter(
      (id) => standing(this.#nodes.get(id)) !== standing(nodes.get(id)),
    );
    const hasMoved = new Set(moved);
    this.#moved = this.#isStart ? new Set() : hasMoved;
    const changed: Set<string>[] = [];
    const touched: Set<string>[] = [];
    this.#cells = this.#columns.map(({ log, key }, index) => {
      const cells = new Map<string, Cell>();
      const changedHere = new Set<string>();
      const touchedHere = new Set<string>();
      for (const id of ids) {
        const held =
          log === undefined ? HELD_ABSENT : (nodes.get(id)?.held(log, key) ?? HELD_ABSENT);
        const now = datumOf(held);
        const cell = this.#isStart ? undefined : (this.#cells[index]?.get(id) ?? NEVER);
        if (cell === undefined) {
          const last = log === undefined ? undefined : before.lastChange(id, log, key);
          const previous = last === undefined ? ABSENT : datumOf(last.previous);
          cells.set(id, { now, changedAt: last?.at, previous });
          continue;
        }
        if (isSame(cell.now, now)) {
          cells.set(id, cell);
          continue;
        }
        touchedHere.add(id);
        if (now === LOST) {
          cells.set(id, { ...cell, now });
        } else {
          changedHere.add(id);
          // Epochs are kept apart: what a node held before it began anew is not what it held before.
          const previous = hasMoved.has(id) ? ABSENT : cell.now;
          cells.set(id, { now, changedAt: state.t, previous });
        }
      }
      changed.push(changedHere);
      touched.push(touchedHere);
      return cells;
    });
    this.#changed = changed;
    this.#touched = touched;
    this.#nodes = nodes;
    const isDifferent = this.#isStart || moved.length > 0 || touched.some(({ size }) => size > 0);
    this.#isStart = false;
    return isDifferent;
  }

  /** Time goes on and nothing changes: nothing is changed at the tick at hand any more. */
  settle(): void {
    this.#changed = this.#columns.map(() => new Set());
    this.#touched = this.#columns.map(() => new Set());
    this.#moved = new Set();
  }

  value(column: number, node: string): Known | Unknown {
    return this.#cell(column, node).now;
  }

  previous(column: number, node: string): Known | Unknown {
    const { now, previous } = this.#cell(column, node);
    return now === LOST ? LOST : previous;
  }

  age(column: number, node: string, t: Hlc): DurationValue | Unknown {
    const { now, changedAt } = this.#cell(column, node);
    if (now instanceof Unknown) return now;
    return changedAt === undefined ? LOST : new DurationValue(t - changedAt);
  }

  /** Whether the value changed at the tick at hand; LOST while it is lost. */
  changed(column: number, node: string): boolean | Unknown {
    return this.#cell(column, node).now === LOST ? LOST : this.#changedAt(column).has(node);
  }

  changedAnywhere(column: number): boolean {
    return this.#changedAt(column).size > 0;
  }

  /** One datum per selected node, absent ones left out, lost ones as the hole. */
  multiset(of: (node: string) => Known | Unknown): Multiset {
    const pairs: Pair[] = [];
    const lost: string[] = [];
    for (const node of this.#nodes.keys()) {
      const value = of(node);
      if (!(value instanceof Unknown)) pairs.push({ node, value });
      else if (value === LOST) lost.push(node);
    }
    return new Multiset(pairs, lost);
  }

  /** Nodes where one of the columns, or the membership, differs at the tick at hand. */
  touchedIn(columns: ReadonlySet<number>): ReadonlySet<string> {
    const nodes = [...columns].flatMap((column) => [...(this.#touched[column] ?? [])]);
    return new Set([...nodes, ...this.#moved]);
  }

  /** When the value that a node holds was set, if it is known. */
  changedAt(column: number, node: string): Hlc | undefined {
    const { now, changedAt } = this.#cell(column, node);
    return now instanceof Unknown ? undefined : changedAt;
  }

  #cell(column: number, node: string): Cell {
    return this.#nodes.has(node) ? (this.#cells[column]?.get(node) ?? NEVER) : NEVER;
  }

  #changedAt(column: number): ReadonlySet<string> {
    return this.#changed[column] ?? new Set();
  }
}

const NEVER: Cell = { now: ABSENT, changedAt: undefined, previous: ABSENT };

function datumOf(held: Held): Known | Unknown {
  if (held.is === "known") return fromValue(held.value);
  return held.is === "lost" ? LOST : ABSENT;
}

function isSame(a: Known | Unknown, b: Known | Unknown): boolean {
  return a instanceof Unknown || b instanceof Unknown ? a === b : isEqual(a, b);
}

/** Whether, and in which run, a node is a member. */
function standing(node: NodeAtCut | undefined): number | undefined {
  return node?.isMember === true ? node.epoch : undefined;
}
