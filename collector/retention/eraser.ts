/**
 * Erases history by order: of a node, or before a time, or both. What is erased is not served any more
 * when the order is answered, and its records are removed from the store.
 *
 * Records are removed whole: a batch or segment in which the time lies goes with what is before it. What
 * a node's state was at the beginning of what stays is still known: a value that was set long ago and
 * holds is part of every later cut. To be rid of it, erase the node.
 *
 * LMDB writes over freed pages in its own time: until then old bytes are in the file. `retroscope compact`
 * copies what is left into a new one.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { type EpochSpan, membershipOf } from "../cut/membership.ts";
import { beginningOf } from "../cut/pruned.ts";
import type { HistoryStore } from "../store/history-store.ts";
import type { Pruner } from "./pruner.ts";
import { stretchOf } from "./retention.ts";

export interface EraseOrder {
  /** One node; absent: all. */
  readonly node?: string | undefined;
  /** What lies before this; absent: all of it. */
  readonly before?: Hlc | undefined;
}

export interface Erased {
  /** Batches or segments of epochs that go on. */
  readonly pieceCount: number;
  /** Epochs of which nothing is left. */
  readonly epochCount: number;
  /** Where history begins now, by node; null: nothing is known of the node. */
  readonly nodes: ReadonlyMap<string, Hlc | null>;
}

export class Eraser {
  readonly #store: HistoryStore;
  readonly #pruner: Pruner;
  readonly #dropCaches: () => void;

  constructor(store: HistoryStore, pruner: Pruner, dropCaches: () => void) {
    this.#store = store;
    this.#pruner = pruner;
    this.#dropCaches = dropCaches;
  }

  /** Resolves when it is done and durable. Errors as `HistoryStore.write`. */
  erase(order: EraseOrder): Promise<Erased> {
    return this.#pruner.alone(() => this.#erase(order));
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
    await this.#pruner.sweep();
    this.#dropCaches();
    const left = new Map<string, Hlc | null>([...nodes].map((one) => [one, null]));
    for (const record of this.#store.epochs()) {
      if (record.named === true || !nodes.has(record.node)) continue;
      const beginning = beginningOf(this.#store, record);
      const known = left.get(record.node) ?? null;
      if (known === null || beginning < known) left.set(record.node, beginning);
    }
    return { pieceCount, epochCount: whole.length, nodes: left };
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
