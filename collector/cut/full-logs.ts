/**
 * Logs that have as many variables as one log may have: they take no more, and those that they have go on.
 * Who sends a key that was never there before (a request's id, say) would fill every cut and checkpoint.
 *
 *     checkpointer   looks at the states that it carries forward: which logs are full, and which keys they hold
 *     ingest         asks of a batch for a full log whether all its keys are among them
 *
 * So it is known a moment late: what ingest took meanwhile is above the bound. Keys are kept as sorted
 * hashes, four bytes each; of new ones one in some thousands passes for known, which does no harm.
 */
import type { EpochView } from "./epoch-view.ts";
import type { LogImage } from "./log-image.ts";

export class FullLogs {
  readonly #most: number;
  readonly #keysOf = new Map<number, Map<string, Uint32Array>>();

  /** @param most variables of a log */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether the log takes no more variables. */
  isFull(epochId: number, log: string): boolean {
    return this.#keysOf.get(epochId)?.has(log) === true;
  }

  /** Whether a full log has that variable, as good as surely. Of others: false. */
  knows(epochId: number, log: string, key: string): boolean {
    const hashes = this.#keysOf.get(epochId)?.get(log);
    return hashes !== undefined && isIn(hashes, hashOf(key));
  }

  /** Notes which logs of an epoch are full now. Cheap where none becomes so. */
  look(epochId: number, { logs }: EpochView): void {
    for (const [log, image] of logs) {
      const isFull = image.size >= this.#most;
      if (isFull !== this.isFull(epochId, log)) this.#set(epochId, log, isFull ? image : undefined);
    }
  }

  /** The epoch is gone. */
  forget(epochId: number): void {
    this.#keysOf.delete(epochId);
  }

  #set(epochId: number, log: string, image: LogImage | undefined): void {
    const ofEpoch = this.#keysOf.get(epochId) ?? new Map<string, Uint32Array>();
    if (image === undefined) ofEpoch.delete(log);
    else ofEpoch.set(log, hashesOf(image));
    if (ofEpoch.size === 0) this.#keysOf.delete(epochId);
    else this.#keysOf.set(epochId, ofEpoch);
  }
}

/** Of all keys that have a slot: a variable that was deleted may come back. */
function hashesOf(image: LogImage): Uint32Array {
  const hashes = new Uint32Array(image.slotCount);
  for (let slot = 0; slot < hashes.length; slot += 1) hashes[slot] = hashOf(image.keyAt(slot));
  return hashes.sort();
}

function isIn(sorted: Uint32Array, hash: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === hash;
}

/** FNV-1a over the UTF-16 units, with a last mixing. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}
