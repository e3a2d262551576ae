/**
 * What is missing from the cuts that were searched, for the nodes and variables of a query.
 *
 * A lost range counts from its first event for as long as it leaves a variable lost that the query
 * names; everything else (lagging, holes, ..) as the states say. One object stands for one shortfall
 * through all cuts, so that rows may keep it while its end is not known yet.
 */
import type { Hlc, LostRange } from "../../../agent/kernel/index.ts";
import type { Incomplete } from "../../cut/history.ts";
import type { Column } from "../check/bound.ts";
import type { NodeAtCut } from "./cut-sequence.ts";
import { type TimeJson, timeJson } from "./output.ts";

/** One reason for which answers may be wrong. */
export interface Shortfall {
  readonly node: string;
  readonly entry: Incomplete;
  /** Of a lost range: the first tick at which nothing that the query names is lost by it. */
  until: Hlc | undefined;
  readonly range: LostRange | undefined;
}

export interface ShortfallJson {
  readonly node: string;
  readonly reason: string;
  readonly after?: TimeJson;
  readonly from?: TimeJson;
  readonly to?: TimeJson;
  readonly events?: number;
  readonly seq?: readonly [number, number] | number;
}

export class Shortfalls {
  readonly #columns: readonly Column[];
  readonly #all = new Map<string, Shortfall>();
  #current: readonly Shortfall[] = [];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  /** What is missing at the state at hand. */
  get current(): readonly Shortfall[] {
    return this.#current;
  }

  /** Everything that was missing at some cut. */
  get all(): readonly Shortfall[] {
    return [...this.#all.values()];
  }

  /** `incomplete`: what else is missing of what the query selects. */
  moveTo(t: Hlc, nodes: ReadonlyMap<string, NodeAtCut>, incomplete: readonly Incomplete[]): void {
    const current = new Map<string, Shortfall>();
    for (const [id, node] of nodes) {
      for (const range of this.#lostAt(node)) {
        const key = JSON.stringify([id, node.epoch, range.firstSeq, range.lastSeq]);
        current.set(key, this.#found(key, { node: id, entry: lostEntry(id, range), range }));
      }
    }
    for (const entry of incomplete) {
      const key = JSON.stringify(entry);
      current.set(key, this.#found(key, { node: entry.node, entry, range: undefined }));
    }
    for (const [key, one] of this.#all) if (!current.has(key)) one.until ??= t;
    this.#current = [...current.values()];
  }

  #lostAt(node: NodeAtCut): Set<LostRange> {
    const ranges = this.#columns.flatMap(({ log, key }) => {
      const held = log === undefined ? undefined : node.held(log, key);
      return held?.is === "lost" ? held.by : [];
    });
    return new Set(ranges);
  }

  /** The object that stands for it: once ended, it may begin again. */
  #found(key: string, fresh: Omit<Shortfall, "until">): Shortfall {
    const known = this.#all.get(key);
    if (known !== undefined) {
      known.until = undefined;
      return known;
    }
    const made: Shortfall = { ...fresh, until: undefined };
    this.#all.set(key, made);
    return made;
  }
}

/** As the rows tell it; a stretch that goes on past `end` is told up to there. */
export function shortfallsJson(shortfalls: Iterable<Shortfall>, end: Hlc): ShortfallJson[] {
  const sorted = [...shortfalls].sort(
    (a, b) =>
      compareText(a.node, b.node) ||
      startOf(a) - startOf(b) ||
      compareText(a.entry.reason, b.entry.reason),
  );
  return sorted.map(({ node, entry, until, range }) => {
    const { reason, after, from, to, events, seq } = entry;
    if (range !== undefined) {
      const last = Math.min(until ?? end, end) as Hlc;
      const seqs = [range.firstSeq, range.lastSeq] as const;
      const count = range.lastSeq - range.firstSeq + 1;
      return {
        node,
        reason,
        from: timeJson(range.firstT),
        to: timeJson(last),
        events: count,
        seq: seqs,
      };
    }
    return {
      node,
      reason,
      ...(after === undefined ? {} : { after: timeJson(after) }),
      ...(from === undefined ? {} : { from: timeJson(from) }),
      ...(to === undefined ? {} : { to: timeJson(to) }),
      ...(events === undefined ? {} : { events }),
      ...(seq === undefined ? {} : { seq }),
    };
  });
}

function lostEntry(node: string, range: LostRange): Incomplete {
  const reason = range.reason === "not-captured" ? "not-captured" : "lost";
  return { node, reason, from: range.firstT, to: range.lastT };
}

function startOf({ entry, range }: Shortfall): number {
  return range?.firstT ?? entry.from ?? entry.after ?? 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
