/**
 * Replays and cursors of many nodes in order of their next moments: a heap with the earliest on top, among
 * equals the one that was given first. Whoever moves the first on settles the heap. Hot.
 */

/** Stands before a moment, which never falls; Infinity: it is over. */
export interface Next {
  readonly next: number;
}

interface Place<Item> {
  readonly item: Item;
  readonly rank: number;
}

export class NextFirst<Item extends Next> {
  readonly #heap: Place<Item>[];

  constructor(items: readonly Item[]) {
    this.#heap = items.map((item, rank) => ({ item, rank }));
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** The next moment of all; Infinity: there is none. */
  get time(): number {
    return this.#heap[0]?.item.next ?? Number.POSITIVE_INFINITY;
  }

  /** Whose moment comes next; undefined: all are over. */
  get first(): Item | undefined {
    return this.time === Number.POSITIVE_INFINITY ? undefined : this.#heap[0]?.item;
  }

  /** The first has moved on, or has come to its end. */
  settle(): void {
    this.#sink(0);
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const moved = heap[start];
    if (moved === undefined) return;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child += 1;
      const least = heap[child] as typeof moved;
      if (!isBefore(least, moved)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = moved;
  }
}

function isBefore(a: Place<Next>, b: Place<Next>): boolean {
  return a.item.next < b.item.next || (a.item.next === b.item.next && a.rank < b.rank);
}
