/**
 * Our own stamps that have travelled already. A service that receives what it sent itself, and forwards it
 * with its headers, holds its own stamp in its hands; so does one that gives several messages the same
 * headers object, and a client that tries again with the headers of the first attempt. Such a stamp belongs to another message: keeping it would make two messages of
 * one, replacing it would say that the first one never left.
 */
import type { Stamp } from "./recorder.ts";

/** Stamps remembered; older ones than those forgotten count as spent. */
const MAX_REMEMBERED = 4_096;

export class SpentStamps {
  readonly #seqs = new Set<number>();
  /** The same in the order in which they came: to find a set's first, V8 walks over the places of those gone. */
  readonly #ring = new Float64Array(MAX_REMEMBERED);
  #at = 0;
  #epoch = -1;
  /** All up to here are spent. */
  #floor = 0;

  /** @param stamp one of this node's */
  has({ epoch, seq }: Stamp): boolean {
    return epoch === this.#epoch && (seq <= this.#floor || this.#seqs.has(seq));
  }

  /** @param stamp one of this node's */
  add({ epoch, seq }: Stamp): void {
    if (epoch !== this.#epoch) {
      if (epoch < this.#epoch) return;
      this.#epoch = epoch;
      this.#seqs.clear();
      this.#floor = 0;
    }
    if (seq <= this.#floor || this.#seqs.has(seq)) return;
    if (this.#seqs.size === MAX_REMEMBERED) {
      const oldest = this.#ring[this.#at] as number;
      this.#seqs.delete(oldest);
      this.#floor = Math.max(this.#floor, oldest);
      if (seq <= this.#floor) return;
    }
    this.#seqs.add(seq);
    this.#ring[this.#at] = seq;
    this.#at = (this.#at + 1) % MAX_REMEMBERED;
  }
}
