/**
 * What is missing from the states of a feed, node by node, and where that may change: a list of ticks
 * known from the records before anything is read.
 *
 *     node    |joined ------- watermark)......|next run          edges: where `missingFrom` is asked again
 *             ^                         ^     ^
 *
 * What lost ranges leave lost is told by the variables themselves, and is no part of this.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { Incomplete } from "./answers.ts";
import { begunAfter } from "./beginnings.ts";
import { countsAt, holesOf, missingEvents } from "./completeness.ts";
import type { CutContext } from "./context.ts";
import { unknownRuns } from "./cut-at.ts";
import type { EpochView } from "./epoch-view.ts";
import { isActiveAt, type Membership, type NodeSpans, spanAt } from "./membership.ts";
import { beginningOf, forgottenMessages, goneMembers, goneOf } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import { unknownSenders } from "./unknown-senders.ts";

/** A tick at which what is missing of a node may change. `node`: its place; `NOBODY`: of those not known. */
export interface Edge {
  readonly t: Hlc;
  readonly node: number;
}

export const NOBODY = -1;
/** Ends of imported files that every imported node looks at; of more it looks at its own. */
const FILE_ENDS = 16;

export class FeedGaps {
  readonly #context: CutContext;
  readonly #membership: Membership;
  readonly #chosen: Chosen;
  readonly #fileEnds: ReadonlySet<number>;

  constructor(context: CutContext, membership: Membership, chosen: Chosen) {
    this.#context = context;
    this.#membership = membership;
    this.#chosen = chosen;
    const imported = [...membership.values()].flatMap(({ spans }) =>
      spans.filter(({ record }) => record.imported),
    );
    this.#fileEnds = new Set(
      imported.map(({ record }) => Math.max(record.closed, record.lastT) + 1),
    );
  }

  /** Edges in (from, to], in order. `counted`: the nodes of which something may be missing, by place. */
  edges(counted: readonly (NodeSpans | undefined)[], from: Hlc, to: Hlc): Edge[] {
    const edges: Edge[] = [];
    const note = (node: number, ticks: Iterable<number>): void => {
      for (const t of new Set(ticks)) if (t > from && t <= to) edges.push({ t: t as Hlc, node });
    };
    counted.forEach((spans, node) => {
      if (spans !== undefined) note(node, this.#edgesOf(spans));
    });
    note(NOBODY, this.#edgesOfNobody());
    return edges.sort((a, b) => a.t - b.t);
  }

  *#edgesOf({ node, spans, unbegun }: NodeSpans): Generator<number> {
    const { store } = this.#context;
    for (const span of unbegun) yield begunAfter(span.record, spans[spans.indexOf(span) - 1]) + 1;
    for (const { from, until } of goneOf(store, node)) yield* [from, until];
    for (const { record, until, rivals } of spans) {
      yield* [record.joined, until, beginningOf(store, record)];
      yield* [record.watermark + 1, record.closed + 1, record.lastT + 1];
      if (record.end !== null) yield* [record.end.t, record.end.t + 1];
      for (const { end } of rivals) if (end !== null) yield end.t;
      for (const hole of holesOf(record)) yield hole.from + 1;
      // One node of a file is behind for as long as any of the file goes on.
      if (record.imported && this.#fileEnds.size <= FILE_ENDS) yield* this.#fileEnds;
    }
  }

  *#edgesOfNobody(): Generator<number> {
    const { store } = this.#context;
    // What an imported node received counts inside its file.
    yield* this.#fileEnds;
    for (const { node, from, until } of store.gone()) {
      if (!this.#membership.has(node)) yield* [from, until];
    }
    const forgotten = store.messagesGone();
    if (forgotten !== undefined) yield* [forgotten.from, forgotten.until];
    for (const { named, end } of store.epochs()) if (named === true && end !== null) yield end.t;
  }

  /** What is missing of a node at `t`. */
  missingFrom(node: NodeSpans, t: Hlc): Incomplete[] {
    const context = this.#context;
    const span = spanAt(node, t);
    const found = unknownRuns(context, node, span, t, this.#chosen, this.#membership);
    if (span === undefined || !isActiveAt(span, t)) return found;
    const isKnown = t >= beginningOf(context.store, span.record);
    if (!isKnown || !countsAt(span.record, t, this.#chosen, this.#membership)) return found;
    return [...found, ...missingEvents(span, t, context.timers.nowMs(), context.limits)];
  }

  /** Members that are forgotten, or that only their messages tell of. `views`: states at `t`, by epoch id. */
  missingOfNobody(views: ReadonlyMap<number, EpochView>, t: Hlc): Incomplete[] {
    const { store } = this.#context;
    const forgotten = forgottenMessages(store, t);
    if (this.#chosen.namesNodes) return forgotten;
    const isKnown = (node: string): boolean => this.#membership.has(node);
    return [
      ...forgotten,
      ...goneMembers(store, isKnown, t),
      ...unknownSenders(this.#context, this.#membership, views, t, this.#chosen),
    ];
  }
}
