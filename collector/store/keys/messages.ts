/** Keys of violations and slow messages (stretches.ts), and of joined messages (joined.ts). */
import type { EventRef, Hlc } from "../../../agent/kernel/index.ts";
import type { MessageStretch } from "../history-store.ts";
import { CELL, HIGHEST, type KeyRange, LOWEST, readI53, STRETCH, writeI53 } from "./bytes.ts";

/** A stretch of time [start, end] in its class, named by the message's receive. */
export function stretchKey(
  kind: number,
  stretchClass: number,
  start: number,
  end: number,
  receive: EventRef,
): Buffer {
  const id = Buffer.from(`${receive.epoch}/${receive.seq}/${receive.node}`);
  const key = Buffer.allocUnsafe(18 + id.length);
  key[0] = kind;
  key[1] = stretchClass;
  writeI53(key, 2, start);
  writeI53(key, 10, end);
  id.copy(key, 18);
  return key;
}

/** Stretches of a class that start in [from, to]. */
export function stretchesStarting(
  kind: number,
  stretchClass: number,
  from: number,
  to: number,
): KeyRange {
  const first = Buffer.allocUnsafe(10);
  first[0] = kind;
  first[1] = stretchClass;
  writeI53(first, 2, Math.max(from, LOWEST));
  const last = Buffer.alloc(18, 0xff);
  first.copy(last, 0, 0, 2);
  writeI53(last, 2, Math.min(to, HIGHEST));
  return { first, last };
}

/** The start of the stretch that a key names. */
export function stretchStartOfKey(key: Buffer): number {
  return readI53(key, 2);
}

/** The end of the stretch that a key names. */
export function stretchEndOfKey(key: Buffer): number {
  return readI53(key, 10);
}

export function messageStretchKey({ from, until }: MessageStretch): Buffer {
  const key = Buffer.allocUnsafe(17);
  key[0] = STRETCH;
  writeI53(key, 1, from);
  writeI53(key, 9, until);
  return key;
}

export function allMessageStretches(): KeyRange {
  const ends = (n: number) => messageStretchKey({ from: n as Hlc, until: n as Hlc });
  return { first: ends(LOWEST), last: ends(HIGHEST) };
}

/** The stretch that begins there, wherever it ends. */
export function messageStretchesFrom(from: number): KeyRange {
  const until = (n: number) => messageStretchKey({ from: from as Hlc, until: n as Hlc });
  return { first: until(LOWEST), last: until(HIGHEST) };
}

export function messageStretchOfKey(key: Buffer): MessageStretch {
  return { from: readI53(key, 1) as Hlc, until: readI53(key, 9) as Hlc };
}

export function messageCellKey(from: number, level: number, index: number): Buffer {
  const key = Buffer.allocUnsafe(18);
  key[0] = CELL;
  writeI53(key, 1, from);
  key[9] = level;
  writeI53(key, 10, index);
  return key;
}

export function messageCellsOf(from: number): KeyRange {
  return { first: messageCellKey(from, 0, LOWEST), last: messageCellKey(from, 0xff, HIGHEST) };
}
