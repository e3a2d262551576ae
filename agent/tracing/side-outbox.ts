/**
 * Side blocks that wait to be shipped, oldest first, bounded by bytes: past the bound the oldest go, and are counted.
 * They are observations, not history: nothing else is spoilt by their loss, and no event ever waits for them.
 * Numbers the parts of each second.
 */
import { checkSideBlock, type SideBlock, type SideStream } from "../kernel/index.ts";

/** Encoded blocks that may wait: some ten minutes of a calm service. */
export const MAX_SIDE_BYTES: number = 4 * 1024 * 1024;
/** In one batch. */
const MAX_BLOCKS_PER_BATCH = 256;
const BLOCK_BYTES = 128;
/** Seconds whose parts are still counted; a later part of an older one cannot come. */
const KEPT_SECONDS = 300;

export class SideOutbox {
  #blocks: SideBlock[] = [];
  #bytes = 0;
  readonly #maxBytes: number;
  readonly #parts = new Map<string, number>();
  #droppedCount = 0;

  constructor(maxBytes: number = MAX_SIDE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#blocks.length;
  }

  /** Blocks that were given up because too many waited. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Adds what was encoded, as the next part of that stream and second. */
  add(stream: SideStream, second: number, bytes: Uint8Array): void {
    const key = `${stream} ${second}`;
    const part = this.#parts.get(key) ?? 0;
    const block: SideBlock = { stream, second, part, bytes };
    checkSideBlock(block);
    this.#parts.delete(key); // the latest used stand last
    this.#parts.set(key, part + 1);
    for (const oldest of this.#parts.keys()) {
      if (this.#parts.size <= 3 * KEPT_SECONDS) break;
      this.#parts.delete(oldest);
    }
    this.#blocks.push(block);
    this.#bytes += bytes.length + BLOCK_BYTES;
    this.#shed();
  }

  /** The oldest blocks, for one batch: some if there are any. They are the taker's. */
  take(maxBytes: number): readonly SideBlock[] {
    let bytes = 0;
    let count = 0;
    for (const block of this.#blocks) {
      if (count === MAX_BLOCKS_PER_BATCH) break;
      if (count > 0 && bytes + block.bytes.length > maxBytes) break;
      bytes += block.bytes.length;
      count += 1;
    }
    const taken = this.#blocks.slice(0, count);
    this.#blocks = this.#blocks.slice(count);
    this.#bytes -= bytes + count * BLOCK_BYTES;
    return taken;
  }

  /** Takes back what did not arrive. It may have: the collector knows a block that comes again. */
  giveBack(blocks: readonly SideBlock[]): void {
    if (blocks.length === 0) return;
    this.#blocks = [...blocks, ...this.#blocks];
    for (const { bytes } of blocks) this.#bytes += bytes.length + BLOCK_BYTES;
    this.#shed();
  }

  #shed(): void {
    let count = 0;
    while (this.#bytes > this.#maxBytes && count < this.#blocks.length) {
      this.#bytes -= (this.#blocks[count] as SideBlock).bytes.length + BLOCK_BYTES;
      count += 1;
    }
    if (count === 0) return;
    this.#droppedCount += count;
    this.#blocks = this.#blocks.slice(count);
  }
}
