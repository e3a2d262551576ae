/**
 * Damage for batches on the wire, seeded: what networks, disks and enemies do to bytes.
 *
 * Nearly all damaged bytes fall at the checksum, so `mutate` seals most of its victims again with a
 * right length and checksum: then the decoder behind it is what is tested.
 */
import { crc32c } from "../../agent/kernel/index.ts";

/** Numbers at which decoders go wrong: ends of varints, signs, counts that are too large. */
const SPECIAL = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/** A copy with the length and checksum that its bytes ought to have. */
export function resealed(frame: Uint8Array): Uint8Array {
  const copy = frame.slice();
  if (copy.length < 16) return copy;
  const view = new DataView(copy.buffer);
  view.setUint32(8, copy.length, true);
  view.setUint32(copy.length - 4, crc32c(copy, 0, copy.length - 4), true);
  return copy;
}

export interface Mutation {
  readonly bytes: Uint8Array;
  readonly isSealed: boolean;
}

/** Damages `frame` once or a few times; `other` lends bytes for splices. */
export function mutate(frame: Uint8Array, other: Uint8Array, random: () => number): Mutation {
  const below = (limit: number): number => Math.floor(random() * limit);
  let bytes: Uint8Array = frame.slice();
  for (let times = 1 + below(3); times > 0; times -= 1) bytes = damage(bytes, other, below);
  const isSealed = random() < 0.9;
  if (!isSealed) return { bytes, isSealed };
  if (random() < 0.97 && bytes.length > 8) bytes.set(frame.subarray(0, 8));
  return { bytes: resealed(bytes), isSealed };
}

function damage(
  bytes: Uint8Array,
  other: Uint8Array,
  below: (limit: number) => number,
): Uint8Array {
  const at = below(bytes.length);
  const length = 1 + below(12);
  switch (below(8)) {
    case 0:
      return bytes.slice(0, at); // cut short
    case 1: // a stretch missing
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 2: // a stretch twice
      return joined(bytes.subarray(0, at + length), bytes.subarray(at));
    case 3: {
      // a stretch of another batch
      const from = below(other.length);
      return joined(
        bytes.subarray(0, at),
        other.subarray(from, from + length),
        bytes.subarray(at + (below(2) === 0 ? 0 : length)),
      );
    }
    case 4:
      for (let i = at; i < Math.min(bytes.length, at + length); i += 1) {
        bytes[i] = SPECIAL[below(SPECIAL.length)] as number;
      }
      return bytes;
    case 5:
      bytes[at] = below(256);
      return bytes;
    default: // one bit
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
      return bytes;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
