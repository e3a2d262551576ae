/**
 * Erases history by order: of a node, of logs, or before a time, or what is meant by several of these. What is erased is not served any more
 * when the order is answered, and its records are removed from the store.
 *
 * Records are removed whole: a batch or segment in which the time lies goes with what is before it. What
 * a node's state was at the beginning of what stays is still known: a value that was set long ago and
 * holds is part of every later cut. To be rid of it, erase the node, or its log (log-eraser.ts).
 *
 * Saved cuts keep what they show, erased or not: they are deleted by name.
 *
 * LMDB writes over freed pages in its own time: until then old bytes are in the file. `retroscope compact`
 * copies what is left into a new one.
 */
import { type Hlc, unixMsFromTicks } from "../../agent/kernel/index.ts";
import { type EpochSpan, membershipOf } from "../cut/membership.ts";
import { beginningOf } from "../cut/pruned.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import type { LogEraser } from "./log-eraser.ts";
import type { Pruner } from "./pruner.ts";
import { stretchOf } from "./retention.ts";

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
}

export class Eraser {
  readonly #store: HistoryStore;
  readonly #pruner: Pruner;
  readonly #logEraser: LogEraser;
  readonly #onErased: () => void;

  /** `onErased`: what is decoded of history is to be forgotten. */
  constructor(store: HistoryStore, pruner: Pruner, logEraser: LogEraser, onErased: () => void) {
    this.#store = store;
    this.#pruner = pruner;
    this.#logEraser = logEraser;
    this.#onErased = onErased;
  }

  /** Names of logs that anything is known of, of one node or of all. */
  logNames(node?: string): ReadonlySet<string> {
    return new Set(this.#recordsOf(node).flatMap(({ logs }) => Object.keys(logs)));
  }

  /** Resolves when it is done and durable. Errors as `HistoryStore.write`. */
  erase(order: EraseOrder): Promise<Erased> {
    const { logs } = order;
    return this.#pruner.alone(() =>
      logs === undefined ? this.#erase(order) : this.#eraseLogs(new Set(logs), order),
    );
  }

  async #eraseLogs(logs: ReadonlySet<string>, { node, before }: EraseOrder): Promise<Erased> {
    const records = this.#recordsOf(node).filter(({ logs: has }) =>
      Object.keys(has).some((log) => logs.has(log)),
    );
    const pieceCount = await this.#logEraser.erase(records, { logs, before });
    await this.#pruner.sweep();
    this.#onErased();
    const nodes = new Set(records.map((record) => record.node));
    return { pieceCount, epochCount: 0, nodes: this.#beginnings(nodes) };
  }

  async #erase({ node, before }: EraseOrder): Promise<Erased> {
    const spans = this.#spansOf(node);
    const nodes = new Set(spans.map(({ record }) => record.node));
    const whole = spans.filter(({ until }) => before === undefined || until <= before);
    const named = this.#namedOf(node, before);
    await this.#pruner.forget([
      ...whole.map((span) => ({ id: span.record.id, stretch: stretchOf(span) })),
      ...named.map((id) => ({ id })),
    ]);
    const erased = new Set(whole);
    const rest = spans.filter((span) => !erased.has(span)).map(({ record }) => record);
    const pieceCount =
      before === undefined ? 0 : await this.#pruner.prune(rest, ({ firstT }) => firstT < before);
    if (before !== undefined) {
      // By their own clocks, which stamps are never behind: what is left of a second stays.
      const beforeSecond = Math.floor(unixMsFromTicks(before) / 1_000);
      await this.#pruner.pruneSide({ epochIds: rest.map(({ id }) => id), beforeSecond });
    }
    await this.#pruner.sweep();
    this.#onErased();
    return { pieceCount, epochCount: whole.length, nodes: this.#beginnings(nodes) };
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
