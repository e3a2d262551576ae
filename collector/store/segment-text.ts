/**
 * Names and texts inside blocks: lists of sorted keys, and bytes that are deflated where it pays.
 *
 *     packed    length of the content, varint | length stored, varint; 0: as it is | bytes
 *     keys      count | packed: (characters shared with the key before 1 | rest, length and UTF-8)...
 *
 * A key is shared by UTF-16 units, at most 255. Which list it is can be told from its hash, without
 * unpacking: most blocks of a log have the same list as the block before.
 */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { ByteReader, ByteWriter } from "../../agent/kernel/index.ts";
import { damagedBlock } from "./segment-damage.ts";

/** Work that may be paused at each `yield`. */
export type Steps<Answer> = Generator<void, Answer, void>;

/** Less is not worth a try. */
const MIN_DEFLATED_BYTES = 48;
/** More than this is written fast; and much more as it is, so that nobody waits for it. */
const THOROUGH_BYTES: number = 64 * 1024;
const MAX_DEFLATED_BYTES: number = 4 * 1024 * 1024;
/** So much is deflated in one step: 1 to 3 ms. */
const PIECE_BYTES: number = 64 * 1024;
/** So many keys are sorted, or written, in one step. */
export const KEYS_PER_STEP = 1_024;
/** What stands in a record is shorter. */
const MAX_PACKED_BYTES = 0x7fff_ffff;
const MAX_KEY_BYTES = 0xffff_ffff;
const MAX_SHARED = 255;
const THOROUGH_LEVEL = 6;
const FAST_LEVEL = 1;

/**
 * Writes bytes, deflated if that makes them smaller by a tenth at least. Pauses after each 64 KiB: what is
 * flushed in full ends at a byte, so the pieces one after the other are what inflates in one go.
 */
export function* packedSteps(out: ByteWriter, content: Uint8Array): Steps<void> {
  const { length } = content;
  out.varint(length);
  const isTried = length >= MIN_DEFLATED_BYTES && length <= MAX_DEFLATED_BYTES;
  const level = length > THOROUGH_BYTES ? FAST_LEVEL : THOROUGH_LEVEL;
  const deflated = isTried ? yield* deflatedInPieces(content, level) : content;
  if (deflated.length > content.length * 0.9) {
    out.varint(0);
    out.raw(content);
  } else {
    out.varint(deflated.length);
    out.raw(deflated);
  }
}

/** The same without pauses. */
export function writePacked(out: ByteWriter, content: Uint8Array): void {
  takeAll(packedSteps(out, content));
}

function takeAll(steps: Steps<void>): void {
  while (steps.next().done !== true) {
    // Asking for the next step does it.
  }
}

function* deflatedInPieces(content: Uint8Array, level: number): Steps<Uint8Array> {
  if (content.length <= PIECE_BYTES) return deflateRawSync(content, { level });
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < content.length; start += PIECE_BYTES) {
    const piece = content.subarray(start, start + PIECE_BYTES);
    const isLast = start + PIECE_BYTES >= content.length;
    const finishFlush = isLast ? constants.Z_FINISH : constants.Z_FULL_FLUSH;
    pieces.push(deflateRawSync(piece, { level, finishFlush }));
    if (!isLast) yield;
  }
  return Buffer.concat(pieces);
}

/** The bytes that `packedSteps` was given; a view where they are stored as they are. */
export function readPacked(reader: ByteReader): Uint8Array {
  const length = reader.varint();
  const stored = reader.varint();
  if (length > (stored === 0 ? MAX_PACKED_BYTES : MAX_DEFLATED_BYTES)) {
    damagedBlock("an impossible length");
  }
  const size = stored === 0 ? length : stored;
  reader.need(size);
  const bytes = reader.bytes.subarray(reader.pos, reader.pos + size);
  reader.pos += size;
  if (stored === 0) return bytes;
  const content = inflate(bytes, length);
  return content.length === length ? content : damagedBlock("text of another length");
}

/** Passes over what `packedSteps` wrote. */
export function skipPacked(reader: ByteReader): void {
  const length = reader.varint();
  const stored = reader.varint();
  const size = stored === 0 ? length : stored;
  reader.need(size);
  reader.pos += size;
}

function inflate(bytes: Uint8Array, length: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(1, length) });
  } catch {
    return damagedBlock("text that cannot be inflated");
  }
}

/** Writes sorted keys; pauses after each thousand, so its scratch is its own. */
export function* keySteps(out: ByteWriter, keys: readonly string[]): Steps<void> {
  const scratch = new ByteWriter();
  let before = "";
  for (const [index, key] of keys.entries()) {
    if (index > 0 && index % KEYS_PER_STEP === 0) yield;
    let shared = 0;
    const most = Math.min(before.length, key.length, MAX_SHARED);
    while (shared < most && before.charCodeAt(shared) === key.charCodeAt(shared)) shared += 1;
    // Never between the halves of a character.
    if (shared > 0 && isHighHalf(key.charCodeAt(shared - 1))) shared -= 1;
    scratch.byte(shared);
    scratch.lengthAndText(key.slice(shared));
    before = key;
  }
  out.varint(keys.length);
  yield* packedSteps(out, scratch.bytes.subarray(0, scratch.pos));
}

/** The same without pauses. */
export function writeKeys(out: ByteWriter, keys: readonly string[]): void {
  takeAll(keySteps(out, keys));
}

function isHighHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

/** The keys that `keySteps` was given. */
export function readKeys(reader: ByteReader): string[] {
  const count = reader.varint();
  const content = new KeyTexts(readPacked(reader));
  content.reader.need(count * 2);
  const keys: string[] = [];
  let before = "";
  for (let i = 0; i < count; i += 1) {
    const shared = content.reader.byte();
    if (shared > before.length) damagedBlock("a key that shares more than there is");
    before = before.slice(0, shared) + content.next();
    keys.push(before);
  }
  if (content.reader.remaining > 0) damagedBlock("keys that are left over");
  return keys;
}

/**
 * Keys among bytes, each with its length before it. To decode each by itself costs more than all else of
 * reading a list; names are mostly ASCII, and then all are cut out of one string.
 */
export class KeyTexts {
  readonly reader: ByteReader;
  /** All of the bytes as text; undefined: some are not ASCII. */
  readonly #text: string | undefined;

  constructor(bytes: Uint8Array) {
    this.reader = new ByteReader(bytes);
    this.#text = asciiText(bytes);
  }

  /** The key here. */
  next(): string {
    const { reader } = this;
    if (this.#text === undefined) return reader.lengthAndText("a key", MAX_KEY_BYTES);
    const length = reader.varint();
    reader.need(length);
    const start = reader.pos;
    reader.pos += length;
    return this.#text.slice(start, start + length);
  }
}

function asciiText(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; i += 1) if ((bytes[i] as number) > 0x7f) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
