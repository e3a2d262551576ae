/**
 * The side-source port: where shipping gets side blocks from. They ride in whatever batch goes next, an empty one
 * too, on demand as well; a batch never waits for them, nor is one refused for them.
 */
import type { SideBlock } from "../kernel/index.ts";

export interface SideSource {
  /** Blocks that wait. */
  readonly count: number;
  /** The oldest, of so many bytes together (one at least); they are not given again. */
  take(maxBytes: number): readonly SideBlock[];
  /** Takes back what did not arrive, or could not be sent so. */
  giveBack(blocks: readonly SideBlock[]): void;
}

/** Where there are none. */
export const NO_SIDE_BLOCKS: SideSource = Object.freeze({
  count: 0,
  take: () => [],
  giveBack: () => undefined,
});
