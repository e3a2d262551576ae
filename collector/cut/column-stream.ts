/** What the rows of a slice come as, for who goes through them: column-rows.ts makes it. */
import type { Value } from "../../agent/kernel/index.ts";
import type { RowBuffer } from "./row-buffer.ts";

/**
 * Changes of followed columns on one node, in the order of time; of a node there may be several streams, of
 * different columns.
 */
export interface ColumnStream {
  /** By its place in the feed's nodes. */
  readonly node: number;
  /** What has been read. Whoever takes rows moves its `at`. */
  readonly rows: RowBuffer;
  /**
   * What rows up to the beginning of the slice leave in the columns that they change; undefined: deleted. To
   * be called first, once. Throws as `read`.
   */
  begin(): ReadonlyMap<number, Value | undefined>;
  /**
   * Adds the next rows to those at hand, some hundred of them if they are numbers. False: there are no more.
   * @throws RetroError `data-damaged` and its like: no block as we write them
   */
  read(): boolean;
}
