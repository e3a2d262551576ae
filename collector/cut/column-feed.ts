/**
 * Finds the plain stretches of a range (column-shapes.ts), and cuts them into slices with all that their
 * cuts are made of: what is held where a slice begins, and the bytes of its blocks.
 *
 *     n1      | segment    | segment       | segment | b b b |
 *     n2         | segment      | segment        | b b b b |
 *     slices  |-----------------|---------------|------------|     ends at the end of some block
 *
 * Nothing is decoded here but heads, and the states that slices begin with. Where a slice turns out not to
 * be plain (a block is damaged, a variable still lost) there is none, and whoever asked goes through that
 * stretch by its states.
 */
import type { Hlc, Value } from "../../agent/kernel/index.ts";
import type { StoredBatch } from "../store/history-store.ts";
import { isSegment } from "../store/segment-header.ts";
import { partsOf } from "./column-parts.ts";
import type {
  ColumnFeed,
  ColumnOptions,
  ColumnPart,
  ColumnSlice,
  HeldAtStart,
  PlainStretch,
} from "./column-shapes.ts";
import { type CutContext, membersNow } from "./context.ts";
import { EpochView, touches } from "./epoch-view.ts";
import { FeedGaps } from "./feed-gaps.ts";
import type { FeedColumn, FeedStanding } from "./feed-shapes.ts";
import {
  type EpochSpan,
  isActiveAt,
  type Membership,
  type NodeSpans,
  spanAt,
} from "./membership.ts";
import { beginningOf, Marks } from "./pruned.ts";
import type { Chosen } from "./selection.ts";
import type { Turns, Work } from "./turns.ts";

/** Where a stretch behind a loss is tried again: what was lost may be told anew by then. */
const TRIES_IN_STRETCH = 8;
/** How often a slice is read anew because batches were sealed meanwhile. */
const MOST_READS = 3;

/** What is left is not divided if it is so many times as much as is asked for. */
const NEARLY = 1.5;

/** A span that is its node's state throughout a stretch. */
interface Running {
  readonly node: number;
  readonly span: EpochSpan;
}

export function openColumns(
  context: CutContext,
  turns: Turns,
  { from, to, columns, leastEvents, nodes }: ColumnOptions,
): ColumnFeed {
  const membership = membersNow(context);
  const followed = columns.filter((column) => column !== undefined);
  const names = nodes === undefined ? undefined : new Set(nodes);
  const chosen: Chosen = {
    nodes: [...membership.values()].filter(({ node }) => names?.has(node) ?? true),
    logs: new Set(followed.map(({ log }) => log)),
    keys: new Set(followed.map(({ key }) => key)),
    namesNodes: names !== undefined,
    namesEachNode: names !== undefined,
  };
  const reader = new PlainReader(context, membership, chosen, columns, leastEvents);
  return {
    nodes: reader.nodes,
    stretches: (signal) => turns.run(reader.stretches(from, to), signal),
    slice: (after, end, events, signal) => turns.run(reader.slice(after, end, events), signal),
  };
}

class PlainReader {
  readonly #context: CutContext;
  readonly #chosen: Chosen;
  readonly #spans: readonly NodeSpans[];
  readonly #columns: readonly (readonly [column: number, followed: FeedColumn])[];
  readonly #leastEvents: number;
  readonly #logs: ReadonlySet<string>;
  readonly #gaps: FeedGaps;
  readonly #marks: Marks;

  /** `chosen`: the nodes that count, and the logs and keys of `columns`. */
  constructor(
    context: CutContext,
    membership: Membership,
    chosen: Chosen,
    columns: readonly (FeedColumn | undefined)[],
    leastEvents: number,
  ) {
    this.#context = context;
    this.#chosen = chosen;
    this.#spans = chosen.nodes;
    this.#columns = [...columns.entries()].flatMap(([column, followed]) =>
      followed === undefined ? [] : [[column, followed] as const],
    );
    this.#leastEvents = leastEvents;
    this.#logs = chosen.logs ?? new Set();
    this.#gaps = new FeedGaps(context, membership, chosen);
    this.#marks = new Marks(context.store);
  }

  /** Nodes by place. */
  get nodes(): readonly string[] {
    return this.#spans.map(({ node }) => node);
  }

  /** The plain stretches of a range, in order; `from` itself is in none. Reads records, and few states. */
  *stretches(from: Hlc, to: Hlc): Work<PlainStretch[]> {
    const found: PlainStretch[] = [];
    for (const { after, to: end } of this.#pieces(from, to)) {
      if (!this.#hasEvents(after, end, this.#leastEvents)) continue;
      for (const start of this.#starts(after, end)) {
        yield;
        if (!this.#isPlain(start, end)) continue;
        found.push({ after: start, to: end });
        break;
      }
    }
    return found;
  }

  /** Between ticks at which something else than a value changes: each begins with such a tick, or with `from`. */
  #pieces(from: Hlc, to: Hlc): PlainStretch[] {
    const ticks = new Set<number>([from]);
    for (const { t } of this.#gaps.edges(this.#spans, from, to)) ticks.add(t);
    for (const { spans } of this.#spans) {
      for (const { record } of spans) {
        for (const range of this.#context.source.lostRanges(record)) {
          if (range.firstT > from && range.firstT <= to) ticks.add(range.firstT);
        }
      }
    }
    const sorted = [...ticks].sort((a, b) => a - b);
    return sorted.map((after, index) => {
      const next = sorted[index + 1];
      return { after: after as Hlc, to: (next === undefined ? to : next - 1) as Hlc };
    });
  }

  #starts(after: Hlc, to: Hlc): Hlc[] {
    return Array.from({ length: TRIES_IN_STRETCH }, (_, part) => {
      return Math.floor(after + ((to - after) * part) / TRIES_IN_STRETCH) as Hlc;
    });
  }

  #running(after: Hlc): Running[] {
    return this.#spans.flatMap((spans, node) => {
      const span = spanAt(spans, after);
      return span !== undefined && isActiveAt(span, after) ? [{ node, span }] : [];
    });
  }

  /** Whether there are so many events, about: of many nodes only some are asked. */
  #hasEvents(after: Hlc, to: Hlc, least: number): boolean {
    let count = 0;
    for (const { span } of this.#running(after)) {
      count += this.#context.source.eventsBetween(span.record.id, after, to);
      if (count >= least) return true;
    }
    return count >= least;
  }

  /** Whether records say that nothing is missing, and states that nothing is lost. */
  #isPlain(after: Hlc, to: Hlc): boolean {
    const running = this.#running(after);
    if (running.some(({ span }) => !this.#isWhole(span, after, to))) return false;
    if (this.#spans.some((spans) => this.#gaps.missingFrom(spans, to).length > 0)) return false;
    if (this.#isAnybodyUnknown(running, after) || this.#isAnybodyUnknown(running, to)) return false;
    return running.every(({ span }) => this.#isWholeAt(span, after));
  }

  /** Whether nothing that is followed is lost at `t`: of whom nothing ever was, nothing is. */
  #isWholeAt(span: EpochSpan, t: Hlc): boolean {
    const { store, source } = this.#context;
    const { record } = span;
    const isUntouched =
      source.lostRanges(record).length === 0 && store.pruned(record.id) === undefined;
    return isUntouched || !this.#isAnyLost(this.#viewAt(span, t));
  }

  #isWhole({ record, until }: EpochSpan, after: Hlc, to: Hlc): boolean {
    const { store, source } = this.#context;
    if (until <= to || after < beginningOf(store, record)) return false;
    return !source
      .lostRanges(record)
      .some((range) => range.firstT <= to && range.lastT > after && this.#touches(range));
  }

  #touches(range: Parameters<typeof touches>[0]): boolean {
    return [...this.#logs].some((log) => touches(range, log));
  }

  /** Members that only messages tell of. What is received is only ever added to. */
  #isAnybodyUnknown(running: readonly Running[], t: Hlc): boolean {
    const { source } = this.#context;
    if (this.#chosen.namesNodes) return false;
    const views = new Map<number, EpochView>(
      running.map(({ span: { record } }) => [record.id, source.viewAt(record, t, new Set())]),
    );
    return this.#gaps.missingOfNobody(views, t).length > 0;
  }

  #isAnyLost(view: EpochView): boolean {
    return this.#columns.some(([, { log, key }]) => view.unknownOf(log, key) !== undefined);
  }

  #viewAt({ record }: EpochSpan, t: Hlc): EpochView {
    return this.#context.source.viewAt(record, t, this.#logs);
  }

  /**
   * The slice after `after`, of about `events` events, within a plain stretch that ends at `to`. Undefined: it
   * is not plain after all, or retention is taking it away.
   */
  *slice(after: Hlc, to: Hlc, events: number): Work<ColumnSlice | undefined> {
    const running = this.#running(after);
    const end = this.#endOf(running, after, to, events);
    for (let reads = 0; reads < MOST_READS; reads += 1) {
      const slice = yield* this.#read(running, after, end);
      if (slice !== "sealed meanwhile") return slice;
    }
    return undefined;
  }

  /** The end of a block about so many events away. */
  #endOf(running: readonly Running[], after: Hlc, to: Hlc, events: number): Hlc {
    const { source } = this.#context;
    // Records know without a look how many there are at the most.
    const most = running.reduce((sum, { span }) => sum + span.record.eventCount, 0);
    if (most <= events * NEARLY) return to;
    const total = running.reduce(
      (sum, { span }) => sum + source.eventsBetween(span.record.id, after, to),
      0,
    );
    if (total <= events * NEARLY) return to;
    const near = Math.floor(after + ((to - after) * events) / total) as Hlc;
    let best: number = to;
    for (const { span } of running) {
      for (const { stored } of source.parts(span.record.id, near, to)) {
        const ofBlock = stored.lastT;
        if (ofBlock > near && ofBlock < to && ofBlock - near < Math.abs(best - near))
          best = ofBlock;
        break;
      }
      if (best < to) break;
    }
    return best as Hlc;
  }

  *#read(
    running: readonly Running[],
    after: Hlc,
    to: Hlc,
  ): Work<ColumnSlice | undefined | "sealed meanwhile"> {
    const held: HeldAtStart[] = [];
    const parts: ColumnPart[] = [];
    let eventCount = 0;
    for (const { node, span } of running) {
      if (!this.#isWhole(span, after, to)) return undefined;
      const read = partsOf(this.#context, { node, span, after, to, logs: this.#logs });
      if (read === undefined || read === "sealed meanwhile") return read;
      for (const part of read.parts) parts.push(part);
      eventCount += read.eventCount;
      const view = this.#viewBefore(span, read.first, after);
      if (view === undefined) return undefined;
      this.#noteHeld(node, view, held);
      if (this.#marks.haveRisenPast(after)) return undefined;
      yield;
    }
    const partEventCount = parts.reduce((sum, { count }) => sum + count, 0);
    const standings = this.#standings(after);
    return { after, to, standings, held, parts, eventCount, partEventCount };
  }

  /**
   * A state that rows lead from to that at `after`: where the first segment begins, if a state lies there
   * (segments end where states do), as what lies between is decoded with it anyway; else that at `after`.
   * Undefined: something of it is lost.
   */
  #viewBefore(span: EpochSpan, first: StoredBatch | undefined, after: Hlc): EpochView | undefined {
    const { source } = this.#context;
    const { record } = span;
    const isLost = source
      .lostRanges(record)
      .some(({ lastSeq, firstT }) => lastSeq >= (first?.firstSeq ?? 0) && firstT <= after);
    if (first !== undefined && isSegment(first.bytes) && !isLost) {
      const before = (first.firstT - 1) as Hlc;
      const view = source.startBefore(record.id, before, this.#logs) ?? new EpochView(this.#logs);
      if (view.seq === first.firstSeq - 1 && !this.#isAnyLost(view)) return view;
    }
    const view = this.#viewAt(span, after);
    return this.#isAnyLost(view) ? undefined : view;
  }

  #noteHeld(node: number, view: EpochView, held: HeldAtStart[]): void {
    for (const [column, { log, key }] of this.#columns) {
      const value: Value | undefined = view.logs.get(log)?.get(key);
      if (value !== undefined) held.push({ node, column, value });
    }
  }

  #standings(t: Hlc): FeedStanding[] {
    return this.#spans.flatMap((spans, node) => {
      const span = spanAt(spans, t);
      if (span === undefined) return [];
      const { service, epoch, end } = span.record;
      const isMember = isActiveAt(span, t);
      const status = isMember ? "live" : (end?.kind ?? "left");
      return [{ node, service, epoch, status, isMember } as FeedStanding];
    });
  }
}
