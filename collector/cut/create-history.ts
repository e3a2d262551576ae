/**
 * Joins the parts of this folder to the answers of history.ts, over any history store.
 *
 * Ingest calls `notifyStored` after each write that is durable: it wakes who waits for a cut and lets
 * the checkpointer follow. A cut is answered in the same turn; what may read
 * much of history is answered in turns (turns.ts).
 */
import { type Hlc, MIN_HLC, ticksFromUnixMs } from "../../agent/kernel/index.ts";
import type {
  CheckpointWrite,
  EpochRecord,
  HistoryStore,
  PrunedEpoch,
} from "../store/history-store.ts";
import { type AmendedRange, Amendments } from "./amendments.ts";
import { Behind } from "./behind.ts";
import { bisect } from "./bisect.ts";
import { causalityOf } from "./causality.ts";
import { Checkpointer } from "./checkpointer.ts";
import { openColumns } from "./column-feed.ts";
import { type CutContext, membersNow } from "./context.ts";
import { cutAt, cutSteps } from "./cut-at.ts";
import { diffBetween } from "./diff.ts";
import { EpochSource } from "./epoch-source.ts";
import { eventsOf, missingIn } from "./events.ts";
import type { History, Walk, WalkPredicate, WalkRowOptions } from "./history.ts";
import { KeptMessages } from "./kept-messages.ts";
import { knownVariables } from "./known-variables.ts";
import { type CutLimits, cutLimits, ticksOfMs } from "./limits.ts";
import { MessageJoiner } from "./message-joiner.ts";
import { MessageSource } from "./message-source.ts";
import { MessageWindows } from "./message-windows.ts";
import { OffsetBook } from "./offset-book.ts";
import { beginningWithout, checkpointAt, markAt, type PieceEnd } from "./prune-point.ts";
import { unpruned } from "./pruned.ts";
import { Rests } from "./rests.ts";
import { Sealer } from "./sealer.ts";
import { choose } from "./selection.ts";
import { sideOf } from "./side.ts";
import { SlowMessages } from "./slow-messages.ts";
import { openFeed } from "./state-feed.ts";
import { stepFrom } from "./step.ts";
import { extentOf, liveWatermarkOf, logNames, nodeSummaries, schemaOf } from "./summaries.ts";
import { TileSource } from "./tile-source.ts";
import { TileWriter } from "./tile-writer.ts";
import { timelineOf } from "./timeline.ts";
import type { CutTimers } from "./timers.ts";
import { endedBy, Turns, type Work } from "./turns.ts";
import { variableHistory } from "./variable-history.ts";
import { CutWaiters } from "./waiting.ts";
import { viewsOf, walkSteps } from "./walk.ts";
import { rowsOf } from "./walk-rows.ts";

export interface HistoryOptions {
  readonly store: HistoryStore;
  /** `nodeTimers` of node-timers.ts, or timers moved by hand. */
  readonly timers: CutTimers;
  readonly limits?: Partial<CutLimits>;
  /** What `now` and relative times of a walk refer to. Default: the timers' time. */
  readonly now?: () => Hlc;
  /** Whether checkpoints and what else makes answers quick is written behind ingest. Default: yes. */
  readonly checkpoints?: boolean;
  /** Whether batches are sealed into segments behind ingest. Default: yes, if checkpoints are written. */
  readonly segments?: boolean;
}

/** History over a store that is being written to. */
export interface LiveHistory extends History {
  /** Something became durable, of these epochs (none named: of any). Returns at once, never throws. */
  notifyStored(epochIds?: Iterable<number>): void;
  /** Calls `listener` when the past has changed; the result ends that. It must not throw. */
  onAmended(listener: (ranges: readonly AmendedRange[]) => void): () => void;
  /** Answers about these ranges may differ for another reason than what was stored: something was erased. */
  tellAmended(ranges: readonly AmendedRange[]): void;
  readonly checkpointer: Checkpointer;
  readonly tileWriter: TileWriter;
  readonly messageJoiner: MessageJoiner;
  readonly sealer: Sealer;
  /** Resolves once nothing is left to do behind ingest. */
  idle(): Promise<void>;
  /** For retention: the states with which pruned epochs begin (prune-point.ts). */
  readonly pruning: {
    checkpointAt(record: EpochRecord, end: PieceEnd): CheckpointWrite | "there" | undefined;
    markAt(epochId: number, end: PieceEnd): PrunedEpoch | undefined;
    beginningWithout(
      epochId: number,
      logs: ReadonlySet<string>,
    ): { readonly checkpoint: CheckpointWrite; readonly mark: PrunedEpoch } | undefined;
  };
  /** Forgets everything decoded: for benches and tests of cold answers. */
  dropCaches(): void;
  /** Stops the work behind ingest; the store stays open. May be called twice. */
  close(): Promise<void>;
}

/**
 * Answers questions about the past from a store.
 *
 * @example
 * const history = createHistory({ store, timers: nodeTimers });
 * history.notifyStored();                       // catches up with checkpoints
 * const cut = history.cutAt(parseTime("2026-11-21T16:00:00Z", now));
 * if (cut.complete) console.log(cut.nodes.get("n1")?.logs.get("stock")?.get("apples"));
 */
export function createHistory(options: HistoryOptions): LiveHistory {
  const { store, timers } = options;
  const now = options.now ?? (() => ticksFromUnixMs(timers.nowMs()) as Hlc);
  const limits = cutLimits(options.limits);
  const source = new EpochSource(store, limits);
  const messages = new MessageSource(source, limits.digestCacheBytes);
  const tiles = new TileSource(source, limits);
  const timeout = ticksOfMs(limits.messageTimeoutMs);
  const kept = new KeptMessages(store, limits);
  const windows = new MessageWindows(source, kept, timeout, limits.digestCacheBytes);
  const slow = new SlowMessages(store, messages, timeout, limits.messagesLooked);
  const context: CutContext = { store, source, messages, windows, slow, limits, timers };
  const turns = new Turns(timers, limits, () => source.pauseReads());
  const amendments = new Amendments(store);
  const amendedListeners = new Set<(ranges: readonly AmendedRange[]) => void>();
  const tellAmended = (ranges: readonly AmendedRange[]): void => {
    if (ranges.length > 0) for (const tell of amendedListeners) tell(ranges);
  };
  const behind = new Behind(timers, limits, () => source.pauseReads());
  const tileWriter = new TileWriter(source, tiles, limits, behind);
  const rests = new Rests(timers);
  const sealer = new Sealer(source, limits, behind, rests);
  // Segments end where rounds of checkpoints do: they come after them.
  const checkpointer = new Checkpointer(store, source, limits, behind, (epochId) => {
    if (options.segments !== false) sealer.notify([epochId]);
  });
  const offsets = new OffsetBook(context, (work) => turns.run(work));
  const run = <A>(from: Hlc, start: () => Work<A>, signal?: AbortSignal): Promise<A> =>
    turns.run(unpruned(store, from, start), signal);
  const cutInTurns: History["cutInTurns"] = async (t, selection, signal) => {
    if (signal?.aborted === true) throw endedBy(signal);
    const work = unpruned(store, t, () => cutSteps(context, t, selection));
    try {
      // Mostly all of it: then nobody waits for the turns of others.
      const first = work.next();
      if (first.done === true) return first.value;
      source.pauseReads();
      return await turns.run(work, signal);
    } finally {
      work.return(undefined as never);
    }
  };
  const waiters = new CutWaiters(context, cutInTurns);
  const messageJoiner = new MessageJoiner(source, messages, kept, limits, timers, behind);
  return {
    extent: () => extentOf(context),
    liveWatermark: () => liveWatermarkOf(context),
    nodes: () => nodeSummaries(context),
    schema: (range, signal) => run(range?.from ?? MIN_HLC, () => schemaOf(context, range), signal),
    cutAt: (t, selection) => cutAt(context, t, selection),
    cutInTurns,
    waitForCut: (t, selection, waitMs, signal) => waiters.waitFor(t, selection, waitMs, signal),
    diff: (from, to, selection, choice, signal) =>
      run(from, () => diffBetween(context, from, to, selection, choice), signal),
    step: (from, direction, count, selection, signal) =>
      run(
        direction === "next" ? from : MIN_HLC,
        () => stepFrom(context, from, direction, count, selection),
        signal,
      ),
    variable: (node, log, key, range, limit, signal) =>
      run(range.from, () => variableHistory(context, node, log, key, range, limit), signal),
    missing: (range, selection = {}) => {
      const membership = membersNow(context);
      return missingIn(context, membership, range, choose(selection, membership));
    },
    events: (query, signal) => run(query.from, () => eventsOf(context, query), signal),
    timeline: (range, pixels, selection, signal, page) =>
      run(range.from, () => timelineOf(context, tiles, range, pixels, selection, page), signal),
    causality: (range, selection, signal) =>
      run(range.from, () => causalityOf(context, range, selection), signal),
    side: (query, signal) => turns.run(sideOf(context, query), signal),
    inTurns: (work, signal) => turns.run(work, signal),
    offsets: () => offsets.latest(),
    logNames: () => logNames(context),
    variables: (asked, signal) => run(asked.from, () => knownVariables(context, asked), signal),
    feed: (options) => openFeed(context, turns, options),
    columns: (options) => openColumns(context, turns, options),
    walk: walkOf(context, now),
    bisect: (options, predicate) => bisect(context, options, predicate, now()),
    tellAmended,
    onAmended(listener) {
      amendedListeners.add(listener);
      return () => amendedListeners.delete(listener);
    },
    notifyStored(epochIds) {
      waiters.wakeAll();
      tellAmended(amendments.stored(epochIds));
      if (options.checkpoints === false) return;
      rests.noteStored();
      checkpointer.notify(epochIds);
      tileWriter.notify(epochIds);
      messageJoiner.notify();
    },
    checkpointer,
    tileWriter,
    messageJoiner,
    sealer,
    async idle() {
      const endHurry = rests.hurry();
      try {
        await checkpointer.idle();
        await tileWriter.idle();
        await messageJoiner.idle();
        await sealer.idle();
      } finally {
        endHurry();
      }
    },
    pruning: {
      checkpointAt: (record, end) => checkpointAt(source, record, end),
      markAt: (epochId, end) => markAt(source, epochId, end),
      beginningWithout: (epochId, logs) => beginningWithout(source, epochId, logs),
    },
    dropCaches() {
      kept.dropCaches();
      source.dropCaches();
      messages.dropCaches();
      windows.dropCaches();
      slow.dropCaches();
      tiles.dropCaches();
    },
    async close() {
      waiters.close();
      behind.close();
      messageJoiner.close();
      rests.hurry();
      await checkpointer.idle();
      await tileWriter.idle();
      await messageJoiner.idle();
      await sealer.idle();
    },
  };
}

function walkOf(context: CutContext, now: () => Hlc): Walk {
  return ((options: WalkRowOptions<unknown>, predicate?: WalkPredicate) => {
    const steps = walkSteps(context, options, now());
    return predicate === undefined ? viewsOf(steps) : rowsOf(steps, options, predicate);
  }) as Walk;
}
