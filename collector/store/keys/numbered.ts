/** Keys of what others keep under numbers: captures, monitors, saved cuts. */
import {
  CAPTURE,
  HIGHEST,
  type KeyRange,
  LOWEST,
  MONITOR,
  readI53,
  SAVED,
  writeI53,
} from "./bytes.ts";

export function captureKey(number: number): Buffer {
  return numberedKey(CAPTURE, number);
}

export function monitorKey(number: number): Buffer {
  return numberedKey(MONITOR, number);
}

function numberedKey(kind: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = kind;
  writeI53(key, 1, number);
  return key;
}

export function allCaptures(): KeyRange {
  return { first: captureKey(LOWEST), last: captureKey(HIGHEST) };
}

export function allMonitors(): KeyRange {
  return { first: monitorKey(LOWEST), last: monitorKey(HIGHEST) };
}

/** Of a capture or a monitor. */
export function numberOfKey(key: Buffer): number {
  return readI53(key, 1);
}

export type SavedPart = "label" | "bytes";

export function savedKey(number: number, part: SavedPart): Buffer {
  const key = Buffer.allocUnsafe(10);
  key[0] = SAVED;
  writeI53(key, 1, number);
  key[9] = part === "label" ? 0 : 1;
  return key;
}

export function allSaved(): KeyRange {
  return { first: savedKey(LOWEST, "label"), last: savedKey(HIGHEST, "bytes") };
}

export function placeOfSavedKey(key: Buffer): {
  readonly number: number;
  readonly part: SavedPart;
} {
  return { number: readI53(key, 1), part: key[9] === 0 ? "label" : "bytes" };
}
