/**
 * The wire format of batches, version 1: columnar, checksummed, length-limited, self-framing.
 * Hot: bench `wire`. Batches in memory are in batch.ts; limits are in wire-limits.ts.
 *
 *     offset                                                       integers little-endian
 *     0        89 'R' 'S' 'B'       never the start of a text
 *     4        version              1
 *     5        flags                bit 0: imported; 1: side blocks; 2: requests with all their times;
 *     6        0 0                  the others, and these two bytes, are 0 until a later writer needs them
 *     8        length               of all of it, checksum included (32 bits)
 *     12       header               node, epoch, seqs, times, lost ranges, status   wire-header.ts
 *              side blocks          load, latencies, resources; if flagged                 wire-side.ts
 *              string table         each name and text once                        wire-strings.ts
 *              variables            what changes point at                          wire-variables.ts
 *              columns              kinds, times, refs, values of changes          wire-columns.ts
 *              sends, receives      columns of their own                           wire-messages.ts
 *              requests             columns of their own                           wire-requests.ts
 *              the rest             mark, keyframe, join, leave, in event order    wire-rare.ts
 *     length-4 checksum             CRC-32C of all bytes before                    crc32c.ts
 *
 * Frames may follow each other in one body: `splitFrames`. Magic, version and length keep their
 * places in every later version, so that a collector can say what it does not understand.
 *
 * What one writer writes, every reader reads or refuses: whole, by a RetroError, before it has
 * allocated more than the bytes at hand can fill. Most numbers have one form only. A reader is
 * given nothing that breaks a rule of batch.ts: t never falls, refs are in range, `closed >= lastT`.
 */
import {
  type Batch,
  type BatchHeader,
  type EventBody,
  type EventColumns,
  NO_EVENTS,
} from "./batch.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { crc32c } from "./crc32c.ts";
import { RetroError } from "./errors.ts";
import { EVENT_KINDS, KindCode } from "./event.ts";
import type { SideBlock } from "./side-block.ts";
import { readColumns, writeColumns } from "./wire-columns.ts";
import { readHeader, writeHeader } from "./wire-header.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";
import { readReceives, readSends, writeReceives, writeSends } from "./wire-messages.ts";
import { readRare, writeRare } from "./wire-rare.ts";
import { isTimedRequest, readRequestTimes, writeRequestTimes } from "./wire-request-times.ts";
import { readRequests, writeRequests } from "./wire-requests.ts";
import { readSideBlocks, writeSideBlocks } from "./wire-side.ts";
import { StringTable, StringTableWriter } from "./wire-strings.ts";
import { LAST_CHANGE_CODE } from "./wire-variables.ts";

/** The version that `encodeBatch` writes; `decodeBatch` reads it and all before it. */
export const WIRE_VERSION = 1;

const MAGIC = 0x42_53_52_89; // 89 'R' 'S' 'B', read little-endian
const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const LENGTH_OFFSET = 8;
const IMPORTED = 1;
const SIDE_BLOCKS = 2;
const TIMED_REQUESTS = 4;
const KNOWN_FLAGS = IMPORTED | SIDE_BLOCKS | TIMED_REQUESTS;

// Scratch, used within one call and never across.
const head = new ByteWriter();
const body = new ByteWriter();
const texts = new ByteWriter();
const strings = new StringTableWriter();

/**
 * The bytes of a batch, in a new array. Texts that UTF-8 cannot say (lone surrogates) are written
 * with U+FFFD; durations as whole microseconds; variables that no change names are left out.
 * @throws RetroError `too-large` (split it), `bad-batch` (it breaks a rule of batch.ts)
 * @example
 * const builder = new BatchBuilder();
 * builder.change(t, KindCode.set, "stock", "apples", 12);
 * const bytes = encodeBatch(builder.build({ node: "n1", service: "shop", epoch: 1, firstSeq: 1, closed: t }));
 */
export function encodeBatch(batch: Batch): Uint8Array {
  const { header, events } = batch;
  const sideBlocks = batch.sideBlocks ?? [];
  const isTimed = events.bodies.some(isTimedRequest);
  if (events.count !== header.lastSeq - header.firstSeq + 1) badBatch("seqs that do not count");
  try {
    head.uint32(MAGIC);
    head.byte(WIRE_VERSION);
    head.byte(
      (header.imported ? IMPORTED : 0) |
        (sideBlocks.length > 0 ? SIDE_BLOCKS : 0) |
        (isTimed ? TIMED_REQUESTS : 0),
    );
    head.byte(0);
    head.byte(0);
    head.uint32(0); // the length, known at the end
    writeHeader(head, header);
    if (sideBlocks.length > 0) writeSideBlocks(head, sideBlocks);
    if (events.count > 0) {
      if (events.t[0] !== header.firstT) badBatch("firstT is not the first event's");
      if (events.t[events.count - 1] !== header.lastT) badBatch("lastT is not the last event's");
      writeColumns(body, strings, events);
      writeBodies(events, header.firstSeq, isTimed);
      strings.writeTo(head, texts);
    }
    return joinFrame();
  } finally {
    head.clear();
    body.clear();
    texts.clear();
    strings.clear();
  }
}

function joinFrame(): Uint8Array {
  const length = head.pos + body.pos + CHECKSUM_BYTES;
  checkLimit("bytes of a batch", length, WIRE_LIMITS.frameBytes);
  const frame = new Uint8Array(length);
  frame.set(head.bytes.subarray(0, head.pos));
  frame.set(body.bytes.subarray(0, body.pos), head.pos);
  const view = new DataView(frame.buffer);
  view.setUint32(LENGTH_OFFSET, length, true);
  view.setUint32(length - CHECKSUM_BYTES, crc32c(frame, 0, length - CHECKSUM_BYTES), true);
  return frame;
}

function writeBodies(events: EventColumns, firstSeq: number, isTimed: boolean): void {
  const at = groupByKind(events);
  for (const i of at.all) {
    if (events.bodies[events.ref[i] as number]?.kind !== EVENT_KINDS[events.kind[i] as number]) {
      badBatch("an event whose body is of another kind");
    }
  }
  writeSends(body, strings, events, at.sends, firstSeq);
  writeReceives(body, strings, events, at.receives);
  writeRequests(body, strings, events, at.requests);
  if (isTimed) writeRequestTimes(body, strings, events, at.requests);
  writeRare(body, strings, events, at.rare);
}

/**
 * The batch in `bytes`, which must hold one frame and nothing more. No object is made per change.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function decodeBatch(bytes: Uint8Array): Batch {
  const reader = openFrame(bytes);
  const { header, isTimed, ...side } = readHead(reader, bytes[5] as number);
  const count = header.lastSeq - header.firstSeq + 1;
  if (count === 0) {
    if (reader.remaining > 0) badBatch("bytes after its end");
    if (isTimed) badBatch("times of requests that are not there");
    return { header, events: NO_EVENTS, ...side };
  }
  const table = StringTable.read(reader);
  const events = readColumns(reader, table, count, header.firstT, header.lastT);
  const into: EventBody[] = events.bodies;
  const at = groupByKind(events);
  readSends(reader, table, into, events, at.sends, header.firstSeq);
  readReceives(reader, table, into, events, at.receives);
  readRequests(reader, table, into, events, at.requests);
  if (isTimed) readRequestTimes(reader, table, into, events, at.requests);
  readRare(reader, table, into, events, at.rare);
  if (reader.remaining > 0) badBatch("bytes after its end");
  return { header, events, ...side };
}

/**
 * Only the header: the checksum is verified, the events are not looked at.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function decodeHeader(bytes: Uint8Array): BatchHeader {
  return readHeader(openFrame(bytes), isImported(bytes[5] as number));
}

/**
 * Only the side blocks: the checksum is verified, the events are not looked at. Their bytes are copies.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function decodeSideBlocks(bytes: Uint8Array): readonly SideBlock[] {
  return readHead(openFrame(bytes), bytes[5] as number).sideBlocks ?? [];
}

interface Head extends Pick<Batch, "header" | "sideBlocks"> {
  readonly isTimed: boolean;
}

function readHead(reader: ByteReader, flags: number): Head {
  const header = readHeader(reader, isImported(flags));
  const isTimed = (flags & TIMED_REQUESTS) !== 0;
  if ((flags & SIDE_BLOCKS) === 0) return { header, isTimed };
  return { header, isTimed, sideBlocks: readSideBlocks(reader) };
}

function isImported(flags: number): boolean {
  return (flags & IMPORTED) !== 0;
}

/**
 * The frames of a request body, one after the other, as views into it. Only magic and lengths are
 * looked at: `decodeBatch` verifies each. An empty body has none.
 * @throws RetroError `bad-batch`, `too-large`
 */
export function splitFrames(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let start = 0;
  while (start < bytes.length) {
    const length = frameLength(bytes.subarray(start));
    checkLimit("batches in one body", frames.length + 1, WIRE_LIMITS.framesPerBody);
    frames.push(bytes.subarray(start, start + length));
    start += length;
  }
  return frames;
}

/** The length of the frame that `bytes` begin with; refuses what is none, or not all there. */
function frameLength(bytes: Uint8Array): number {
  if (bytes.length < PRELUDE_BYTES + CHECKSUM_BYTES) badBatch("it ends too early");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) badBatch("it does not begin like one");
  const length = view.getUint32(LENGTH_OFFSET, true);
  checkLimit("bytes of a batch", length, WIRE_LIMITS.frameBytes);
  if (length < PRELUDE_BYTES + CHECKSUM_BYTES) badBatch("an impossible length");
  if (length > bytes.length) badBatch("it ends too early");
  return length;
}

function openFrame(bytes: Uint8Array): ByteReader {
  const length = frameLength(bytes);
  const version = bytes[4] as number;
  if (version !== WIRE_VERSION) unsupported(`version ${version}`);
  if (length !== bytes.length) badBatch("bytes after its end");
  const end = length - CHECKSUM_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(end, true) !== crc32c(bytes, 0, end)) badBatch("its checksum is wrong");
  const isKnown = (bytes[5] as number) <= KNOWN_FLAGS && bytes[6] === 0 && bytes[7] === 0;
  if (!isKnown) unsupported("flags of a later version");
  return new ByteReader(bytes, PRELUDE_BYTES, end);
}

function unsupported(what: string): never {
  throw new RetroError("unsupported-version", `a batch with ${what}, which is not known here`, {
    hint: `This side reads version ${WIRE_VERSION}. Use agents and collectors of one major version.`,
    details: { versions: [WIRE_VERSION] },
  });
}

interface KindGroups {
  readonly all: number[];
  readonly sends: number[];
  readonly receives: number[];
  readonly requests: number[];
  readonly rare: number[];
}

/** Indexes of the events that are not changes, by how they travel. */
function groupByKind({ count, kind }: EventColumns): KindGroups {
  const groups: KindGroups = { all: [], sends: [], receives: [], requests: [], rare: [] };
  for (let i = 0; i < count; i += 1) {
    const code = kind[i] as number;
    if (code <= LAST_CHANGE_CODE) continue;
    groups.all.push(i);
    if (code === KindCode.send) groups.sends.push(i);
    else if (code === KindCode.receive) groups.receives.push(i);
    else if (code === KindCode.request) groups.requests.push(i);
    else groups.rare.push(i);
  }
  return groups;
}
