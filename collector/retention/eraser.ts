/**
 * Erases history by order: of a node, of logs, or before a time, or what is meant by several of these. What is erased is not served any more
 * when the order is answered, and its records are removed from the store.
 *
 * Records are removed whole: a batch or segment in which the time lies goes with what is before it. What
 * a node's state was at the beginning of what stays is still known: a value that was set long ago and
 * holds is part of every later cut. To be rid of it, erase the node, or its log (log-eraser.ts).
 *
 * Saved cuts lose what is erased, too: before history does, so that an order which was not answered can be given
 * again, and after it, for what was saved meanwhile. Of a log that is erased before a time all is
 * taken out of every saved cut: when its values were set is not kept there.
 *
 * Whoever listens is told which answers may differ now (`amended`), as after a repair.
 *
 * LMDB writes over freed pages in its own time: until then old bytes are in the file. `retroscope compact`
 * copies what is left into a new one.
 */
import { type Hlc, unixMsFromTicks } from "../../agent/kernel/index.ts";
import type { AmendedRange } from "../cut/amendments.ts";
import { type EpochSpan, membershipOf } from "../cut/membership.ts";
import { beginningOf } from "../cut/pruned.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import type { LogEraser } from "./log-eraser.ts";
import type { Pruner } from "./pruner.ts";
import type { SavedCut, SavedCuts, SavedRest } from "./saved-cuts.ts";

export interface EraseOrder {
  /** One node; absent: all. */
  readonly node?: string | undefined;
  /** Logs by name; absent: all, and what belongs to none. */
  readonly logs?: readonly string[] | undefined;
  /** What lies before this; absent: all of it. */
  readonly before?: Hlc | undefined;
}

export interface Erased {
  /** Batches or segments of epochs that go on; where logs are named, stretches of a log. */
  readonly pieceCount: number;
  /** Epochs of which nothing is left. */
  readonly epochCount: number;
  /** Where history begins now, by node; null: nothing is known of the node. */
  readonly nodes: ReadonlyMap<string, Hlc | null>;
  /** Saved cuts that lost something, or all. */
  readonly savedCount: number;
}

/** Takes what an order erases out of a saved cut: as `SavedEraser`. */
export type WithoutErased = (
  order: EraseOrder,
  saved: SavedCut,
  bytes: Uint8Array,
) => Promise<SavedRest | "same" | undefined>;

export interface EraserOptions {
  readonly store: HistoryStore;
  readonly pruner: Pruner;
  readonly logEraser: LogEraser;
  readonly saved: SavedCuts;
  /** Default: a saved cut that an order may concern goes whole. */
  readonly withoutErased?: WithoutErased | undefined;
  /** What is decoded of history is to be forgotten; answers about these ranges may differ. */
  readonly onErased: (ranges: readonly AmendedRange[]) => void;
}

type LiveErased = Omit<Erased, "savedCount"> & { readonly amended: readonly AmendedRange[] };

export class Eraser {
  readonly #store: HistoryStore;
  readonly #options: EraserOptions;

  constructor(options: EraserOptions) {
    this.#store = options.store;
    this.#options = options;
  }

  /** Names of logs that anything is known of, of one node or of all. */
  logNames(node?: string): ReadonlySet<string> {
    return new Set(this.#recordsOf(node).flatMap(({ logs }) => Object.keys(logs)));
  }

  /** Resolves when it is done and durable. Errors as `HistoryStore.write`. */
  erase(order: EraseOrder): Promise<Erased> {
    const { logs } = order;
    const { pruner, onErased } = this.#options;
    return pruner.alone(async () => {
      const earlier = await this.#eraseSaved(order);
      const { amended, ...erased } = await (logs === undefined
        ? this.#erase(order)
        : this.#eraseLogs(new Set(logs), order));
      await pruner.sweep();
      onErased(amended);
      return { ...erased, savedCount: earlier + (await this.#eraseSaved(order)) };
    });
  }

  #eraseSaved(order: EraseOrder): Promise<number> {
    const { saved, withoutErased = goneIfConcerned } = this.#options;
    return saved.erase((one, bytes) => withoutErased(order, one, bytes));
  }

  async #eraseLogs(logs: ReadonlySet<string>, { node, before }: EraseOrder): Promise<LiveErased> {
    const records = this.#recordsOf(node).filter(({ logs: has }) =>
      Object.keys(has).some((log) => logs.has(log)),
    );
    const gone = await this.#options.logEraser.erase(records, { logs, before });
    const pieceCount = gone.reduce((sum, { blockCount }) => sum + blockCount, 0);
    const nodes = new Set(records.map((record) => record.node));
    const amended = gone.flatMap(({ epochId, fromT }): AmendedRange[] => {
      const record = this.#store.epoch(epochId);
      if (record === undefined || fromT === undefined) return [];
      return [{ node: record.node, from: (fromT - 1) as Hlc, to: lastKnown(record) }];
    });
    return { pieceCount, epochCount: 0, nodes: this.#beginnings(nodes), amended };
  }

  async #erase({ node, before }: EraseOrder): Promise<LiveErased> {
    const { pruner } = this.#options;
    const spans = this.#spansOf(node);
    const nodes = new Set(spans.map(({ record }) => record.node));
    const whole = spans.filter(({ until }) => before === undefined || until <= before);
    const named = this.#namedOf(node, before);
    await pruner.forget([...whole.map(({ record }) => record.id), ...named]);
    const erased = new Set(whole);
    const rest = spans.filter((span) => !erased.has(span)).map(({ record }) => record);
    const begun = new Map(rest.map((record) => [record.id, beginningOf(this.#store, record)]));
    const pieceCount =
      before === undefined ? 0 : await pruner.prune(rest, ({ firstT }) => firstT < before);
    if (before !== undefined) {
      // By their own clocks, which stamps are never behind: what is left of a second stays.
      const beforeSecond = Math.floor(unixMsFromTicks(before) / 1_000);
      await pruner.pruneSide({ epochIds: rest.map(({ id }) => id), beforeSecond });
    }
    const forgotten = whole.map(({ record }) => rangeOf(record, lastKnown(record)));
    const pruned = rest.flatMap((record) => {
      const beginning = beginningOf(this.#store, record);
      return beginning === begun.get(record.id) ? [] : [rangeOf(record, beginning)];
    });
    const amended = [...forgotten, ...pruned];
    return {
      pieceCount,
      epochCount: whole.length,
      nodes: this.#beginnings(nodes),
      amended,
    };
  }

  #beginnings(nodes: ReadonlySet<string>): ReadonlyMap<string, Hlc | null> {
    const left = new Map<string, Hlc | null>([...nodes].map((one) => [one, null]));
    for (const record of this.#store.epochs()) {
      if (record.named === true || !nodes.has(record.node)) continue;
      const beginning = beginningOf(this.#store, record);
      const known = left.get(record.node) ?? null;
      if (known === null || beginning < known) left.set(record.node, beginning);
    }
    return left;
  }

  #recordsOf(node: string | undefined): EpochRecord[] {
    return this.#store
      .epochs()
      .filter((one) => one.named !== true && (node === undefined || one.node === node));
  }

  #spansOf(node: string | undefined): EpochSpan[] {
    const records = this.#store.epochs().filter(({ named }) => named !== true);
    return [...membershipOf(records).values()]
      .filter((one) => node === undefined || one.node === node)
      .flatMap(({ spans }) => [...spans]);
  }

  #namedOf(node: string | undefined, before: Hlc | undefined): number[] {
    return this.#store
      .epochs()
      .filter((one) => one.named === true && (node === undefined || one.node === node))
      .filter(({ end }) => before === undefined || (end !== null && end.t <= before))
      .map(({ id }) => id);
  }
}

/** All of an epoch up to `to`. */
function rangeOf({ node, joined }: EpochRecord, to: Hlc): AmendedRange {
  return { node, from: (joined - 1) as Hlc, to };
}

function lastKnown({ closed, lastT }: EpochRecord): Hlc {
  return Math.max(closed, lastT) as Hlc;
}

/** For who cannot read saved cuts. */
async function goneIfConcerned(
  { logs, before }: EraseOrder,
  { at }: SavedCut,
): Promise<"same" | undefined> {
  return logs === undefined && before !== undefined && at >= before ? "same" : undefined;
}
