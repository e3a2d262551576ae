/**
 * Epochs by node: who is known, and up to where. Follows the store's durable records. Runs that only
 * messages name stand apart: nobody has to begin above what anybody may have written into a header.
 */
import type { EpochRecord } from "../store/history-store.ts";
import { NamedRuns } from "./named-runs.ts";
import { displacedOf, isAfter } from "./standing.ts";

export class EpochIndex {
  readonly #byNode = new Map<string, Map<number, EpochRecord>>();
  #epochCount = 0;
  readonly #named = new NamedRuns();

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
      if (record.named === true) {
        this.#named.add(record);
        continue;
      }
      this.#named.delete(record);
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

  /** The runs that nothing is known of but that messages name them. */
  get named(): NamedRuns {
    return this.#named;
  }

  epochsOf(node: string): Iterable<EpochRecord> {
    return this.#byNode.get(node)?.values() ?? [];
  }

  /**
   * The epochs that may be going on: the latest of each node, by number and by when it joined, and
   * those that went on past the beginning of a later one.
   */
  *open(): Iterable<EpochRecord> {
    yield* this.#named.all();
    for (const epochs of this.#byNode.values()) {
      if (epochs.size === 1) {
        yield* epochs.values();
        continue;
      }
      const records = [...epochs.values()];
      const open = new Set(displacedOf(records));
      open.add(records.reduce((a, b) => (b.epoch > a.epoch ? b : a)));
      open.add(records.reduce((a, b) => (isAfter(b, a) ? b : a)));
      yield* open;
    }
  }
}
