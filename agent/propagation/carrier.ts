/**
 * The carrier: how a stamp stands in the header `retroscope-hlc` of a message.
 *
 *     1-01a1fed6007b0a70-k3q.5f2-cart@host7-412
 *     | |                |   |   |
 *     | HLC, hex form    |   |   node id, last because it may hold hyphens
 *     version            |   seq of the send event, base 36
 *                        epoch, base 36
 *
 * Reading is strict: whatever is not exactly what `formatCarrier` could have written is malformed, so
 * that one stamp has one spelling. Headers come from anywhere, so nothing here throws, and the work on
 * a hostile header is bounded by four values of 128 bytes.
 *
 * Hot: bench `agent-propagate`; the slow and obvious twin stands in its test.
 */
import {
  formatUnixMs,
  type Hlc,
  isHlc,
  lowBits,
  TICK_ZERO_UNIX_MS,
  TICKS_PER_MS,
} from "../kernel/index.ts";
import type { Stamp } from "./recorder.ts";

/** The one name everywhere: HTTP header, Kafka header, gRPC metadata key. */
export const CARRIER_HEADER = "retroscope-hlc";

/** No valid carrier is longer. ASCII only, so characters are bytes. */
export const MAX_CARRIER_BYTES = 128;

/** Of a header that came several times only so many values are looked at. */
export const MAX_CARRIERS_READ = 4;

const MAX_NODE_LENGTH = 80;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const SPACE = 0x20;
const TAB = 0x09;
const HEX_START = 2; // after "1-"
const MS_DIGITS = 12;
const EPOCH_START = HEX_START + 16 + 1;

/** By character code: the digit's value, or 255. Lower-case only. */
const DIGIT: Uint8Array = digitTable();
/** By character code: 1 for what a node id may hold. */
const IN_NODE_ID: Uint8Array = nodeIdTable();
/** The four hex digits of each value of a stamp's low bits. */
const LOW_HEX: readonly string[] = Array.from({ length: TICKS_PER_MS }, (_, low) =>
  (low * 16).toString(16).padStart(4, "0"),
);

const PAIR = 36 * 36;
/** Numbers of one or two digits of base 36. */
const PAIRS: readonly string[] = Array.from({ length: PAIR }, (_, value) => value.toString(36));

// What did not change since the last stamp is not written anew: the millisecond, the epoch.
let lastMs = Number.NaN; // equal to nothing
let lastMsText = "";
let lastEpoch = Number.NaN;
let lastEpochText = "";
/** Node ids read lately: peers are few, and their names are kept with each receive. */
const KNOWN_NODES = 8;
const knownNodes: string[] = [];
let nextKnown = 0;

/**
 * The header's text for `stamp`. The node id must be one that agents may use (`AGENT_NODE_ID`).
 *
 * @example
 * formatCarrier({ t: parseTime("01a1fed6007b0a70", now), epoch: 26102, seq: 7022, node: "cart" });
 * // "1-01a1fed6007b0a70-k52.5f2-cart"
 */
export function formatCarrier(stamp: Stamp): string {
  const ms = Math.floor(stamp.t / TICKS_PER_MS);
  if (ms !== lastMs) {
    lastMs = ms;
    lastMsText = `1-${formatUnixMs(ms + TICK_ZERO_UNIX_MS)}`;
  }
  if (stamp.epoch !== lastEpoch) {
    lastEpoch = stamp.epoch;
    lastEpochText = `-${stamp.epoch.toString(36)}.`;
  }
  return `${lastMsText}${LOW_HEX[lowBits(stamp.t)]}${lastEpochText}${base36(stamp.seq)}-${stamp.node}`;
}

/** As `toString(36)`, which V8 does for any radix but ten and two digit by digit, through doubles. */
function base36(value: number): string {
  if (value >= PAIR * PAIR) return base36(Math.floor(value / PAIR)) + paddedPair(value % PAIR);
  if (value < PAIR) return PAIRS[value] as string;
  return (PAIRS[Math.floor(value / PAIR)] as string) + paddedPair(value % PAIR);
}

function paddedPair(value: number): string {
  const pair = PAIRS[value] as string;
  return value < 36 ? `0${pair}` : pair;
}

/** Reads one value; `undefined` if it is malformed or of a version not known here. Never throws. */
export function parseCarrier(text: string): Stamp | undefined {
  return parseBetween(text, 0, text.length);
}

/** What the values of one message's header say. */
export interface CarrierReading {
  /** The latest of the valid stamps; `undefined` where there is none. */
  readonly stamp: Stamp | undefined;
  /** How many of the values read were malformed. */
  readonly malformedCount: number;
}

/**
 * Reads a header's value, or the values of a header that came several times, joined by commas or not:
 * four at most, and the largest valid stamp wins, for merging it merges them all. Never throws.
 */
export function readCarrier(value: string | readonly string[]): CarrierReading {
  if (typeof value !== "string") return readSeveral(value);
  const stamp = parseBetween(value, 0, value.length);
  if (stamp !== undefined) return { stamp, malformedCount: 0 };
  return value.includes(",") ? readSeveral([value]) : { stamp, malformedCount: 1 };
}

function readSeveral(values: readonly string[]): CarrierReading {
  let largest: Stamp | undefined;
  let malformedCount = 0;
  let readCount = 0;
  for (const value of values) {
    let start = 0;
    while (start <= value.length && readCount < MAX_CARRIERS_READ) {
      const comma = value.indexOf(",", start);
      const end = comma < 0 ? value.length : comma;
      const stamp = parseBetween(value, start, end);
      readCount += 1;
      if (stamp === undefined) malformedCount += 1;
      else if (largest === undefined || stamp.t > largest.t) largest = stamp;
      start = end + 1;
    }
  }
  return { stamp: largest, malformedCount };
}

/** Parses text[from, to), blanks around it left out. */
function parseBetween(text: string, from: number, to: number): Stamp | undefined {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start)) && start - from < MAX_CARRIER_BYTES)
    start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1)) && to - end < MAX_CARRIER_BYTES) end -= 1;
  if (end - start > MAX_CARRIER_BYTES || end - start < EPOCH_START) return undefined;
  if (text.charCodeAt(start) !== 0x31 || text.charCodeAt(start + 1) !== HYPHEN) return undefined;

  const t = parseStamp(text, start + HEX_START);
  if (t === undefined || text.charCodeAt(start + EPOCH_START - 1) !== HYPHEN) return undefined;

  const epochStart = start + EPOCH_START;
  const epochEnd = digitsEnd(text, epochStart, end);
  const epoch = parseBase36(text, epochStart, epochEnd);
  if (epoch < 0 || text.charCodeAt(epochEnd) !== DOT) return undefined;

  const seqEnd = digitsEnd(text, epochEnd + 1, end);
  const seq = parseBase36(text, epochEnd + 1, seqEnd);
  if (seq < 1 || text.charCodeAt(seqEnd) !== HYPHEN) return undefined;

  const node = parseNode(text, seqEnd + 1, end);
  return node === undefined ? undefined : { t, epoch, seq, node };
}

/** The node id in text[start, end). Not a slice of the header, which would be kept in memory with it. */
function parseNode(text: string, start: number, end: number): string | undefined {
  if (end <= start || end - start > MAX_NODE_LENGTH) return undefined;
  for (const known of knownNodes) {
    if (known.length === end - start && text.startsWith(known, start)) return known;
  }
  for (let i = start; i < end; i += 1) {
    if (IN_NODE_ID[text.charCodeAt(i)] !== 1) return undefined;
  }
  const node = ` ${text.slice(start, end)}`.slice(1);
  knownNodes[nextKnown] = node;
  nextKnown = (nextKnown + 1) % KNOWN_NODES;
  return node;
}

/** The hex form as `parseHlc` reads it, in lower case only; without making strings. */
function parseStamp(text: string, start: number): Hlc | undefined {
  let ms = 0;
  for (let i = start; i < start + MS_DIGITS; i += 1) {
    const digit = DIGIT[text.charCodeAt(i)] ?? 255;
    if (digit > 15) return undefined;
    ms = ms * 16 + digit;
  }
  let counter = 0;
  for (let i = start + MS_DIGITS; i < start + 16; i += 1) {
    const digit = DIGIT[text.charCodeAt(i)] ?? 255;
    if (digit > 15) return undefined;
    counter = counter * 16 + digit;
  }
  // A foreign stamp that uses the low 4 bits is rounded up, so that order is kept.
  const t = (ms - TICK_ZERO_UNIX_MS) * TICKS_PER_MS + Math.ceil(counter / 16);
  return isHlc(t) ? t : undefined;
}

/** The first index at or after `start` that holds no base 36 digit. */
function digitsEnd(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && (DIGIT[text.charCodeAt(i)] ?? 255) < 36) i += 1;
  return i;
}

/** The number in text[start, end), or -1: empty, with a leading zero, or not a safe integer. */
function parseBase36(text: string, start: number, end: number): number {
  if (end <= start || end - start > 11) return -1;
  if (end - start > 1 && text.charCodeAt(start) === 0x30) return -1;
  let value = 0;
  for (let i = start; i < end; i += 1) value = value * 36 + (DIGIT[text.charCodeAt(i)] ?? 0);
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function digitTable(): Uint8Array {
  const table = new Uint8Array(128).fill(255);
  for (let i = 0; i < 36; i += 1) table[i.toString(36).charCodeAt(0)] = i;
  return table;
}

function nodeIdTable(): Uint8Array {
  const table = new Uint8Array(128);
  const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@-";
  for (const character of allowed) table[character.charCodeAt(0)] = 1;
  return table;
}
