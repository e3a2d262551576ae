/**
 * How much stands under the latest stamp. A batch holds what shares a stamp undivided, so there must
 * never be more of it than a batch can hold: 4,096 changes, or 1 MiB of names and values.
 *
 * Changes share a stamp in a commit, and in a flood that ran far ahead of the physical clock; then
 * commits share one too. The hot path counts nothing while each of its changes has a stamp of its own:
 * the one before, if nobody counted it, was one number.
 */
import { STATE_LIMITS } from "./limits.ts";

/** What a change takes in a batch beside its key and value, at most. */
const CHANGE_BYTES = 16;
const NUMBER_BYTES = 12;
const MAX_NUMBER_CHANGE = CHANGE_BYTES + STATE_LIMITS.keyBytes + NUMBER_BYTES;

/** What a change takes in a batch, never less than it does. */
export function changeBytes(key: string, valueBytes: number): number {
  return CHANGE_BYTES + Math.min(STATE_LIMITS.keyBytes, key.length * 3) + valueBytes;
}

export class StampGroup {
  #t: number = Number.NEGATIVE_INFINITY;
  #count = 0;
  #bytes = 0;

  /** A stamp was issued for these changes, and none share it yet. */
  begin(t: number, count: number, bytes: number): void {
    this.#t = t;
    this.#count = count;
    this.#bytes = bytes;
  }

  /** Whether so much more fits under that stamp, the latest; then it is counted. */
  takes(t: number, count: number, bytes: number): boolean {
    if (this.#t !== t) this.begin(t, 1, MAX_NUMBER_CHANGE);
    if (
      this.#count + count > STATE_LIMITS.commitChanges ||
      this.#bytes + bytes > STATE_LIMITS.commitBytes
    ) {
      return false;
    }
    this.#count += count;
    this.#bytes += bytes;
    return true;
  }
}
