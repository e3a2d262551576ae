/**
 * The replays of many nodes in order of their next moments: a heap with the earliest on top, among equals
 * the one that comes first by node. Hot.
 */
import type { NodeReplay } from "./node-replay.ts";
import type { WalkChange } from "./walk-shapes.ts";

export class NextFirst {
  readonly #heap: { readonly replay: NodeReplay; readonly rank: number }[];

  constructor(replays: readonly NodeReplay[]) {
    this.#heap = replays.map((replay, rank) => ({ replay, rank }));
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  get time(): number {
    return this.#heap[0]?.replay.next ?? Number.POSITIVE_INFINITY;
  }

  /** Whose moment comes next. */
  get first(): NodeReplay | undefined {
    return this.#heap[0]?.replay;
  }

  advance(changed: WalkChange[]): void {
    this.#heap[0]?.replay.advance(changed);
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

function isBefore(
  a: { readonly replay: NodeReplay; readonly rank: number },
  b: { readonly replay: NodeReplay; readonly rank: number },
): boolean {
  return a.replay.next < b.replay.next || (a.replay.next === b.replay.next && a.rank < b.rank);
}
