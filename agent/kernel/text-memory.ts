/**
 * Short texts, remembered by their bytes: a node sends the same names batch after batch, and to make
 * a string anew costs more than to find the one made before. Hot: bench `wire`.
 *
 * Direct-mapped: a hash of the bytes names the one slot where a text may be; a stranger there is
 * replaced. That also means that readers see one string where they would see many equal ones, each
 * holding on to memory. Bounded: SLOTS texts of at most MAX_BYTES.
 */
import { decodeText } from "./byte-reader.ts";

const SLOTS = 4_096;
const MAX_BYTES = 48;

const textIn: string[] = new Array<string>(SLOTS).fill("");
const bytesIn = new Uint8Array(SLOTS * MAX_BYTES);
const lengthIn = new Uint8Array(SLOTS);

/** A hash of `bytes[start, end)`; of what is too long to be remembered, only the length. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  if (hash > MAX_BYTES) return hash;
  for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ (bytes[i] as number), 0x0100_0193);
  return hash ^ (hash >>> 15);
}

/**
 * The text of `bytes[start, end)`, whose `hashOf` is `hash`.
 * @throws RetroError `bad-batch` if it is not UTF-8
 */
export function rememberedText(
  bytes: Uint8Array,
  start: number,
  end: number,
  hash: number,
): string {
  const length = end - start;
  if (length > MAX_BYTES) return decodeText(bytes, start, end);
  const slot = hash & (SLOTS - 1);
  const base = slot * MAX_BYTES;
  if (lengthIn[slot] === length) {
    let i = 0;
    while (i < length && bytes[start + i] === bytesIn[base + i]) i += 1;
    if (i === length) return textIn[slot] as string;
  }
  const text = makeText(bytes, start, end);
  for (let i = 0; i < length; i += 1) bytesIn[base + i] = bytes[start + i] as number;
  lengthIn[slot] = length;
  textIn[slot] = text;
  return text;
}

/** ASCII is made without the fixed cost of a decoder. */
function makeText(bytes: Uint8Array, start: number, end: number): string {
  let any = 0;
  for (let i = start; i < end; i += 1) any |= bytes[i] as number;
  if (any >= 0x80) return decodeText(bytes, start, end);
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
}
