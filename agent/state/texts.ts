/**
 * Texts as they are recorded: well-formed, within a limit, and owned: a text that the host cut out of a
 * huge one does not keep the huge one in memory.
 */
import { STATE_LIMITS } from "./limits.ts";

interface WellFormedText {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** From here on V8 makes slices that point into their parent; shorter ones are copies. */
const MIN_SLICE_LENGTH = 13;

/** Of a list that is used as a name. */
const MAX_LIST_ENTRIES = 64;
const MAX_NAMED: bigint = 2n ** 512n;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const scratch = new Uint8Array(STATE_LIMITS.valueBytes);

/** A name within `maxBytes` of UTF-8, without lone surrogates. Anything but text is turned into text. */
export function takeName(name: unknown, maxBytes: number = STATE_LIMITS.keyBytes): string {
  let text: string;
  try {
    text = typeof name === "string" ? name : textOf(name);
  } catch {
    return "(unnamed)";
  }
  return text.length * 3 <= maxBytes ? wellFormed(text) : firstBytes(text, maxBytes);
}

/** Joining a list costs its length, and a proxy may claim any: of a list only the start is read, one level deep. */
function textOf(name: unknown): string {
  // The digits of a huge one take time beyond any bound.
  if (typeof name === "bigint" && (name > MAX_NAMED || name < -MAX_NAMED)) return "(bigint)";
  if (!Array.isArray(name) && !ArrayBuffer.isView(name)) return String(name);
  const list = name as ArrayLike<unknown>;
  const texts: string[] = [];
  for (let i = 0; i < list.length && i < MAX_LIST_ENTRIES; i += 1) {
    const entry = list[i];
    if (typeof entry === "object" && entry !== null) texts.push("(object)");
    else texts.push(String(entry ?? ""));
  }
  return texts.join();
}

/** How many bytes a text has in UTF-8. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** The longest start of `text` within `maxBytes`, at most STATE_LIMITS.valueBytes; a text of its own. */
export function firstBytes(text: string, maxBytes: number): string {
  const room = scratch.subarray(0, Math.min(maxBytes, scratch.length));
  const { written } = encoder.encodeInto(text, room);
  return decoder.decode(room.subarray(0, written));
}

/** Lone surrogates have no UTF-8: what is recorded must be what can be shipped. */
export function wellFormed(text: string): string {
  const checked = text as unknown as WellFormedText;
  return checked.isWellFormed() ? text : checked.toWellFormed();
}

/** The same text, no part of a larger one. Some 40 ns; nobody can see whether it is needed. */
export function ownText(text: string): string {
  // Put together with a space it is a new text, and the slice points into that.
  return text.length < MIN_SLICE_LENGTH ? text : ` ${text}`.slice(1);
}
