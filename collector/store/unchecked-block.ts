/**
 * Checks a block that was taken from the store unchecked (history-store.ts): reading is one thread's work,
 * and checking takes as long as reading does, so whoever decodes a block elsewhere checks it there.
 */
import type { UncheckedBlock } from "./history-store.ts";
import { openRecord } from "./records.ts";
import { damagedBlock } from "./segment-damage.ts";

/**
 * The bytes of the block.
 * @throws RetroError `data-damaged`: it does not match its checksum, or is another's
 */
export function checkedBlock({ key, record }: UncheckedBlock): Uint8Array {
  const { buffer, byteOffset, length } = record;
  const payload = openRecord(key, Buffer.from(buffer, byteOffset, length));
  if (payload === undefined) return damagedBlock("another checksum");
  return new Uint8Array(payload.buffer, payload.byteOffset, payload.length);
}
