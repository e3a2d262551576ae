/** Where in history a record belongs, told by its key alone: the record itself may be unreadable. */
import type { Hlc } from "../../agent/kernel/index.ts";
import { batchKeyOfSeqKey, batchOfKey, epochOfKey, timeOfDirectoryKey } from "../store/keys.ts";
import type { Place } from "./walk-context.ts";

/** Keys may be damaged too: one that is too short names no place. */
export function placeOfKey(key: Buffer): Place {
  try {
    return { ...placeNamed(key), key };
  } catch (error) {
    if (error instanceof RangeError) return { key };
    throw error;
  }
}

function placeNamed(key: Buffer): Place {
  switch (String.fromCharCode(key[0] ?? 0)) {
    case "B":
      return rangeOf(key);
    case "S":
      return rangeOf(batchKeyOfSeqKey(key));
    case "D": {
      const t: Hlc = timeOfDirectoryKey(key);
      return { epochId: epochOfKey(key), times: { from: t, to: t } };
    }
    case "E":
    case "L":
    case "C":
    case "N":
    case "X":
      return { epochId: epochOfKey(key) };
    default:
      return {};
  }
}

function rangeOf(batchKey: Buffer): Place {
  const { epochId, ...range } = batchOfKey(batchKey);
  return { epochId, range };
}
