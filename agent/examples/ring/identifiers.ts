/**
 * Places on the ring: a name's identifier is the first 32 bits of its SHA-1, as in Chord, and the ring goes
 * round at 2^32.
 */
import { createHash } from "node:crypto";

/** A whole number from 0 to 2^32 - 1. */
export function identifierOf(name: string): number {
  return createHash("sha1").update(name).digest().readUInt32BE(0);
}

/** Whether one comes to `id` on the way from `from` clockwise to `to`, both left out. From a place to itself is all round. */
export function isBetween(id: number, from: number, to: number): boolean {
  if (from < to) return from < id && id < to;
  return id > from || id < to;
}

/** Names in the order of the ring, beginning anywhere. */
export function inRingOrder(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => identifierOf(a) - identifierOf(b));
}
