/**
 * Keys of the LMDB store: bytes whose order is the order that readers walk in.
 *
 * One tree holds all; the first byte tells what a record is. Integers are big-endian; a stamp or seq
 * takes eight bytes (keys/bytes.ts). This is the map of the tree, and the door: each subject's keys are
 * in keys/, as their shapes are in port/.
 *
 *     format      F
 *     epoch       E | epochId 4
 *     log         L | epochId 4 | log, text           what is known of one log of an epoch
 *     batch       B | epochId 4 | firstT 8 | firstSeq 8 | lastT 8 | lastSeq 8
 *     seq         S | epochId 4 | lastSeq 8 | firstT 8 | firstSeq 8 | lastT 8      finds a batch by seq
 *     block       N | epochId 4 | firstSeq of the segment 8 | index 4
 *     violation   V | class 1 | receiveT 8 | sendT 8 | receive's id, text          see stretches.ts
 *     slow        M | class 1 | sendT 8 | receiveT 8 | receive's id, text
 *     directory   D | epochId 4 | t 8
 *     checkpoint  C | epochId 4 | seq 8 | log, text
 *     capture     K | number 8
 *     monitor     A | number 8                        a standing query and its alerts
 *     tile        T | epochId 4 | level 1 | index 8
 *     stretch     J | from 8 | until 8                messages of all epochs, joined, and which cells: joined.ts
 *     cell        I | from 8 | level 1 | index 8
 *     pruned      R | epochId 4                       how far an epoch is pruned
 *     gone        G                                   stretches of which nothing is kept
 *     swept       O                                   where the violations and slow messages were that are gone
 *     last id     H                                   the highest epochId of a record that was forgotten
 *     saved       P | number 8 | part 1               a cut kept: 0 its label, 1 its bytes
 *     side        X | epochId 4 | second 8 | stream 1 | part 4       how a node was doing (port/side.ts)
 *
 * A batch's key holds its whole range, so that a batch whose bytes are damaged can still be named. The
 * header of a segment stands under the key that a batch of the same range would have.
 */
export const FORMAT_KEY: Buffer = Buffer.from("F");

export {
  BATCH,
  HIGHEST as HIGHEST_KEY_NUMBER,
  type KeyRange,
  LOWEST as LOWEST_KEY_NUMBER,
  SEQ,
  SLOW_MESSAGE,
  VIOLATION,
} from "./keys/bytes.ts";
export * from "./keys/derived.ts";
export * from "./keys/epochs.ts";
export * from "./keys/events.ts";
export * from "./keys/messages.ts";
export * from "./keys/numbered.ts";
export * from "./keys/pruning.ts";
export * from "./keys/side.ts";
