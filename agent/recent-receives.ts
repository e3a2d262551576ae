/**
 * The last messages received, so that two hooks on one message, or a broker that delivers twice, make one
 * receive. Numbers in fixed arrays, chained by hash: a look costs no text and no garbage.
 *
 *     ring     n1 7.41 | n2 7.41 | n1 7.42 | ...          the oldest gives way
 *     heads    hash(epoch, seq) -> place in the ring -> next with that hash -> ...
 */
import type { EventRef } from "./kernel/index.ts";

/** Receives remembered. */
export const REMEMBERED_RECEIVES = 256;
/** A power of two. */
const BUCKETS = 512;
const NONE = -1;

export class RecentReceives {
  readonly #seqs = new Float64Array(REMEMBERED_RECEIVES);
  readonly #epochs = new Float64Array(REMEMBERED_RECEIVES);
  readonly #nodes: string[] = new Array(REMEMBERED_RECEIVES).fill("");
  readonly #groups: (string | undefined)[] = new Array(REMEMBERED_RECEIVES).fill(undefined);
  readonly #next = new Int16Array(REMEMBERED_RECEIVES).fill(NONE);
  readonly #heads = new Int16Array(BUCKETS).fill(NONE);
  #count = 0;
  #at = 0;

  /**
   * Whether this send was received before, and if not, remembers it.
   * @param group the consumer group it came to: another group of this process is another receiver
   */
  isRepeated(sent: EventRef, group: string | undefined): boolean {
    const { seq, epoch } = sent;
    const bucket = bucketOf(seq, epoch);
    for (let at = this.#heads[bucket] as number; at !== NONE; at = this.#next[at] as number) {
      if (this.#seqs[at] !== seq || this.#epochs[at] !== epoch) continue;
      if (this.#nodes[at] !== sent.node) continue;
      const known = this.#groups[at];
      if (known === undefined || group === undefined || known === group) return true;
    }
    this.#remember(sent, group, bucket);
    return false;
  }

  #remember({ seq, epoch, node }: EventRef, group: string | undefined, bucket: number): void {
    const at = this.#at;
    if (this.#count === REMEMBERED_RECEIVES) this.#forget(at);
    else this.#count += 1;
    this.#seqs[at] = seq;
    this.#epochs[at] = epoch;
    this.#nodes[at] = node;
    this.#groups[at] = group;
    this.#next[at] = this.#heads[bucket] as number;
    this.#heads[bucket] = at;
    this.#at = (at + 1) % REMEMBERED_RECEIVES;
  }

  /** Takes a place out of its chain, of which it is the last: later ones were put before it. */
  #forget(at: number): void {
    const bucket = bucketOf(this.#seqs[at] as number, this.#epochs[at] as number);
    let before = NONE;
    let here = this.#heads[bucket] as number;
    while (here !== at) {
      before = here;
      here = this.#next[here] as number;
    }
    if (before === NONE) this.#heads[bucket] = this.#next[at] as number;
    else this.#next[before] = this.#next[at] as number;
  }
}

/** Of the low 32 bits, which is what `|` takes of a larger number. */
function bucketOf(seq: number, epoch: number): number {
  return (seq ^ epoch) & (BUCKETS - 1);
}
