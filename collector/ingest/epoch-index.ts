/**
 * Epochs by node: who is known, and up to where. Follows the store's durable records. Runs that only
 * messages name stand apart: nobody has to begin above what anybody may have written into a header.
 */
import type { EpochRecord } from "../store/history-store.ts";
import { NamedRuns } from "./named-runs.ts";
import { displacedOf, isAfter } from "./standing.ts";

/** A record without anything in it, what agents usually say of themselves, and one entry of a list. */
const RECORD_BYTES = 1_024;
const STATUS_BYTES = 2_048;
const ENTRY_BYTES = 128;

export class EpochIndex {
  readonly #byNode = new Map<string, Map<number, EpochRecord>>();
  #epochCount = 0;
  #bytes = 0;
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

  /** What the records hold, about: names, tags, logs, ranges, what agents say of themselves. */
  get bytes(): number {
    return this.#bytes;
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
      const before = epochs.get(record.epoch);
      if (before === undefined) this.#epochCount += 1;
      this.#bytes += recordBytes(record) - (before === undefined ? 0 : recordBytes(before));
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

/** A record in memory, about. Names count twice: V8 may keep two bytes a character. */
function recordBytes(record: EpochRecord): number {
  let characters = record.node.length + record.service.length + record.instance.length;
  let count = record.stored.length + record.lost.length;
  for (const [tag, value] of Object.entries(record.tags)) {
    characters += tag.length + value.length;
    count += 1;
  }
  for (const log of Object.keys(record.logs)) {
    characters += log.length;
    count += 1;
  }
  const status = record.status === null ? 0 : STATUS_BYTES;
  return RECORD_BYTES + status + 2 * characters + ENTRY_BYTES * count;
}
