/**
 * What retention has left of an epoch, as every question sees it.
 *
 *     joined ......................| mark.t ------------------- T
 *      outside retention: not known | state by the directory of exactly mark.t, then replay
 *
 * Marks are believed before records are: what a mark covers is not served, whether it is still stored or
 * not. Records that a mark covers are removed by later transactions only, so within one turn of the event
 * loop an answer is made of all or of nothing; an answer of several turns begins anew if what it reads
 * was pruned meanwhile (`unpruned`).
 */
import { type Hlc, type LostRange, RetroError } from "../../agent/kernel/index.ts";
import type {
  EpochRecord,
  GoneStretch,
  HistoryStore,
  PrunedEpoch,
} from "../store/history-store.ts";
import { EpochView } from "./epoch-view.ts";
import type { Incomplete } from "./history.ts";
import { type EpochSpan, isActiveAt, type NodeSpans } from "./membership.ts";
import type { Work } from "./turns.ts";

/** Who stands for those whose names are not kept. */
export const NAMELESS = "(forgotten nodes)";

/** How often a question begins anew before it is refused. Rounds of retention are far apart. */
const MAX_STARTS = 8;

/** Whether retention never took anything. (What was pruned is counted since the start only.) */
export function isWhole(store: HistoryStore): boolean {
  return store.pruneCount() === 0 && store.gone().length === 0;
}

/** The first time at which anything can be said of an epoch: it joined, or its history begins. */
export function beginningOf(store: HistoryStore, { id, joined }: EpochRecord): Hlc {
  const mark = store.pruned(id);
  return mark === undefined || mark.t < joined ? joined : mark.t;
}

/**
 * The first time at which anything can be said of a node. A run that ended as it began (of which nothing
 * but its goodbye ever came) says at that moment that its node had left, unless the next began just then.
 */
export function knownSince(store: HistoryStore, { spans }: NodeSpans): Hlc {
  for (const { record, until, next } of spans) {
    const beginning = beginningOf(store, record);
    const isMoment = beginning === record.joined && next !== beginning;
    if (beginning < until || isMoment) return beginning;
  }
  const [{ record, until }] = spans;
  return Math.min(beginningOf(store, record), until) as Hlc;
}

/** A view of which nothing is known: what begins behind a mark without a directory. */
export function viewBehind(mark: PrunedEpoch, logs: ReadonlySet<string> | undefined): EpochView {
  const view = new EpochView(logs);
  view.applyLost(lostBy(mark));
  view.seq = mark.seq;
  view.t = mark.t;
  return view;
}

function lostBy({ seq, t }: PrunedEpoch): LostRange {
  const range = { firstSeq: 1, lastSeq: seq, firstT: t, lastT: t };
  return { ...range, logs: null, messages: true, reason: "refused" };
}

/** Why nothing is known of an epoch at `t`; undefined where its history has begun. */
export function outsideRetention(
  store: HistoryStore,
  record: EpochRecord,
  t: Hlc,
): Incomplete | undefined {
  const to = beginningOf(store, record);
  if (t >= to || t < record.joined) return undefined;
  return { node: record.node, reason: "outside-retention", from: record.joined, to };
}

/** What is gone, by node; the store gives the same list until it changes. */
const goneByNode = new WeakMap<readonly GoneStretch[], ReadonlyMap<string, GoneStretch[]>>();

/** Stretches of a node that are gone altogether. */
export function goneOf(store: HistoryStore, node: string): readonly GoneStretch[] {
  const gone = store.gone();
  let byNode = goneByNode.get(gone);
  if (byNode === undefined) {
    const lists = new Map<string, GoneStretch[]>();
    for (const one of gone) {
      const list = lists.get(one.node);
      if (list === undefined) lists.set(one.node, [one]);
      else list.push(one);
    }
    byNode = lists;
    goneByNode.set(gone, byNode);
  }
  return byNode.get(node) ?? [];
}

/**
 * A run that is gone had begun after that of the moment: of two processes under one id the one that is
 * forgotten was the node's state, and how long it went on nobody knows. So from its last known time on,
 * until the next run, which ingest has begin above both. (Of a run that began within the stretch nothing is
 * uncertain after it: with the record at hand it would be the node's state, too.)
 *
 *     gone              |........|
 *     span      |joined ------------------------- T
 *     next                                              |joined ---
 *                       | gone   | not known ...        | complete again
 */
export function goneRival(
  store: HistoryStore,
  span: EpochSpan | undefined,
  t: Hlc,
): Incomplete | undefined {
  if (span === undefined || span.record.imported || !isActiveAt(span, t)) return undefined;
  const { record, next } = span;
  const rival = goneOf(store, record.node).find(
    ({ from, joined, until, epoch }) =>
      record.joined < (joined ?? from) && until <= t && epoch !== record.epoch,
  );
  if (rival === undefined) return undefined;
  const { node, watermark } = record;
  const from = rival.until;
  if (next !== undefined) return { node, reason: "outside-retention", from, to: next };
  return { node, reason: "lagging", from, after: watermark };
}

/** Stretches of a node that are gone altogether and touch [from, to]. */
export function goneBetween(store: HistoryStore, node: string, from: Hlc, to: Hlc): Incomplete[] {
  return goneOf(store, node)
    .filter((one) => one.from <= to && one.until > from)
    .map((one) => ({ node, reason: "outside-retention", from: one.from, to: one.until }));
}

/** Members in [from, to] of which not even the node is known any more. */
export function goneMembers(
  store: HistoryStore,
  isKnown: (node: string) => boolean,
  from: Hlc,
  to: Hlc = from,
): Incomplete[] {
  return store
    .gone()
    .filter((one) => !isKnown(one.node) && one.from <= to && from < one.until)
    .map((one) => ({ node: one.node, reason: "outside-retention", from: one.from, to: one.until }));
}

/**
 * Where violations and slow messages are not all known any more. They go when all history begins after
 * them; a node that then joins by an earlier clock, or whose forgotten run comes again, brings that time
 * back, and not them. Whose they were nobody can tell.
 */
export function forgottenMessages(store: HistoryStore, t: Hlc): Incomplete[] {
  const gone = store.messagesGone();
  if (gone === undefined || t < gone.from || t >= gone.until) return [];
  return [{ node: NAMELESS, reason: "outside-retention", from: gone.from, to: gone.until }];
}

/** Whether a run that nobody knows, and that sent last at `sentT`, was known once. */
export function wasForgotten(
  gone: readonly GoneStretch[],
  node: string,
  epoch: number,
  sentT: Hlc,
): boolean {
  return gone.some(
    (one) =>
      one.node === node &&
      (sentT < one.until ||
        one.wentOn?.some((run) => run.epoch === epoch && sentT <= run.lastT) === true),
  );
}

/**
 * Work that is done anew if retention takes away what it may have read. `from`: it reads nothing
 * earlier than the state there.
 * @throws RetroError `overloaded` (retriable) if that happens too often
 */
export function* unpruned<Answer>(
  store: HistoryStore,
  from: Hlc,
  start: () => Work<Answer>,
): Work<Answer> {
  for (let starts = 0; starts < MAX_STARTS; starts += 1) {
    const before = new Marks(store);
    const work = start();
    try {
      for (;;) {
        const result = work.next();
        if (result.done === true) return result.value;
        yield;
        if (before.haveRisenPast(from)) break;
      }
    } finally {
      work.return(undefined as never);
    }
  }
  throw new RetroError("overloaded", "retention removed what was being read, again and again", {
    retriable: true,
    hint: "Ask for a shorter range, or for a later one.",
  });
}

/** How far every epoch was pruned at some moment. */
export class Marks {
  readonly #store: HistoryStore;
  readonly #seqs = new Map<number, number>();
  #count: number;

  constructor(store: HistoryStore) {
    this.#store = store;
    this.#count = store.pruneCount();
    for (const { id } of store.epochs()) this.#seqs.set(id, store.pruned(id)?.seq ?? 0);
  }

  /** Whether anything at or after the state at `from` has been pruned since. */
  haveRisenPast(from: Hlc): boolean {
    if (this.#store.pruneCount() === this.#count) return false;
    for (const [id, seq] of this.#seqs) {
      const mark = this.#store.pruned(id);
      // Swept to its end: forgotten.
      const isGone = mark === undefined && this.#store.epoch(id) === undefined;
      if (isGone || (mark !== undefined && mark.seq > seq && mark.t > from)) return true;
    }
    this.#count = this.#store.pruneCount();
    return false;
  }
}
