/** What `retroscope verify` finds: each damage with the place in history that it takes away. */
import type { Hlc } from "../../agent/kernel/index.ts";

/**
 * - `checksum`: the record, or its key, is not what was written;
 * - `content`: the checksum holds and what is inside cannot be read, or is not what its key says;
 * - `missing`: another record says that it must be there; of the file: it ends too early;
 * - `unrecorded`: it is there, and the record that should tell of it does not;
 * - `doubled`: its events stand in another record as well;
 * - `unknown`: a kind of record that this version does not know.
 */
export type DamageFault =
  | "checksum"
  | "content"
  | "missing"
  | "unrecorded"
  | "doubled"
  | "unknown"
  | "unreadable";

export interface Damage {
  /** The kind of record: `batch`, `seq`, `epoch`, ... (record-kinds.ts). */
  readonly kind: string;
  readonly fault: DamageFault;
  /** In a sentence: what is wrong, and what readers do without. */
  readonly detail: string;
  /** The record's key, in hex. */
  readonly key?: string;
  /** Where in history, as far as it is known. */
  readonly node?: string;
  readonly epoch?: number;
  readonly firstSeq?: number;
  readonly lastSeq?: number;
  readonly from?: Hlc;
  readonly to?: Hlc;
}

export interface VerifyReport {
  readonly directory: string;
  readonly recordCount: number;
  /** Records by kind. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly epochCount: number;
  /** Events in batches that can be read. */
  readonly eventCount: number;
  /** In order of the walk; the first `MAX_LISTED_DAMAGE` of them. */
  readonly damage: readonly Damage[];
  readonly damageCount: number;
}

/** Of more, the rest is counted. */
export const MAX_LISTED_DAMAGE = 10_000;
