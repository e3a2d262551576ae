/**
 * Damage, seeded: to bytes with a structure, and to texts. Random bytes fall at the first check (99 % of
 * them, measured), so valid inputs are damaged a little, and what carries a checksum is sealed again.
 */
import { crc32c } from "#dist/agent/kernel/index.js";
import { seededRandom } from "../agent/seeded.mjs";

/** Numbers at which decoders go wrong: ends of varints, signs, counts that are too large. */
const SPECIAL = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const MAX_LENGTH = 1024 * 1024 - 1;

/** Texts at which readers go wrong. */
export const HOSTILE_TEXTS = [
  "",
  " ",
  "0",
  "-0",
  "-1",
  "1e999",
  "NaN",
  "Infinity",
  "9007199254740993",
  "99999999999999999999999999",
  "null",
  "true",
  "__proto__",
  "constructor",
  "toString",
  "prototype",
  "\u0000",
  "\ud800",
  "a\u0301\u202e\u200b",
  "%",
  "%zz",
  "../../etc/passwd",
  "'; drop table --",
  "<script>alert(1)</script>",
  "=cmd|' /C calc'!A0",
  "\u001b[31m",
  "x".repeat(300),
  "now",
  "-5s",
  "ffffffffffffffff",
  "2026-11-21T16:00:00Z",
  "\r\nx-injected: 1",
];

/** Mulberry32, with what fuzzing wants of it. */
export class Chance {
  #random;

  constructor(seed) {
    this.#random = seededRandom(seed);
  }

  next() {
    return this.#random();
  }

  below(limit) {
    return Math.floor(this.next() * limit);
  }

  of(list) {
    return list[this.below(list.length)];
  }

  in(share) {
    return this.next() < share;
  }
}

/** Damages `bytes` once or a few times; `other` lends bytes for splices. */
export function mutated(bytes, other, chance) {
  let result = Uint8Array.from(bytes);
  for (let times = 1 + chance.below(3); times > 0; times -= 1) {
    result = damaged(result, other, chance);
  }
  return result.length > MAX_LENGTH ? result.slice(0, MAX_LENGTH) : result;
}

function damaged(bytes, other, chance) {
  const at = chance.below(bytes.length);
  const length = 1 + chance.below(12);
  switch (chance.below(9)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 2:
      return joined(bytes.subarray(0, at + length), bytes.subarray(at));
    case 3: {
      const from = chance.below(other.length);
      const rest = bytes.subarray(at + (chance.in(0.5) ? 0 : length));
      return joined(bytes.subarray(0, at), other.subarray(from, from + length), rest);
    }
    case 4:
      for (let i = at; i < Math.min(bytes.length, at + length); i += 1) {
        bytes[i] = chance.of(SPECIAL);
      }
      return bytes;
    case 5:
      bytes[at] = chance.below(256);
      return bytes;
    case 6: {
      // A small number that becomes its neighbour: counts and lengths that are off by one.
      bytes[at] = (bytes[at] + (chance.in(0.5) ? 1 : 255)) & 255;
      return bytes;
    }
    default:
      bytes[at] ^= 1 << chance.below(8);
      return bytes;
  }
}

/** A wire frame with the length and checksum that its bytes ought to have. */
export function sealedFrame(frame) {
  const copy = Uint8Array.from(frame);
  if (copy.length < 16) return copy;
  const view = new DataView(copy.buffer);
  view.setUint32(8, copy.length, true);
  view.setUint32(copy.length - 4, crc32c(copy, 0, copy.length - 4), true);
  return copy;
}

/** Damages a text: characters, and whole hostile texts. */
export function mutatedText(text, chance) {
  if (chance.in(0.2)) return chance.of(HOSTILE_TEXTS);
  const at = chance.below(text.length + 1);
  switch (chance.below(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + chance.below(4));
    case 2:
      return text.slice(0, at) + chance.of(HOSTILE_TEXTS) + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(chance.below(0x300)) + text.slice(at + 1);
    default:
      return text.slice(0, at) + text.slice(Math.max(0, at - 1 - chance.below(8)));
  }
}

function joined(...parts) {
  return new Uint8Array(Buffer.concat(parts));
}
