/** Keys of side blocks: by epoch, then second, so that a stretch of time is one walk. */
import { SIDE_STREAMS, type SideStream } from "../../../agent/kernel/index.ts";
import type { StoredSideBlock } from "../history-store.ts";
import { epochPrefix, HIGHEST, type KeyRange, readI53, SIDE, writeI53 } from "./bytes.ts";

const SIDE_KEY_BYTES = 18;

export function sideKey({
  epochId,
  stream,
  second,
  part,
}: Pick<StoredSideBlock, "epochId" | "stream" | "second" | "part">): Buffer {
  const key = epochPrefix(SIDE, epochId, SIDE_KEY_BYTES);
  writeI53(key, 5, second);
  key[13] = SIDE_STREAMS.indexOf(stream);
  key.writeUInt32BE(part, 14);
  return key;
}

/** Blocks of an epoch of seconds in [fromSecond, untilSecond). */
export function sideBetween(epochId: number, fromSecond: number, untilSecond: number): KeyRange {
  const first = epochPrefix(SIDE, epochId, 13);
  writeI53(first, 5, fromSecond);
  const last = Buffer.alloc(SIDE_KEY_BYTES, 0xff);
  epochPrefix(SIDE, epochId, 5).copy(last);
  writeI53(last, 5, untilSecond - 1);
  return { first, last };
}

export function allSideOf(epochId: number): KeyRange {
  return sideBetween(epochId, 0, HIGHEST);
}

/** What a key names; undefined: a stream that is not known here. */
export function placeOfSideKey(
  key: Buffer,
): Pick<StoredSideBlock, "epochId" | "stream" | "second" | "part"> | undefined {
  const stream: SideStream | undefined = SIDE_STREAMS[key[13] ?? 0xff];
  if (stream === undefined) return undefined;
  const part = key.readUInt32BE(14);
  return { epochId: key.readUInt32BE(1), stream, second: readI53(key, 5), part };
}
