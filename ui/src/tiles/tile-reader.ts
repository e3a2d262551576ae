/** Port: who makes tiles out of answers. A worker in the browser, the same thread in tests. */
import type { Tile } from "./tile.ts";

/** One page read: there are further lanes to ask for, or the tile is whole. */
export type ReadPage =
  | { readonly next: string; readonly tile?: undefined }
  | { readonly next?: undefined; readonly tile: Tile };

export interface TileReading {
  /** Takes the bytes over; rejects if they are no timeline. Pages of one tile in their order. */
  page(bytes: ArrayBuffer): Promise<ReadPage>;
  /** Forgets the pages read so far. */
  end(): void;
}

export interface TileReader {
  /** Begins a tile. */
  begin(): TileReading;
}
