/** How time is divided into timeline tiles: the store removes by time what the cut engine counted by level. */

/** log2 of the cells of a tile; a cell of level n is 2^n ticks wide. */
export const TILE_CELLS_LOG2 = 8;
/** Tiles have levels from 0 to here. */
export const TOP_TILE_LEVEL = 44;

/** Ticks that a tile of the level covers. */
export function tileSpan(level: number): number {
  return 2 ** (level + TILE_CELLS_LOG2);
}
