/** Keys of what is known of each epoch, and of each of its logs. */
import { EPOCH, epochPrefix, type KeyRange, LOG, nameTail } from "./bytes.ts";

export function epochKey(epochId: number): Buffer {
  return epochPrefix(EPOCH, epochId, 5);
}

export function allEpochs(): KeyRange {
  return { first: epochKey(0), last: epochKey(0xffffffff) };
}

export function logKey(epochId: number, log: string): Buffer {
  const { isLong, tail } = nameTail(log);
  const key = epochPrefix(LOG, epochId, 6 + tail.length);
  key[5] = isLong ? 1 : 0;
  tail.copy(key, 6);
  return key;
}

/** Logs of all epochs, by epoch. */
export function allLogs(): KeyRange {
  return {
    first: epochPrefix(LOG, 0, 5),
    last: Buffer.concat([epochPrefix(LOG, 0xffffffff, 5), Buffer.alloc(1, 0xff)]),
  };
}

export function logsOfEpoch(epochId: number): KeyRange {
  return {
    first: epochPrefix(LOG, epochId, 5),
    last: Buffer.concat([epochPrefix(LOG, epochId, 5), Buffer.alloc(1, 0xff)]),
  };
}

/** Of a key that begins with its kind and an epoch's id: all but those of messages, captures and monitors. */
export function epochOfKey(key: Buffer): number {
  return key.readUInt32BE(1);
}
