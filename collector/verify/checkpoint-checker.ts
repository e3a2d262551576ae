/** Checkpoints, read as the cut engine reads them: a state may refer to the list of keys of another. */
import { decodeDirectory, decodeKeyList, decodeLogState } from "../cut/checkpoint-codec.ts";
import type { KeyList } from "../cut/key-list.ts";
import { checkpointKeyWithSeq } from "../store/keys.ts";
import type { RawStore } from "../store/raw-store.ts";
import { openRecord } from "../store/records.ts";

/** Lists of keys remembered: many states refer to one, and follow each other. */
const LISTS_KEPT = 64;

export class CheckpointChecker {
  readonly #store: RawStore;
  readonly #lists = new Map<string, KeyList | undefined>();

  constructor(store: RawStore) {
    this.#store = store;
  }

  /** The logs that a directory names, with the seqs of their states. */
  logsOf(directory: Uint8Array): ReadonlyMap<string, number> {
    return decodeDirectory(directory).logs;
  }

  /** Throws if the state that stands under `key` cannot be read. */
  check(key: Buffer, payload: Buffer): void {
    decodeLogState(payload, (seq) => this.#listAt(checkpointKeyWithSeq(key, seq)));
  }

  #listAt(key: Buffer): KeyList | undefined {
    const name = key.toString("latin1");
    if (this.#lists.has(name)) return this.#lists.get(name);
    const record = this.#store.get(key);
    const payload = record && openRecord(key, record);
    const list = payload && decodeKeyList(payload);
    if (this.#lists.size >= LISTS_KEPT) this.#lists.clear();
    this.#lists.set(name, list);
    return list;
  }
}
