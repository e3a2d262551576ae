/**
 * What all keys are made of: the first byte, which tells the kind of record, numbers whose bytes are in
 * the order of the numbers, and names of any length.
 *
 *     i53    | floor(n / 2^32) + 2^21, 4 bytes | n mod 2^32, 4 bytes |     big-endian
 *
 * The bias puts negative stamps (imports, down to 1970) first.
 */
import { createHash } from "node:crypto";

export const EPOCH = 0x45;
export const LOG = 0x4c;
export const BATCH = 0x42;
export const SEQ = 0x53;
export const DIRECTORY = 0x44;
export const CHECKPOINT = 0x43;
export const CAPTURE = 0x4b;
export const MONITOR = 0x41;
export const BLOCK = 0x4e;
export const TILE = 0x54;
export const STRETCH = 0x4a;
export const CELL = 0x49;
export const PRUNED = 0x52;
export const SAVED = 0x50;
export const SIDE = 0x58;
export const VIOLATION = 0x56;
export const SLOW_MESSAGE = 0x4d;

/** LMDB takes 1,978 bytes; longer log names are stored under their hash. */
const MAX_NAME_BYTES = 1_024;
const TWO_32 = 2 ** 32;
const BIAS = 2 ** 21;
/** Lowest and highest number a key can hold. */
export const LOWEST: number = Number.MIN_SAFE_INTEGER;
export const HIGHEST: number = Number.MAX_SAFE_INTEGER;

/** Both ends of a walk; both are included unless said otherwise. */
export interface KeyRange {
  readonly first: Buffer;
  readonly last: Buffer;
}

/** How a key ends that names a log; a long name by its hash, which the byte before it must say. */
export function nameTail(text: string): { readonly isLong: boolean; readonly tail: Buffer } {
  const name = Buffer.from(text);
  const isLong = name.length > MAX_NAME_BYTES;
  return { isLong, tail: isLong ? createHash("sha256").update(name).digest() : name };
}

/** A key of so many bytes that begins with its kind and its epoch; the rest is yet to be written. */
export function epochPrefix(kind: number, epochId: number, bytes: number): Buffer {
  const key = Buffer.allocUnsafe(bytes);
  key[0] = kind;
  key.writeUInt32BE(epochId, 1);
  return key;
}

export function writeI53(key: Buffer, offset: number, n: number): void {
  const high = Math.floor(n / TWO_32);
  key.writeUInt32BE(high + BIAS, offset);
  key.writeUInt32BE(n - high * TWO_32, offset + 4);
}

export function readI53(key: Buffer, offset: number): number {
  return (key.readUInt32BE(offset) - BIAS) * TWO_32 + key.readUInt32BE(offset + 4);
}
