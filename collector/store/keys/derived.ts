/** Keys of full states, and of what the timeline counted. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import {
  CHECKPOINT,
  DIRECTORY,
  epochPrefix,
  type KeyRange,
  nameTail,
  readI53,
  TILE,
  writeI53,
} from "./bytes.ts";

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

/** The seq of the round that wrote a checkpoint. */
export function seqOfCheckpointKey(key: Buffer): number {
  return readI53(key, 5);
}

/** Checkpoints of an epoch with this seq or a later one. */
export function checkpointsFrom(epochId: number, seq: number): KeyRange {
  const first = epochPrefix(CHECKPOINT, epochId, 13);
  writeI53(first, 5, seq);
  const last = Buffer.alloc(13, 0xff);
  epochPrefix(CHECKPOINT, epochId, 5).copy(last);
  return { first, last };
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
