/**
 * Steps of a feed (collector/cut) folded into states as the interpreter takes them. A state that was given
 * never changes: what differs is made anew, all else is shared.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type {
  FeedColumn,
  FeedHeld,
  FeedLastChange,
  FeedStanding,
  FeedStep,
  Incomplete,
} from "../../cut/history.ts";
import {
  type CutRange,
  type CutState,
  HELD_ABSENT,
  type Held,
  type LastChange,
  type MessageUnderWay,
  type NodeAtCut,
} from "../interpret/cut-sequence.ts";

/** What is known of a feed before its first step. Plain data. */
export interface FeedHead {
  readonly from: Hlc;
  readonly to: Hlc;
  /** Where the range begins of which this is the end; absent: at `from`. */
  readonly rangeFrom?: Hlc;
  readonly nodes: readonly string[];
  readonly services: readonly string[];
  readonly columns: readonly FeedColumn[];
  readonly lastChanges: readonly FeedLastChange[];
}

export class FoldedStates implements CutRange {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly rangeFrom: Hlc;
  readonly nodes: readonly string[];
  readonly services: readonly string[];
  readonly #columns: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly #places: ReadonlyMap<string, number>;
  readonly #lastChanges = new Map<number, Map<number, LastChange>>();
  readonly #held: (readonly FeedHeld[])[];
  readonly #missing = new Map<number, readonly Incomplete[]>();
  readonly #noColumns: readonly FeedHeld[];
  #states: ReadonlyMap<string, FoldedNode> = new Map();
  #incomplete: readonly Incomplete[] = [];

  constructor(head: FeedHead) {
    const { from, to, rangeFrom = from, nodes, services, columns, lastChanges } = head;
    this.from = from;
    this.to = to;
    this.rangeFrom = rangeFrom;
    this.nodes = nodes;
    this.services = services;
    this.#columns = placesOf(columns);
    this.#places = new Map(nodes.map((node, place) => [node, place] as const));
    this.#noColumns = columns.map(() => HELD_ABSENT);
    this.#held = nodes.map(() => this.#noColumns);
    for (const { node, column, at, previous } of lastChanges) {
      const ofNode = this.#lastChanges.get(node) ?? new Map<number, LastChange>();
      this.#lastChanges.set(node, ofNode);
      ofNode.set(column, { at, previous });
    }
  }

  lastChange(node: string, log: string, key: string): LastChange | undefined {
    const column = this.#columns.get(log)?.get(key);
    const place = this.#places.get(node);
    if (column === undefined || place === undefined) return undefined;
    return this.#lastChanges.get(place)?.get(column);
  }

  /** The state after a step. Steps come in rising order of t. */
  take({ t, standings, changes, missing, messaging, inFlight }: FeedStep): CutState {
    const states = new Map(this.#states);
    const standing = new Map<number, FeedStanding>();
    for (const one of standings) standing.set(one.node, one);
    const held = new Map<number, FeedHeld[]>();
    for (const { node, column, held: now } of changes) {
      const columns = held.get(node) ?? [...(this.#held[node] ?? this.#noColumns)];
      held.set(node, columns);
      columns[column] = now;
    }
    for (const [node, columns] of held) this.#held[node] = columns;
    for (const place of new Set([...standing.keys(), ...held.keys()])) {
      const node = this.nodes[place] as string;
      const now = standing.get(place) ?? this.#states.get(node)?.standing;
      if (now === undefined) continue;
      states.set(node, new FoldedNode(now, this.#held[place] as FeedHeld[], this.#columns));
    }
    if (states.size !== this.#states.size || standings.length + changes.length > 0) {
      this.#states = states;
    }
    if (missing.length > 0) {
      for (const { node, incomplete } of missing) this.#missing.set(node, incomplete);
      this.#incomplete = [...this.#missing.values()].flat();
    }
    const underWay: readonly MessageUnderWay[] | undefined = inFlight ?? undefined;
    return {
      t,
      nodes: this.#states,
      messaging: new Set(messaging.map((place) => this.nodes[place] as string)),
      inFlight: () => underWay,
      incomplete: this.#incomplete,
    };
  }
}

class FoldedNode implements NodeAtCut {
  readonly standing: FeedStanding;
  readonly #held: readonly FeedHeld[];
  readonly #columns: ReadonlyMap<string, ReadonlyMap<string, number>>;

  constructor(
    standing: FeedStanding,
    held: readonly FeedHeld[],
    columns: ReadonlyMap<string, ReadonlyMap<string, number>>,
  ) {
    this.standing = standing;
    this.#held = held;
    this.#columns = columns;
  }

  get service(): string {
    return this.standing.service;
  }

  get epoch(): number {
    return this.standing.epoch;
  }

  get status(): FeedStanding["status"] {
    return this.standing.status;
  }

  get isMember(): boolean {
    return this.standing.isMember;
  }

  held(log: string, key: string): Held {
    const column = this.#columns.get(log)?.get(key);
    return (column === undefined ? undefined : this.#held[column]) ?? HELD_ABSENT;
  }
}

function placesOf(
  columns: readonly FeedColumn[],
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const places = new Map<string, Map<string, number>>();
  for (const [place, { log, key }] of columns.entries()) {
    const ofLog = places.get(log) ?? new Map<string, number>();
    places.set(log, ofLog);
    ofLog.set(key, place);
  }
  return places;
}
