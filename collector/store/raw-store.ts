/**
 * A store as it lies on the disk: every key with its record, neither checked nor changed. For tools
 * that look inside (collector/verify); nobody answers questions from here.
 *
 * All that is read comes from one transaction, held from `open` to `close`: a collector that started
 * meanwhile would not confuse it, but its old pages would be kept for us. So `open` refuses while one
 * is running.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import { type Environment, openReadOnly } from "./environment.ts";
import { lockOwner } from "./lock.ts";

/** A key and what stands under it, envelope included (records.ts). */
export interface RawRecord {
  readonly key: Buffer;
  readonly record: Buffer;
}

export class RawStore {
  readonly #environment: Environment;
  readonly #transaction: ReturnType<Environment["useReadTransaction"]>;

  /**
   * @throws RetroError `not-found` (no store there), `data-in-use` (a collector has it),
   * `data-unusable` (not ours, or unreadable)
   */
  static async open(directory: string): Promise<RawStore> {
    const environment = openReadOnly(directory);
    try {
      const owner = await lockOwner(directory);
      if (owner === undefined) return new RawStore(environment);
      const who = owner === "silent" ? "another process" : `process ${owner}`;
      throw new RetroError("data-in-use", `${directory} is in use by ${who}`, {
        hint: "Stop that collector first: what it writes meanwhile could not be told from damage.",
      });
    } catch (error) {
      await environment.close();
      throw error;
    }
  }

  private constructor(environment: Environment) {
    this.#environment = environment;
    this.#transaction = environment.useReadTransaction();
  }

  /** How many records there are. */
  get recordCount(): number {
    return (this.#environment.getStats() as { readonly entryCount: number }).entryCount;
  }

  /** Every record, in order of keys. What it gives is valid until the next step. */
  *records(range: { readonly first?: Buffer; readonly last?: Buffer } = {}): Generator<RawRecord> {
    const { first, last } = range;
    for (const { key, value } of this.#environment.getRange({
      ...(first === undefined ? {} : { start: first }),
      ...(last === undefined ? {} : { end: last, inclusiveEnd: true }),
      transaction: this.#transaction,
    })) {
      yield { key, record: value };
    }
  }

  /** What stands under a key. */
  get(key: Buffer): Buffer | undefined {
    return this.#environment.get(key, { transaction: this.#transaction });
  }

  async close(): Promise<void> {
    this.#transaction.done();
    await this.#environment.close();
  }
}
