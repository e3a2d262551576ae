/**
 * A block: the events of one log in one segment, or its messages, or the rest, in columns. Version 1.
 * Hot: bench `store-size`. Numbers are packed (segment-frames.ts), so that scanning a log inflates nothing.
 *
 *     of a log    version 1 | count
 *                 keys           hashes of the list 4 + 4 | sorted keys            segment-text.ts
 *                 offsets        seq - firstSeq of the segment: steps, less 1      frames
 *                 t              steps, the first from the segment's firstT        frames
 *                 shapes         how many 1 | each 1: kind + 16 * tag | which      frames, if many
 *                 variables      index of the key, of changes                      frames
 *                 wholes         | decimals: exponent 1 | doubles                  segment-numbers.ts
 *                 values         index, of values that are no numbers              frames
 *                 texts          packed: string table | values as on the wire      segment-text.ts
 *                 keyframes      packed: a batch of them as on the wire
 *                 padding 4
 *
 *     of others   version 1 | count | offsets | packed: a batch of them as on the wire | padding 4
 *
 * Tags are ValueTags; a number (4) is a whole, 7 a decimal and 8 a double. Whatever is not a column of
 * numbers goes through the wire's codec, which gives back exactly what agents sent.
 */
import type { EventBody, Hlc, Value, VariableRef } from "../../agent/kernel/index.ts";

export const BLOCK_VERSION = 1;
/** Events in a segment, at most: what a block may say of its offsets. */
export const MAX_SEGMENT_EVENTS = 131_072;
/** Kind codes above it are no changes: their rows point to bodies. */
export const LAST_CHANGE = 3;
/** On disk only: numbers by what they are. */
export const DECIMAL_TAG = 7;
export const DOUBLE_TAG = 8;

/** The rows of a block, in seq order. */
export interface BlockRows {
  readonly count: number;
  /** seq - firstSeq of the segment, rising. */
  readonly offsets: Uint32Array;
  readonly t: Float64Array;
  readonly kind: Uint8Array;
  readonly ref: Uint32Array;
  readonly valueTag: Uint8Array;
  readonly valueNumber: Float64Array;
  readonly variables: readonly VariableRef[];
  readonly values: readonly Value[];
  readonly bodies: readonly EventBody[];
}

/** What a block is part of. */
export interface BlockPlace {
  readonly firstT: Hlc;
  readonly lastSeq: number;
}
