/**
 * Takes a value of the host in: a canonical JSON copy, so that what the host does to its object later
 * cannot change history.
 *
 * The host may hand over anything: a cycle, a getter that throws, a proxy, 50 MB of text. Nothing here
 * throws, and the work is bounded: by bytes, entries and depth, whichever comes first. Where something
 * was left out, or is no JSON, a text says so in its place (`(cut short: cycle)`), and the whole value is
 * marked `cutShort`: a person sees it, and a program need not read texts.
 *
 *     a long text            its start, and `… (cut short: 300000 characters)`, within the limit together
 *     a long list, a set     its start, and `… (cut short: 1000000 entries)` as the last
 *     a large object         its first keys, and under the key `…` how many there are
 *     NaN, infinities        their names                  functions, symbols, a getter that threw, too deep,
 *                                                         a cycle: what they are
 *
 * As in `JSON.stringify`: `toJSON` is honoured, undefined members are skipped, and are null in lists.
 * Unlike it: an Error is its name and message; a BigInt is its digits; a Set is a list inside a value, and a
 * set at its top; a Map is an object if its keys are texts, else a list of [key, value]; bytes (buffers,
 * typed arrays) are a list of numbers.
 *
 * Two things no JavaScript can bound: listing the keys of a plain object with a million of them (for...in
 * lists them all first too, 0.3 s against 0.36 s of Object.keys; we list once and read few), and reading the
 * start of a text that was put together of a million pieces.
 */
import { type Json, type Value, ValueSet } from "../kernel/index.ts";
import { STATE_LIMITS } from "./limits.ts";

/** A value as recorded. */
export interface Intake {
  readonly value: Value;
  /** UTF-8 bytes that it takes, roughly, and never less than on the wire. */
  readonly bytes: number;
  readonly cutShort: boolean;
}

/** Text as long as this fits whatever its characters are. */
const SURELY_FITS = Math.floor(STATE_LIMITS.valueBytes / 3);
const NUMBER_BYTES = 12;
const ENTRY_BYTES = 16;
const QUOTES = 2;
/** Beside the first of its keys an object that was cut has this one. */
const MORE = "…";
const UNREADABLE = "(cut short: unreadable)";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const scratch = new Uint8Array(STATE_LIMITS.valueBytes);

interface WellFormedText {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** Takes in what may stand at the top of a variable: JSON, or a set of JSON. Never throws. */
export function takeIn(value: unknown): Intake {
  const budget = new Budget();
  try {
    const isSet = value instanceof Set;
    const copy = isSet ? ValueSet.of(budget.members(value, 0)) : budget.copy(value, 0);
    if (copy === undefined) budget.cutShort = true; // undefined itself
    return { value: copy ?? null, bytes: budget.bytes, cutShort: budget.cutShort };
  } catch {
    // Only a stack that was nearly full before us, or a proxy that lies about what it is.
    return { value: UNREADABLE, bytes: UNREADABLE.length + QUOTES, cutShort: true };
  }
}

/** Takes in a member of a set; a set inside a set is a list. Never throws. */
export function takeMember(value: unknown): Intake & { readonly value: Json } {
  const budget = new Budget();
  try {
    const copy = budget.copy(value, 0);
    if (copy === undefined) budget.cutShort = true;
    return { value: copy ?? null, bytes: budget.bytes, cutShort: budget.cutShort };
  } catch {
    return { value: UNREADABLE, bytes: UNREADABLE.length + QUOTES, cutShort: true };
  }
}

/** A name within `maxBytes` of UTF-8, without lone surrogates. Anything but text is turned into text. */
export function takeName(name: unknown, maxBytes: number = STATE_LIMITS.keyBytes): string {
  let text: string;
  try {
    text = typeof name === "string" ? name : String(name);
  } catch {
    return "(unnamed)";
  }
  return text.length * 3 <= maxBytes ? wellFormed(text) : firstBytes(text, maxBytes);
}

/** How many bytes a text has in UTF-8. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text);
}

/** What one value may still take. */
class Budget {
  bytes = 0;
  entries = 0;
  cutShort = false;
  /** The objects that we are inside of: at most STATE_LIMITS.valueDepth. */
  readonly #within: object[] = [];

  /** Whether so much may still be taken; if not, the value is cut here. */
  spend(bytes: number, entries: number): boolean {
    if (
      this.bytes + bytes > STATE_LIMITS.valueBytes ||
      this.entries + entries > STATE_LIMITS.valueEntries
    ) {
      this.cutShort = true;
      return false;
    }
    this.bytes += bytes;
    this.entries += entries;
    return true;
  }

  /** Says in the value's place why it is not there. It may go beyond the budget: see `marksBytes`. */
  mark(text: string): string {
    this.cutShort = true;
    this.bytes += utf8Bytes(text) + QUOTES;
    return text;
  }

  /** undefined: JSON has no word for it. */
  copy(value: unknown, depth: number): Json | undefined {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        if (!Number.isFinite(value)) return this.mark(String(value));
        this.bytes += NUMBER_BYTES; // there is room for one where there was room for an entry
        return value + 0; // -0 is 0, as in JSON
      case "boolean":
        return value;
      case "bigint":
        return this.#digits(value);
      case "object":
        return value === null ? null : this.#object(value, depth);
      case "undefined":
        return undefined;
      default:
        return this.mark(`(cut short: ${typeof value})`); // a function, a symbol
    }
  }

  #text(text: string): string {
    const room = STATE_LIMITS.valueBytes - this.bytes - QUOTES;
    if (text.length <= SURELY_FITS && text.length * 3 <= room) {
      this.bytes += utf8Bytes(text) + QUOTES;
      return wellFormed(text);
    }
    const whole = firstBytes(text, Math.max(0, room));
    if (whole.length === text.length) {
      this.bytes += utf8Bytes(whole) + QUOTES;
      return whole;
    }
    const mark = `… (cut short: ${text.length} characters)`;
    return this.mark(firstBytes(whole, Math.max(0, room - utf8Bytes(mark))) + mark);
  }

  #digits(value: bigint): string {
    if (BigInt.asIntN(256, value) === value) return this.#text(value.toString());
    return this.mark("(cut short: bigint)"); // the digits of a huge one take time beyond any bound
  }

  #object(object: object, depth: number): Json | undefined {
    if (this.#within.includes(object)) return this.mark("(cut short: cycle)");
    if (depth >= STATE_LIMITS.valueDepth) return this.mark("(cut short: too deep)");
    this.#within.push(object);
    try {
      return this.#contents(object, depth);
    } catch {
      return this.mark(UNREADABLE); // a proxy or a toJSON threw
    } finally {
      this.#within.pop();
    }
  }

  #contents(object: object, depth: number): Json | undefined {
    const bytes = numbersOf(object); // first: a Buffer's own toJSON lists all of it
    if (bytes !== undefined) return this.#list(bytes.list, bytes.length, depth);
    const toJson: unknown = (object as { toJSON?: unknown }).toJSON;
    if (typeof toJson === "function") {
      const form: unknown = toJson.call(object, "");
      if (form !== object) return this.copy(form, depth + 1);
    }
    if (Array.isArray(object)) return this.#list(object, object.length, depth);
    if (object instanceof Set) return this.members(object, depth + 1);
    if (object instanceof Map) return this.#map(object, depth);
    if (object instanceof Error) return this.#members(object, ["name", "message"], depth);
    if (isBoxed(object)) return this.copy(object.valueOf(), depth + 1);
    return this.#members(object, Object.keys(object), depth);
  }

  #list(list: ArrayLike<unknown>, length: number, depth: number): Json {
    const copy: Json[] = [];
    for (let i = 0; i < length; i += 1) {
      if (!this.spend(ENTRY_BYTES, 1)) {
        copy.push(this.mark(`… (cut short: ${length} entries)`));
        break;
      }
      copy.push(this.#member(() => list[i], depth) ?? null);
    }
    return copy;
  }

  /** The members of a set, or the pairs of a map, as a list. */
  members(set: ReadonlySet<unknown> | ReadonlyMap<unknown, unknown>, depth: number): Json[] {
    const members: Json[] = [];
    for (const member of set) {
      if (!this.spend(ENTRY_BYTES, 1)) {
        members.push(this.mark(`… (cut short: ${set.size} entries)`));
        break;
      }
      members.push(this.copy(member, depth) ?? null);
    }
    return members;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): Json {
    const keys: string[] = [];
    for (const key of map.keys()) {
      if (typeof key !== "string") return this.members(map, depth + 1);
      if (keys.push(key) > STATE_LIMITS.valueEntries) break;
    }
    return this.#entries(keys, (key) => map.get(key), map.size, depth);
  }

  #members(object: object, keys: readonly string[], depth: number): Json {
    const read = (key: string) => (object as Record<string, unknown>)[key];
    return this.#entries(keys, read, keys.length, depth);
  }

  #entries(
    keys: readonly string[],
    read: (key: string) => unknown,
    count: number,
    depth: number,
  ): Json {
    // Without a prototype, `__proto__` is a key like any other.
    const copy = Object.create(null) as { [key: string]: Json };
    for (const key of keys) {
      const name = this.#key(key);
      if (!this.spend(ENTRY_BYTES + utf8Bytes(name), 1)) {
        copy[MORE] = this.mark(`(cut short: ${count} keys)`);
        break;
      }
      const inner = this.#member(() => read(key), depth);
      if (inner !== undefined) copy[name] = inner;
    }
    return copy;
  }

  #key(key: string): string {
    const name = takeName(key);
    if (name.length === key.length) return name;
    this.cutShort = true;
    return takeName(key, STATE_LIMITS.keyBytes - utf8Bytes(MORE)) + MORE;
  }

  /** One member; one that throws says so, and its neighbours are kept. */
  #member(read: () => unknown, depth: number): Json | undefined {
    let member: unknown;
    try {
      member = read();
    } catch {
      return this.mark("(cut short: getter threw)");
    }
    return this.copy(member, depth + 1);
  }
}

/** The numbers of what holds bytes, never more than a value may have; undefined: it is something else. */
function numbersOf(
  object: object,
): { readonly list: ArrayLike<unknown>; readonly length: number } | undefined {
  if (ArrayBuffer.isView(object)) {
    if (!(object instanceof DataView)) {
      const list = object as unknown as ArrayLike<unknown>;
      return { list, length: Number(list.length) };
    }
    const { buffer, byteOffset, byteLength } = object;
    return { list: startOf(buffer, byteOffset, byteLength), length: byteLength };
  }
  if (!(object instanceof ArrayBuffer || object instanceof SharedArrayBuffer)) return undefined;
  return { list: startOf(object, 0, object.byteLength), length: object.byteLength };
}

function startOf(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  return new Uint8Array(buffer, offset, Math.min(length, STATE_LIMITS.valueEntries));
}

function isBoxed(object: object): boolean {
  return object instanceof Number || object instanceof String || object instanceof Boolean;
}

/** The longest start of `text` within `maxBytes`, as a text of its own: it does not keep the whole alive. */
function firstBytes(text: string, maxBytes: number): string {
  const room = scratch.subarray(0, Math.min(maxBytes, scratch.length));
  const { written } = encoder.encodeInto(text, room);
  return decoder.decode(room.subarray(0, written));
}

/** Lone surrogates have no UTF-8: what is recorded must be what can be shipped. */
function wellFormed(text: string): string {
  const checked = text as unknown as WellFormedText;
  return checked.isWellFormed() ? text : checked.toWellFormed();
}
