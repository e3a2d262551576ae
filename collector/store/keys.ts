/**
 * Keys of the LMDB store: bytes whose order is the order that readers walk in.
 *
 * One tree holds all; the first byte tells what a record is. Integers are big-endian, and a stamp or
 * seq takes eight bytes, biased so that negative stamps (imports, down to 1970) come first:
 *
 *     i53    | floor(n / 2^32) + 2^21, 4 bytes | n mod 2^32, 4 bytes |
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
 *
 * A batch's key holds its whole range, so that a batch whose bytes are damaged can still be named. The
 * header of a segment stands under the key that a batch of the same range would have.
 */
import { createHash } from "node:crypto";
import type { EventRef, Hlc } from "../../agent/kernel/index.ts";
import type { DamagedRange, MessageStretch, StoredBatch } from "./history-store.ts";

export const FORMAT_KEY: Buffer = Buffer.from("F");
export const GONE_KEY: Buffer = Buffer.from("G");
export const MESSAGES_GONE_KEY: Buffer = Buffer.from("O");
export const LAST_ID_KEY: Buffer = Buffer.from("H");

const EPOCH = 0x45;
const LOG = 0x4c;
export const BATCH = 0x42;
export const SEQ = 0x53;
const DIRECTORY = 0x44;
const CHECKPOINT = 0x43;
const CAPTURE = 0x4b;
const MONITOR = 0x41;
const BLOCK = 0x4e;
const TILE = 0x54;
const STRETCH = 0x4a;
const CELL = 0x49;
const PRUNED = 0x52;
const SAVED = 0x50;
export const VIOLATION = 0x56;
export const SLOW_MESSAGE = 0x4d;

const BATCH_KEY_BYTES = 37;
/** LMDB takes 1,978 bytes; longer log names are stored under their hash. */
const MAX_NAME_BYTES = 1_024;
const TWO_32 = 2 ** 32;
const BIAS = 2 ** 21;
/** Lowest and highest number a key can hold. */
const LOWEST: number = Number.MIN_SAFE_INTEGER;
const HIGHEST: number = Number.MAX_SAFE_INTEGER;

/** Both ends of a walk; both are included unless said otherwise. */
export interface KeyRange {
  readonly first: Buffer;
  readonly last: Buffer;
}

export function epochKey(epochId: number): Buffer {
  return epochPrefix(EPOCH, epochId, 5);
}

export function allEpochs(): KeyRange {
  return { first: epochKey(0), last: epochKey(0xffffffff) };
}

export function logKey(epochId: number, log: string): Buffer {
  const { isLong, tail } = nameTail(log);
  const key = epochPrefix(LOG, epochId, 6 + tail.length);
  key[5] = isLong ? 1 : 0;
  tail.copy(key, 6);
  return key;
}

/** Logs of all epochs, by epoch. */
export function allLogs(): KeyRange {
  return {
    first: epochPrefix(LOG, 0, 5),
    last: Buffer.concat([epochPrefix(LOG, 0xffffffff, 5), Buffer.alloc(1, 0xff)]),
  };
}

/** Of a key that begins with its kind and an epoch's id: all but those of messages, captures and monitors. */
export function epochOfKey(key: Buffer): number {
  return key.readUInt32BE(1);
}

export function batchKey(batch: Omit<StoredBatch, "bytes" | "arrivalMs">): Buffer {
  const key = epochPrefix(BATCH, batch.epochId, BATCH_KEY_BYTES);
  writeI53(key, 5, batch.firstT);
  writeI53(key, 13, batch.firstSeq);
  writeI53(key, 21, batch.lastT);
  writeI53(key, 29, batch.lastSeq);
  return key;
}

/** The range that a batch's key names. */
export function batchOfKey(key: Buffer): DamagedRange {
  return {
    epochId: key.readUInt32BE(1),
    firstT: readI53(key, 5) as Hlc,
    first: readI53(key, 13),
    lastT: readI53(key, 21) as Hlc,
    last: readI53(key, 29),
  };
}

/** Batches of an epoch that begin in [from, to]. */
export function batchesBeginning(epochId: number, from: number, to: number): KeyRange {
  const first = epochPrefix(BATCH, epochId, 13);
  writeI53(first, 5, from);
  const last = Buffer.alloc(BATCH_KEY_BYTES, 0xff);
  epochPrefix(BATCH, epochId, 5).copy(last);
  writeI53(last, 5, to);
  return { first, last };
}

export function allBatches(epochId: number): KeyRange {
  return batchesBeginning(epochId, LOWEST, HIGHEST);
}

export function seqKey(batch: Omit<StoredBatch, "bytes" | "arrivalMs">): Buffer {
  const key = epochPrefix(SEQ, batch.epochId, BATCH_KEY_BYTES);
  writeI53(key, 5, batch.lastSeq);
  writeI53(key, 13, batch.firstT);
  writeI53(key, 21, batch.firstSeq);
  writeI53(key, 29, batch.lastT);
  return key;
}

/** The batch's key that a seq key points to. */
export function batchKeyOfSeqKey(key: Buffer): Buffer {
  return batchKey({
    epochId: key.readUInt32BE(1),
    lastSeq: readI53(key, 5),
    firstT: readI53(key, 13) as Hlc,
    firstSeq: readI53(key, 21),
    lastT: readI53(key, 29) as Hlc,
  });
}

/** Seq keys of the batches of an epoch that end at or after `seq`. */
export function seqsFrom(epochId: number, seq: number): KeyRange {
  const first = epochPrefix(SEQ, epochId, 13);
  writeI53(first, 5, seq);
  const last = Buffer.alloc(BATCH_KEY_BYTES, 0xff);
  epochPrefix(SEQ, epochId, 5).copy(last);
  return { first, last };
}

export function blockKey(epochId: number, firstSeq: number, index: number): Buffer {
  const key = epochPrefix(BLOCK, epochId, 17);
  writeI53(key, 5, firstSeq);
  key.writeUInt32BE(index, 13);
  return key;
}

/** What a block's key names. */
export function placeOfBlockKey(key: Buffer): { epochId: number; firstSeq: number; index: number } {
  return { epochId: key.readUInt32BE(1), firstSeq: readI53(key, 5), index: key.readUInt32BE(13) };
}

/** All blocks of the segment that begins at that seq. */
export function blocksOf(epochId: number, firstSeq: number): KeyRange {
  return { first: blockKey(epochId, firstSeq, 0), last: blockKey(epochId, firstSeq, 0xffffffff) };
}

/** A stretch of time [start, end] in its class, named by the message's receive. */
export function stretchKey(
  kind: number,
  stretchClass: number,
  start: number,
  end: number,
  receive: EventRef,
): Buffer {
  const id = Buffer.from(`${receive.epoch}/${receive.seq}/${receive.node}`);
  const key = Buffer.allocUnsafe(18 + id.length);
  key[0] = kind;
  key[1] = stretchClass;
  writeI53(key, 2, start);
  writeI53(key, 10, end);
  id.copy(key, 18);
  return key;
}

/** Stretches of a class that start in [from, to]. */
export function stretchesStarting(
  kind: number,
  stretchClass: number,
  from: number,
  to: number,
): KeyRange {
  const first = Buffer.allocUnsafe(10);
  first[0] = kind;
  first[1] = stretchClass;
  writeI53(first, 2, Math.max(from, LOWEST));
  const last = Buffer.alloc(18, 0xff);
  first.copy(last, 0, 0, 2);
  writeI53(last, 2, Math.min(to, HIGHEST));
  return { first, last };
}

/** The start of the stretch that a key names. */
export function stretchStartOfKey(key: Buffer): number {
  return readI53(key, 2);
}

/** The end of the stretch that a key names. */
export function stretchEndOfKey(key: Buffer): number {
  return readI53(key, 10);
}

export function directoryKey(epochId: number, t: number): Buffer {
  const key = epochPrefix(DIRECTORY, epochId, 13);
  writeI53(key, 5, t);
  return key;
}

export function directoriesBetween(epochId: number, from: number, to: number): KeyRange {
  return { first: directoryKey(epochId, from), last: directoryKey(epochId, to) };
}

export function timeOfDirectoryKey(key: Buffer): Hlc {
  return readI53(key, 5) as Hlc;
}

export function checkpointKey(epochId: number, seq: number, log: string): Buffer {
  const { isLong, tail } = nameTail(log);
  const key = epochPrefix(CHECKPOINT, epochId, 14 + tail.length);
  writeI53(key, 5, seq);
  key[13] = isLong ? 1 : 0;
  tail.copy(key, 14);
  return key;
}

/** The key of the same log's checkpoint at another seq. */
export function checkpointKeyWithSeq(key: Buffer, seq: number): Buffer {
  const other = Buffer.from(key);
  writeI53(other, 5, seq);
  return other;
}

/** Checkpoints of an epoch with this seq or a later one. */
export function checkpointsFrom(epochId: number, seq: number): KeyRange {
  const first = epochPrefix(CHECKPOINT, epochId, 13);
  writeI53(first, 5, seq);
  const last = Buffer.alloc(13, 0xff);
  epochPrefix(CHECKPOINT, epochId, 5).copy(last);
  return { first, last };
}

export function captureKey(number: number): Buffer {
  return numberedKey(CAPTURE, number);
}

export function monitorKey(number: number): Buffer {
  return numberedKey(MONITOR, number);
}

function numberedKey(kind: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = kind;
  writeI53(key, 1, number);
  return key;
}

export function allCaptures(): KeyRange {
  return { first: captureKey(LOWEST), last: captureKey(HIGHEST) };
}

export function allMonitors(): KeyRange {
  return { first: monitorKey(LOWEST), last: monitorKey(HIGHEST) };
}

/** Of a capture or a monitor. */
export function numberOfKey(key: Buffer): number {
  return readI53(key, 1);
}

export function tileKey(epochId: number, level: number, index: number): Buffer {
  const key = epochPrefix(TILE, epochId, 14);
  key[5] = level;
  writeI53(key, 6, index);
  return key;
}

/** Tiles of a level of an epoch with an index in [first, last]. */
export function tilesBetween(
  epochId: number,
  level: number,
  first: number,
  last: number,
): KeyRange {
  return { first: tileKey(epochId, level, first), last: tileKey(epochId, level, last) };
}

export function messageStretchKey({ from, until }: MessageStretch): Buffer {
  const key = Buffer.allocUnsafe(17);
  key[0] = STRETCH;
  writeI53(key, 1, from);
  writeI53(key, 9, until);
  return key;
}

export function allMessageStretches(): KeyRange {
  const ends = (n: number) => messageStretchKey({ from: n as Hlc, until: n as Hlc });
  return { first: ends(LOWEST), last: ends(HIGHEST) };
}

/** The stretch that begins there, wherever it ends. */
export function messageStretchesFrom(from: number): KeyRange {
  const until = (n: number) => messageStretchKey({ from: from as Hlc, until: n as Hlc });
  return { first: until(LOWEST), last: until(HIGHEST) };
}

export function messageStretchOfKey(key: Buffer): MessageStretch {
  return { from: readI53(key, 1) as Hlc, until: readI53(key, 9) as Hlc };
}

export function messageCellKey(from: number, level: number, index: number): Buffer {
  const key = Buffer.allocUnsafe(18);
  key[0] = CELL;
  writeI53(key, 1, from);
  key[9] = level;
  writeI53(key, 10, index);
  return key;
}

export function messageCellsOf(from: number): KeyRange {
  return { first: messageCellKey(from, 0, LOWEST), last: messageCellKey(from, 0xff, HIGHEST) };
}

export function prunedKey(epochId: number): Buffer {
  return epochPrefix(PRUNED, epochId, 5);
}

export function allPruned(): KeyRange {
  return { first: prunedKey(0), last: prunedKey(0xffffffff) };
}

export function logsOfEpoch(epochId: number): KeyRange {
  return {
    first: epochPrefix(LOG, epochId, 5),
    last: Buffer.concat([epochPrefix(LOG, epochId, 5), Buffer.alloc(1, 0xff)]),
  };
}

export type SavedPart = "label" | "bytes";

export function savedKey(number: number, part: SavedPart): Buffer {
  const key = Buffer.allocUnsafe(10);
  key[0] = SAVED;
  writeI53(key, 1, number);
  key[9] = part === "label" ? 0 : 1;
  return key;
}

export function allSaved(): KeyRange {
  return { first: savedKey(LOWEST, "label"), last: savedKey(HIGHEST, "bytes") };
}

export function placeOfSavedKey(key: Buffer): {
  readonly number: number;
  readonly part: SavedPart;
} {
  return { number: readI53(key, 1), part: key[9] === 0 ? "label" : "bytes" };
}

/** The seq of the round that wrote a checkpoint. */
export function seqOfCheckpointKey(key: Buffer): number {
  return readI53(key, 5);
}

export { HIGHEST as HIGHEST_KEY_NUMBER, LOWEST as LOWEST_KEY_NUMBER };

function nameTail(text: string): { readonly isLong: boolean; readonly tail: Buffer } {
  const name = Buffer.from(text);
  const isLong = name.length > MAX_NAME_BYTES;
  return { isLong, tail: isLong ? createHash("sha256").update(name).digest() : name };
}

function epochPrefix(kind: number, epochId: number, bytes: number): Buffer {
  const key = Buffer.allocUnsafe(bytes);
  key[0] = kind;
  key.writeUInt32BE(epochId, 1);
  return key;
}

function writeI53(key: Buffer, offset: number, n: number): void {
  const high = Math.floor(n / TWO_32);
  key.writeUInt32BE(high + BIAS, offset);
  key.writeUInt32BE(n - high * TWO_32, offset + 4);
}

function readI53(key: Buffer, offset: number): number {
  return (key.readUInt32BE(offset) - BIAS) * TWO_32 + key.readUInt32BE(offset + 4);
}
