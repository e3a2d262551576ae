/**
 * Cursors in order of their times: a heap with the earliest on top, among equals the one that was given first.
 * Whoever moves the first on settles the heap.
 */

/** What stands at a time, until it is over. Its time never falls. */
export interface Timed {
  readonly t: number;
  readonly isOpen: boolean;
}

export class EarliestFirst<Cursor extends Timed> {
  readonly #heap: { readonly cursor: Cursor; readonly rank: number }[];

  constructor(cursors: readonly Cursor[]) {
    this.#heap = cursors.map((cursor, rank) => ({ cursor, rank }));
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** The earliest that is open; undefined: none is. */
  get first(): Cursor | undefined {
    const top = this.#heap[0]?.cursor;
    return top?.isOpen === true ? top : undefined;
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

type Place = { readonly cursor: Timed; readonly rank: number };

/** What is over comes last. Strictly earlier wins: on ties order of nodes decides. */
function isBefore({ cursor: a, rank }: Place, { cursor: b, rank: other }: Place): boolean {
  if (a.isOpen !== b.isOpen) return a.isOpen;
  return a.t < b.t || (a.t === b.t && rank < other);
}
