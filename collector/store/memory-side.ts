/** The side blocks of one epoch in the memory store: a list, in the order of their keys on disk. */
import { SIDE_STREAMS } from "../../agent/kernel/index.ts";
import type { SideRange, SideRemoval, StoredSideBlock } from "./history-store.ts";
import { isRemoved } from "./side-removal.ts";

export class SideShelf {
  #blocks: StoredSideBlock[] = [];

  get byteCount(): number {
    return this.#blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  put(block: StoredSideBlock): void {
    if (this.#blocks.some((one) => compare(one, block) === 0)) return;
    this.#blocks.push({ ...block, bytes: block.bytes.slice() });
    this.#blocks.sort(compare);
  }

  within({ fromSecond, untilSecond, streams }: SideRange): StoredSideBlock[] {
    return this.#blocks.filter(
      ({ second, stream }) =>
        second >= fromSecond && second < untilSecond && streams?.includes(stream) !== false,
    );
  }

  /** How many went, of the oldest on. */
  remove(removal: SideRemoval): number {
    let count = 0;
    while (count < removal.limit) {
      const block = this.#blocks[count];
      if (block === undefined || !isRemoved(removal, block)) break;
      count += 1;
    }
    this.#blocks.splice(0, count);
    return count;
  }

  /** Removes all, at most `limit`; how many. */
  clear(limit: number): number {
    return this.#blocks.splice(0, limit).length;
  }
}

function compare(a: StoredSideBlock, b: StoredSideBlock): number {
  const stream = SIDE_STREAMS.indexOf(a.stream) - SIDE_STREAMS.indexOf(b.stream);
  return a.second - b.second || stream || a.part - b.part;
}
