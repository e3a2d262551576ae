/**
 * Records of the LMDB store by their keys: each is checked before it is believed. One that does not match
 * its checksum is told of once; if it held events, their range is kept, and is to readers a lost one.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import { type Environment, keysIn } from "./environment.ts";
import type { DamagedRange, StoredBatch } from "./history-store.ts";
import { BATCH, batchOfKey, type KeyRange, SEQ, seqKey } from "./keys.ts";
import { BATCH_PREFIX_BYTES, openRecord } from "./records.ts";

/** A record that does not match its checksum. */
export interface RecordDamage {
  readonly kind:
    | "epoch"
    | "log"
    | "batch"
    | "seq"
    | "block"
    | "violation"
    | "slow"
    | "directory"
    | "checkpoint"
    | "capture"
    | "monitor"
    | "tile"
    | "stretch"
    | "cell"
    | "pruned"
    | "gone"
    | "messages-gone"
    | "highest-id"
    | "saved"
    | "side";
  readonly keyHex: string;
  /** What readers do without, if it is a batch. */
  readonly range?: DamagedRange;
}

const KINDS: Readonly<Record<string, RecordDamage["kind"]>> = {
  E: "epoch",
  L: "log",
  B: "batch",
  S: "seq",
  N: "block",
  V: "violation",
  M: "slow",
  D: "directory",
  C: "checkpoint",
  K: "capture",
  A: "monitor",
  T: "tile",
  J: "stretch",
  I: "cell",
  R: "pruned",
  G: "gone",
  O: "messages-gone",
  H: "highest-id",
  P: "saved",
  X: "side",
};

export class RecordReader {
  readonly #db: Environment;
  readonly #onDamage: (damage: RecordDamage) => void;
  /** Records told of, by key in hex. */
  readonly #told = new Set<string>();
  readonly #damaged = new Map<number, DamagedRange[]>();

  constructor(db: Environment, onDamage: (damage: RecordDamage) => void) {
    this.#db = db;
    this.#onDamage = onDamage;
  }

  keys(range: KeyRange, reverse = false): Iterable<Buffer> {
    return keysIn(this.#db, range, reverse);
  }

  firstKey(range: KeyRange): Buffer | undefined {
    for (const key of this.keys(range)) return key;
    return undefined;
  }

  /** Whether there is a record under the key, whole or damaged. */
  exists(key: Buffer): boolean {
    return this.#db.doesExist(key);
  }

  /** The payload, or undefined if there is none; damage is told of. */
  read(key: Buffer): Buffer | undefined {
    const record = this.#db.getBinary(key);
    const payload = record && openRecord(key, record);
    // A batch or an index entry that a key led to must be there.
    const isMissed = record === undefined && (key[0] === BATCH || key[0] === SEQ);
    if (payload === undefined && (record !== undefined || isMissed)) this.#tell(key);
    return payload;
  }

  /** @throws RetroError `data-damaged` if it is damaged, or not there */
  mustRead(key: Buffer): Buffer {
    const payload = this.read(key);
    if (payload !== undefined) return payload;
    throw new RetroError("data-damaged", `record ${key.toString("hex")} is damaged`, {
      hint: "Restore a backup; `retroscope verify --data DIR` lists what is damaged.",
    });
  }

  /** The payload if it is there and whole. Damage is not told of: the caller knows better of what it is. */
  readIfWhole(key: Buffer): Buffer | undefined {
    const record = this.#db.getBinary(key);
    return record && openRecord(key, record);
  }

  /** The record as it lies there. */
  unchecked(key: Buffer): Buffer | undefined {
    return this.#db.getBinary(key);
  }

  batch(key: Buffer): StoredBatch | undefined {
    const payload = this.read(key);
    if (payload === undefined) return undefined;
    const { epochId, first, last, firstT, lastT } = batchOfKey(key);
    return {
      epochId,
      firstSeq: first,
      lastSeq: last,
      firstT,
      lastT,
      arrivalMs: payload.readDoubleLE(0),
      bytes: plainBytes(payload.subarray(BATCH_PREFIX_BYTES)),
    };
  }

  /** Whether the index by seq knows the batch of this key. */
  isIndexed(key: Buffer): boolean {
    if (key[0] !== BATCH) return false;
    const { first, last, ...rest } = batchOfKey(key);
    return this.exists(seqKey({ firstSeq: first, lastSeq: last, ...rest }));
  }

  damaged(epochId: number): readonly DamagedRange[] {
    return this.#damaged.get(epochId) ?? [];
  }

  /** Tells of a damaged record, and keeps the range of its events if it held any. Once, however often called. */
  tellDamage(
    kind: RecordDamage["kind"],
    key: Buffer,
    rangeOf: () => DamagedRange | undefined,
  ): void {
    const keyHex = key.toString("hex");
    if (this.#told.has(keyHex)) return;
    const range = rangeOf();
    this.#told.add(keyHex);
    if (range === undefined) {
      this.#onDamage({ kind, keyHex });
      return;
    }
    const ranges = [...(this.#damaged.get(range.epochId) ?? []), range];
    this.#damaged.set(
      range.epochId,
      ranges.sort((a, b) => a.first - b.first),
    );
    this.#onDamage({ kind, keyHex, range });
  }

  /** A batch whose key no index knows is not named: nobody can say of which events it was. */
  #tell(key: Buffer): void {
    const kind = KINDS[String.fromCharCode(key[0] ?? 0)] ?? "epoch";
    this.tellDamage(kind, key, () =>
      kind === "batch" && this.isIndexed(key) ? batchOfKey(key) : undefined,
    );
  }
}

/** Without Buffer's methods, as the port promises. */
export function plainBytes(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
