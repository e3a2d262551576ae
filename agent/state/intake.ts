/**
 * Takes a value of the host in: a canonical JSON copy, so that what the host does to its object later
 * cannot change history.
 *
 * The host may hand over anything: a cycle, a getter that throws, a proxy, 50 MB of text. Nothing here
 * throws, and the work is bounded: by bytes, entries and depth, whichever comes first. What was left
 * out or is no JSON marks the whole value `cutShort`. (One thing no JavaScript can bound: listing the
 * keys of a plain object with a million of them; we list them once and read a thousand.)
 *
 * As in `JSON.stringify`: `toJSON` is honoured, undefined members are skipped, and are null in arrays.
 * Unlike it: a NaN is null *and* marked; a BigInt is its digits; a Map is an object; a Set is an array
 * inside a value, and a set at its top.
 */
import { type Json, type Value, ValueSet } from "../kernel/index.ts";
import { STATE_LIMITS } from "./limits.ts";

/** A value as recorded. */
export interface Intake {
  readonly value: Value;
  /** What it holds in memory, roughly. */
  readonly bytes: number;
  readonly cutShort: boolean;
}

/** Text as long as this fits whatever its characters are. */
const SURELY_FITS = Math.floor(STATE_LIMITS.valueBytes / 3);
const NUMBER_BYTES = 12;
const ENTRY_BYTES = 16;

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
    if (value instanceof Set) return takeSet(value, budget);
    const copy = budget.copy(value, 0);
    if (copy === undefined) budget.cutShort = true; // a function, a symbol, undefined itself
    return { value: copy ?? null, bytes: budget.bytes, cutShort: budget.cutShort };
  } catch {
    // Only a stack that was nearly full before us, or a proxy that lies about what it is.
    return { value: null, bytes: 0, cutShort: true };
  }
}

/** Takes in a member of a set; a set inside a set is a list. Never throws. */
export function takeMember(value: unknown): Intake & { readonly value: Json } {
  let member = value;
  try {
    if (value instanceof Set) member = [...firstOf(value)];
  } catch {
    // A proxy that will not say what it is; takeIn deals with it.
  }
  return takeIn(member) as Intake & { readonly value: Json };
}

function takeSet(set: ReadonlySet<unknown>, budget: Budget): Intake {
  const members: Json[] = [];
  for (const member of set) {
    if (!budget.spend(ENTRY_BYTES, 1)) break;
    members.push(budget.copy(member, 0) ?? null);
  }
  return { value: ValueSet.of(members), bytes: budget.bytes, cutShort: budget.cutShort };
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

/** What one value may still take. */
class Budget {
  bytes = 0;
  entries = 0;
  cutShort = false;

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

  /** undefined: JSON has no word for it. */
  copy(value: unknown, depth: number): Json | undefined {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        if (!this.spend(NUMBER_BYTES, 0)) return null;
        if (Number.isFinite(value)) return value + 0; // -0 is 0, as in JSON
        this.cutShort = true;
        return null;
      case "boolean":
        return value;
      case "bigint":
        return this.#digits(value);
      case "object":
        return value === null ? null : this.#object(value, depth);
      default:
        return undefined;
    }
  }

  #text(text: string): string {
    const room = STATE_LIMITS.valueBytes - this.bytes;
    if (text.length <= SURELY_FITS && text.length * 3 <= room) {
      this.bytes += text.length + 2;
      return wellFormed(text);
    }
    const cut = firstBytes(text, Math.max(0, room - 2));
    if (cut.length < text.length) this.cutShort = true;
    this.bytes = Math.min(STATE_LIMITS.valueBytes, this.bytes + utf8Bytes(cut) + 2);
    return cut;
  }

  #digits(value: bigint): string {
    if (BigInt.asIntN(256, value) === value) return this.#text(value.toString());
    this.cutShort = true; // the digits of a huge one take time beyond any bound
    return "(bigint)";
  }

  #object(object: object, depth: number): Json | undefined {
    if (depth >= STATE_LIMITS.valueDepth) {
      this.cutShort = true; // too deep, or a cycle
      return null;
    }
    try {
      const toJson: unknown = (object as { toJSON?: unknown }).toJSON;
      if (typeof toJson === "function") {
        const form: unknown = toJson.call(object, "");
        if (form !== object) return this.copy(form, depth + 1);
      }
      if (Array.isArray(object)) return this.#array(object, depth);
      if (object instanceof Set) return this.#array([...firstOf(object)], depth);
      if (object instanceof Map) return this.#entries(mapEntries(object), depth);
      return this.#entries(ownEntries(object), depth);
    } catch {
      this.cutShort = true; // a getter, a proxy or a toJSON threw
      return null;
    }
  }

  #array(array: readonly unknown[], depth: number): Json {
    const copy: Json[] = [];
    for (let i = 0; i < array.length; i += 1) {
      if (!this.spend(ENTRY_BYTES, 1)) break;
      copy.push(this.#member(() => array[i], depth) ?? null);
    }
    return copy;
  }

  #entries(entries: Iterable<readonly [string, () => unknown]>, depth: number): Json {
    // Without a prototype, `__proto__` is a key like any other.
    const copy = Object.create(null) as { [key: string]: Json };
    for (const [key, read] of entries) {
      const name = takeName(key);
      if (name.length !== key.length) this.cutShort = true;
      if (!this.spend(ENTRY_BYTES + name.length, 1)) break;
      const inner = this.#member(read, depth);
      if (inner !== undefined) copy[name] = inner;
    }
    return copy;
  }

  /** One member; one that throws is null, and its neighbours are kept. */
  #member(read: () => unknown, depth: number): Json | undefined {
    try {
      return this.copy(read(), depth + 1);
    } catch {
      this.cutShort = true;
      return null;
    }
  }
}

function* ownEntries(object: object): Generator<readonly [string, () => unknown]> {
  for (const key of Object.keys(object)) {
    yield [key, () => (object as Record<string, unknown>)[key]];
  }
}

function* mapEntries(
  map: ReadonlyMap<unknown, unknown>,
): Generator<readonly [string, () => unknown]> {
  for (const [key, value] of map) yield [takeName(key), () => value];
}

/** One more than may be taken, so that the cut is seen. */
function* firstOf(set: ReadonlySet<unknown>): Generator<unknown> {
  let count = 0;
  for (const member of set) {
    yield member;
    count += 1;
    if (count > STATE_LIMITS.valueEntries) return;
  }
}

/** The longest start of `text` within `maxBytes`, as a text of its own: it does not keep the whole alive. */
function firstBytes(text: string, maxBytes: number): string {
  const room = scratch.subarray(0, Math.min(maxBytes, scratch.length));
  const { written } = encoder.encodeInto(text, room);
  return decoder.decode(room.subarray(0, written));
}

function utf8Bytes(text: string): number {
  return encoder.encodeInto(text, scratch).written;
}

/** Lone surrogates have no UTF-8: what is recorded must be what can be shipped. */
function wellFormed(text: string): string {
  const checked = text as unknown as WellFormedText;
  return checked.isWellFormed() ? text : checked.toWellFormed();
}
