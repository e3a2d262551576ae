/**
 * The envelope around every record on disk. LMDB has no checksums: a flipped bit would be served.
 *
 *     | version 1 | kind 1 | 0 2 | payload length 4 | crc32 4 | payload ... |
 *
 * The checksum covers the record's key, the first eight bytes and the payload: a record that stands
 * under another record's key is as damaged as one with a flipped bit. It is checked at every read.
 * zlib's CRC-32 is used because Node has it in native code (about 2 GB/s here); the batches inside
 * carry their own checksum (CRC-32C, wire.ts) from the agent on.
 */
import { crc32 } from "node:zlib";
import type { EpochRecord, LogRecord } from "./history-store.ts";

export const RECORD_VERSION = 1;
export const ENVELOPE_BYTES = 12;
const CRC_AT = 8;

/** Wraps a payload, given in parts, for the place `key`. */
export function sealRecord(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const record = Buffer.allocUnsafe(ENVELOPE_BYTES + length);
  record[0] = RECORD_VERSION;
  record[1] = key[0] ?? 0;
  record.writeUInt16LE(0, 2);
  record.writeUInt32LE(length, 4);
  let offset = ENVELOPE_BYTES;
  for (const part of parts) {
    record.set(part, offset);
    offset += part.length;
  }
  record.writeUInt32LE(checksum(key, record), CRC_AT);
  return record;
}

/** The payload of a record read from the place `key`; undefined if it is damaged. */
export function openRecord(key: Uint8Array, record: Buffer): Buffer | undefined {
  if (record.length < ENVELOPE_BYTES) return undefined;
  if (record[0] !== RECORD_VERSION || record[1] !== key[0]) return undefined;
  if (record.readUInt32LE(4) !== record.length - ENVELOPE_BYTES) return undefined;
  if (record.readUInt32LE(CRC_AT) !== checksum(key, record)) return undefined;
  return record.subarray(ENVELOPE_BYTES);
}

function checksum(key: Uint8Array, record: Buffer): number {
  const head = crc32(record.subarray(0, CRC_AT), crc32(key));
  return crc32(record.subarray(ENVELOPE_BYTES), head);
}

/** A batch's payload: arrival, then the wire bytes. */
export const BATCH_PREFIX_BYTES = 8;

export function batchPrefix(arrivalMs: number): Buffer {
  const prefix = Buffer.allocUnsafe(BATCH_PREFIX_BYTES);
  prefix.writeDoubleLE(arrivalMs);
  return prefix;
}

/**
 * An epoch record as JSON, without its logs: it is rewritten with every write, so it is kept small.
 * A log has a record of its own, written when something happened to it.
 */
export function encodeEpoch(record: EpochRecord): Buffer {
  const { logs, ...rest } = record;
  return Buffer.from(JSON.stringify({ ...rest, logCount: Object.keys(logs).length }));
}

/** Names that agents chose become keys of objects without a prototype. Format 1 had logs in here. */
export function decodeEpoch(payload: Buffer): EpochRecord {
  const { logCount: _, ...record } = JSON.parse(payload.toString()) as StoredEpoch;
  return { ...record, tags: plain(record.tags), logs: plain(record.logs ?? {}) };
}

/** How many records of logs belong to an epoch; undefined: it was written before that was said. */
export function logCountOf(payload: Buffer): number | undefined {
  return (JSON.parse(payload.toString()) as StoredEpoch).logCount;
}

type StoredEpoch = EpochRecord & { readonly logCount?: number };

export function encodeLog(log: string, { firstT, lastT, changeCount }: LogRecord): Buffer {
  return Buffer.from(JSON.stringify([log, firstT, lastT, changeCount]));
}

export function decodeLog(payload: Buffer): readonly [log: string, record: LogRecord] {
  const [log, firstT, lastT, changeCount] = JSON.parse(payload.toString());
  return [log, { firstT, lastT, changeCount }];
}

function plain<T>(object: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  const copy = Object.create(null) as Record<string, T>;
  for (const [key, value] of Object.entries(object)) copy[key] = value;
  return copy;
}

/** A directory's payload: seq, then the cut engine's bytes. */
export function encodeSeq(seq: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(seq);
  return bytes;
}

export function decodeDirectory(payload: Buffer): { seq: number; bytes: Buffer } {
  return { seq: payload.readDoubleLE(0), bytes: payload.subarray(8) };
}
