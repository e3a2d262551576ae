/**
 * A batch's header on the wire, after the frame's prelude (drawn in wire.ts).
 *
 *     node, service         length, UTF-8
 *     epoch, firstSeq       varints
 *     count                 varint; lastSeq = firstSeq + count - 1
 *     closed                double (a stamp may need 54 bits and a sign)
 *     firstT, lastT         doubles; absent if count is 0
 *     dropped               count, then each range:
 *         firstSeq, lastSeq - firstSeq      varints
 *         firstT, lastT                     doubles
 *         reason                            byte
 *         flags                             bit 0: messages, bit 1: logs named
 *         logs                              count, (length, UTF-8)...
 *     status                length, JSON text as JSON.stringify makes it; length 0: null
 */
import { type BatchHeader, DROP_REASONS, type LostRange } from "./batch.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { type Hlc, isHlc } from "./hlc.ts";
import type { Json } from "./value.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";
import { readCount } from "./wire-values.ts";

const MESSAGES = 1;
const LOGS_NAMED = 2;

/** @throws RetroError `bad-batch`, `too-large` */
export function writeHeader(out: ByteWriter, header: BatchHeader): void {
  const count = header.lastSeq - header.firstSeq + 1;
  checkHeader(header, count);
  writeText(out, "bytes of a node id", header.node, WIRE_LIMITS.nodeBytes);
  writeText(out, "bytes of a service", header.service, WIRE_LIMITS.nameBytes);
  out.varint(header.epoch);
  out.varint(header.firstSeq);
  out.varint(count);
  out.float64(header.closed);
  if (count > 0) {
    out.float64(header.firstT);
    out.float64(header.lastT);
  }
  checkLimit("lost ranges", header.dropped.length, WIRE_LIMITS.lostRanges);
  out.varint(header.dropped.length);
  let before = 0;
  for (const range of header.dropped) {
    checkLostRange(range, before);
    writeLostRange(out, range);
    before = range.lastSeq;
  }
  const status = header.status === null ? "" : JSON.stringify(header.status);
  readStatus(status); // what is written can be read
  writeText(out, "bytes of a status", status, WIRE_LIMITS.statusBytes);
}

export function readHeader(reader: ByteReader, imported: boolean): BatchHeader {
  const node = reader.lengthAndText("a node id", WIRE_LIMITS.nodeBytes);
  const service = reader.lengthAndText("a service", WIRE_LIMITS.nameBytes);
  const epoch = reader.varint();
  const firstSeq = reader.varint();
  const count = reader.varint();
  checkLimit("events in a batch", count, WIRE_LIMITS.events);
  const closed = reader.float64() as Hlc;
  const firstT = count > 0 ? (reader.float64() as Hlc) : closed;
  const lastT = count > 0 ? (reader.float64() as Hlc) : closed;
  const ranges = readCount(reader);
  checkLimit("lost ranges", ranges, WIRE_LIMITS.lostRanges);
  const dropped: LostRange[] = [];
  let before = 0;
  for (let i = 0; i < ranges; i += 1) {
    const range = readLostRange(reader);
    checkLostRange(range, before);
    before = range.lastSeq;
    dropped.push(range);
  }
  const statusText = reader.lengthAndText("a status", WIRE_LIMITS.statusBytes);
  const header: BatchHeader = {
    node,
    epoch,
    service,
    firstSeq,
    lastSeq: firstSeq + count - 1,
    firstT,
    lastT,
    closed,
    dropped,
    imported,
    status: readStatus(statusText),
  };
  checkHeader(header, count);
  return header;
}

/** What must hold of every header, written or read. */
function checkHeader(header: BatchHeader, count: number): void {
  const { node, epoch, firstSeq, lastSeq, firstT, lastT, closed } = header;
  if (node === "") badBatch("no node id");
  if (!Number.isSafeInteger(epoch) || epoch < 0) badBatch("an epoch that is no whole number");
  if (!Number.isSafeInteger(firstSeq) || firstSeq < 1) badBatch("firstSeq below 1");
  if (!Number.isSafeInteger(lastSeq) || count < 0) badBatch("lastSeq out of range");
  checkLimit("events in a batch", count, WIRE_LIMITS.events);
  checkStamp(firstT);
  checkStamp(lastT);
  checkStamp(closed);
  if (firstT > lastT || lastT > closed) badBatch("closed, lastT and firstT out of order");
  if (count === 0 && firstT !== closed) badBatch("an empty batch with times of its own");
}

/** A stamp has one form: minus zero is none. */
export function checkStamp(t: number): void {
  if (!isHlc(t) || Object.is(t, -0)) badBatch("a time that is no stamp");
}

function checkLostRange(range: LostRange, before: number): void {
  const { firstSeq, lastSeq, firstT, lastT } = range;
  if (!Number.isSafeInteger(firstSeq) || !Number.isSafeInteger(lastSeq)) {
    badBatch("a lost range without seqs");
  }
  if (firstSeq <= before || lastSeq < firstSeq) badBatch("lost ranges out of order");
  checkStamp(firstT);
  checkStamp(lastT);
  if (lastT < firstT) badBatch("a lost range that ends before it begins");
}

function writeLostRange(out: ByteWriter, range: LostRange): void {
  out.varint(range.firstSeq);
  out.varint(range.lastSeq - range.firstSeq);
  out.float64(range.firstT);
  out.float64(range.lastT);
  const reason = DROP_REASONS.indexOf(range.reason);
  if (reason < 0) badBatch(`the drop reason ${range.reason}`);
  out.byte(reason);
  out.byte((range.messages ? MESSAGES : 0) | (range.logs === null ? 0 : LOGS_NAMED));
  if (range.logs === null) return;
  checkLimit("logs of a lost range", range.logs.length, WIRE_LIMITS.lostLogs);
  out.varint(range.logs.length);
  for (const log of range.logs) writeText(out, "bytes of a log", log, WIRE_LIMITS.nameBytes);
}

function readLostRange(reader: ByteReader): LostRange {
  const firstSeq = reader.varint();
  const lastSeq = firstSeq + reader.varint();
  const firstT = reader.float64() as Hlc;
  const lastT = reader.float64() as Hlc;
  const reason = DROP_REASONS[reader.byte()] ?? badBatch("an unknown drop reason");
  const flags = reader.byte();
  if (flags > (MESSAGES | LOGS_NAMED)) badBatch("unknown flags of a lost range");
  const logs = (flags & LOGS_NAMED) === 0 ? null : readLogs(reader);
  return { firstSeq, lastSeq, firstT, lastT, logs, messages: (flags & MESSAGES) !== 0, reason };
}

function readLogs(reader: ByteReader): string[] {
  const count = readCount(reader);
  checkLimit("logs of a lost range", count, WIRE_LIMITS.lostLogs);
  const logs: string[] = [];
  for (let i = 0; i < count; i += 1) {
    logs.push(reader.lengthAndText("a log", WIRE_LIMITS.nameBytes));
  }
  return logs;
}

function writeText(out: ByteWriter, what: string, text: string, limit: number): void {
  checkLimit(what, out.lengthAndText(text), limit);
}

/** JSON in the one form that we write it in: 1e999, or a key twice, would come back as another. */
function readStatus(text: string): Json | null {
  if (text === "") return null;
  let status: Json;
  try {
    status = JSON.parse(text) as Json;
  } catch {
    return badBatch("a status that is not JSON");
  }
  if (status === null || JSON.stringify(status) !== text) badBatch("a status in another form");
  return withoutPrototypes(status, 0);
}

function withoutPrototypes(json: Json, depth: number): Json {
  if (json === null || typeof json !== "object") return json;
  if (depth === WIRE_LIMITS.valueDepth) badBatch("a status too deep");
  if (Array.isArray(json)) return json.map((item) => withoutPrototypes(item, depth + 1));
  const copy = Object.create(null) as { [key: string]: Json };
  for (const [key, value] of Object.entries(json)) copy[key] = withoutPrototypes(value, depth + 1);
  return copy;
}
