/** Epochs by node: who is known, and up to where. Follows the store's durable records. */
import type { EpochRecord } from "../store/history-store.ts";

export class EpochIndex {
  readonly #byNode = new Map<string, Map<number, EpochRecord>>();
  #epochCount = 0;

  constructor(records: Iterable<EpochRecord>) {
    this.remember(records);
  }

  /** Nodes known. */
  get nodeCount(): number {
    return this.#byNode.size;
  }

  /** Epochs known. */
  get epochCount(): number {
    return this.#epochCount;
  }

  hasNode(node: string): boolean {
    return this.#byNode.has(node);
  }

  epochCountOf(node: string): number {
    return this.#byNode.get(node)?.size ?? 0;
  }

  remember(records: Iterable<EpochRecord>): void {
    for (const record of records) {
      let epochs = this.#byNode.get(record.node);
      if (epochs === undefined) {
        epochs = new Map();
        this.#byNode.set(record.node, epochs);
      }
      if (!epochs.has(record.epoch)) this.#epochCount += 1;
      epochs.set(record.epoch, record);
    }
  }

  find(node: string, epoch: number): EpochRecord | undefined {
    return this.#byNode.get(node)?.get(epoch);
  }

  epochsOf(node: string): Iterable<EpochRecord> {
    return this.#byNode.get(node)?.values() ?? [];
  }

  /** The latest epoch of each node. */
  *latest(): Iterable<EpochRecord> {
    for (const epochs of this.#byNode.values()) {
      let latest: EpochRecord | undefined;
      for (const record of epochs.values()) {
        if (latest === undefined || record.epoch > latest.epoch) latest = record;
      }
      if (latest !== undefined) yield latest;
    }
  }
}
