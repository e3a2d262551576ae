/** Keys of what is pruned, and of what is gone. */
import { epochPrefix, type KeyRange, PRUNED } from "./bytes.ts";

export const GONE_KEY: Buffer = Buffer.from("G");
export const MESSAGES_GONE_KEY: Buffer = Buffer.from("O");
export const LAST_ID_KEY: Buffer = Buffer.from("H");

export function prunedKey(epochId: number): Buffer {
  return epochPrefix(PRUNED, epochId, 5);
}

export function allPruned(): KeyRange {
  return { first: prunedKey(0), last: prunedKey(0xffffffff) };
}
