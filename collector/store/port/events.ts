/**
 * Where the events are: in batches, as they came, and in segments, which take the place of batches.
 *
 *     batch     | header and events: the wire's bytes |
 *     segment   | header |   block 0   |   block 1   | ...       each a record of its own
 *
 * Both stand under the range of their seqs and times, so that who walks over one walks over the other.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { TimedRange } from "./epochs.ts";

/**
 * A batch as stored: its range, and the wire bytes as received (their checksum verified again at each
 * read). Or a segment, which stands in the place of the batches it was sealed from: then the bytes are
 * its header (segment-header.ts), and its events are in blocks (`block`). segment-reader.ts reads both.
 */
export interface StoredBatch {
  readonly epochId: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** Collector's wall clock, Unix ms. Of a segment: when the last of its batches came. */
  readonly arrivalMs: number;
  readonly bytes: Uint8Array;
}

/** A segment to be put in the place of batches. */
export interface SegmentWrite {
  /** The batches it was made from, consecutive and of one epoch: all their events are in it. */
  readonly replaced: readonly (TimedRange & { readonly epochId: number })[];
  /** It was made from a segment, one, that had the same range: what was erased of that is not in it. */
  readonly isRewritten?: boolean;
  readonly segment: StoredBatch;
  /** By the index that the header gives them. */
  readonly blocks: readonly Uint8Array[];
}

/** Where the blocks of segments come from. */
export interface BlockSource {
  /**
   * The bytes of a block of a stored segment. Undefined if they are damaged or gone; what is damaged joins
   * `damaged(epochId)`, by the name of the block's log alone.
   */
  block(segment: StoredBatch, index: number): Uint8Array | undefined;
}

/** A block as it lies in the store: not checked yet (`checkedBlock` in unchecked-block.ts does). */
export interface UncheckedBlock {
  readonly key: Uint8Array;
  readonly record: Uint8Array;
}

/** Events that were stored and can no longer be read: to readers, a lost range. */
export interface DamagedRange extends TimedRange {
  readonly epochId: number;
  /** What is damaged of a segment, if it is one block: seqs and times are then those of the block's events. */
  readonly block?: {
    /** Undefined: its messages, or requests, marks, joins and leaves. */
    readonly log: string | undefined;
    readonly messages: boolean;
    readonly eventCount: number;
  };
}

/** What is stored as one: a batch, or a segment. Retention removes it whole. */
export interface StoredPiece extends TimedRange {
  /** Collector's wall clock when the last of it came, Unix ms; 0 where it cannot be read any more. */
  readonly arrivalMs: number;
  /** About what it takes on the disk. */
  readonly byteCount: number;
}
