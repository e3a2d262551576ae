/**
 * The copy of one value of the host: JSON, so that what the host does to its object later cannot change
 * history.
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
 * Secrets are replaced on the way (redaction.ts), so that no copy of them is made; under a key that a rule
 * masks, a getter is not even called.
 *
 * Two things no JavaScript can bound: listing the keys of a plain object with a million of them (for...in
 * lists them all first too, 0.3 s against 0.36 s of Object.keys; we list once and read few), and reading the
 * start of a text that was put together of a million pieces.
 */
import { type Json, type Value, ValueSet } from "../kernel/index.ts";
import { bytesAsText, isBoxed, numbersOf } from "./host-bytes.ts";
import { STATE_LIMITS } from "./limits.ts";
import { type LogRules, MAX_LOOKED_AT, Treatment } from "./redaction.ts";
import { firstBytes, ownText, takeName, utf8Bytes, wellFormed } from "./texts.ts";

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
/** Memory of a list or an object beside its entries. */
const OBJECT_BYTES = 32;
/**
 * What copies inherit from: nothing, so that `__proto__` is a key like any other. Not null: then V8 makes a
 * dictionary of each, and `{ a: 1 }` takes 180 bytes instead of 51.
 */
const NO_MEMBERS: object = Object.freeze(Object.create(null));
/**
 * Value rules look at so many characters of one value, all its texts together. What is masked takes hardly any
 * of the value's bytes: a list of 300 long texts with a secret at the end of each took 250 ms.
 */
const MAX_LOOKED_AT_TOGETHER = 4 * MAX_LOOKED_AT;
/** Beside the first of its keys an object that was cut has this one. */
const MORE = "…";
/** An object with one of each names a value: a header, a tag, an entry of an environment. */
const NAME_KEYS: readonly string[] = ["name", "key", "Name", "Key"];
const VALUE_KEYS: readonly string[] = ["value", "Value"];
export const UNREADABLE = "(cut short: unreadable)";

/** The copy as it grows, and what it may still take. */
export class ValueCopy {
  bytes = 0;
  entries = 0;
  cutShort = false;
  /** The objects that we are inside of: at most STATE_LIMITS.valueDepth. */
  readonly #within: object[] = [];
  readonly #rules: LogRules | undefined;
  #lookedAt = 0;
  /** Whether what is copied is a member of a set at the top of a variable. */
  #isMember = false;

  constructor(rules: LogRules | undefined) {
    this.#rules = rules;
  }

  /** What was taken in; undefined: JSON has no word for it. */
  intake<V extends Value>(copy: V | undefined): Intake & { readonly value: V | null } {
    if (copy === undefined) this.cutShort = true;
    return { value: copy ?? null, bytes: this.bytes, cutShort: this.cutShort };
  }

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

  /** A set at the top of a variable. */
  set(set: ReadonlySet<unknown>, treatment: number): ValueSet {
    const members: Json[] = [];
    for (const member of set) {
      if (!this.spend(ENTRY_BYTES, 1)) {
        members.push(this.mark(`… (cut short: ${Number(set.size)} entries)`));
        break;
      }
      members.push(this.member(member, treatment) ?? null);
    }
    return ValueSet.of(members);
  }

  /** One member of such a set. */
  member(member: unknown, treatment: number): Json | undefined {
    if (treatment >= Treatment.mask) return this.redacted(() => member, true);
    this.#isMember = true;
    const copy = this.copy(member, 0);
    this.#isMember = false;
    return copy;
  }

  /**
   * In place of what is redacted whole. It is read only if it must be told from others, and then counts
   * as entries, not as bytes.
   */
  redacted(read: () => unknown, isMember: boolean = false): string {
    const rules = this.#rules as LogRules;
    if (!isMember && rules.action === "mask") return this.mark(rules.mask());
    const inner = new ValueCopy(undefined);
    inner.entries = this.entries;
    inner.#within.push(...this.#within);
    const copy = inner.#member(read, 0) ?? null;
    this.entries = inner.entries;
    return this.mark(isMember ? rules.redactedMember(copy) : rules.redacted(copy));
  }

  #text(text: string): string {
    const rules = this.#rules;
    if (rules !== undefined) {
      const looked = text.length > MAX_LOOKED_AT ? text.slice(0, MAX_LOOKED_AT) : text;
      this.#lookedAt += looked.length;
      if (this.#lookedAt > MAX_LOOKED_AT_TOGETHER) return this.mark("(cut short: too much text)");
      if (rules.isSecretText(looked)) return this.redacted(() => text, this.#isMember);
    }
    const room = STATE_LIMITS.valueBytes - this.bytes - QUOTES;
    if (text.length <= SURELY_FITS && text.length * 3 <= room) {
      this.bytes += utf8Bytes(text) + QUOTES;
      return ownText(wellFormed(text));
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
    if (bytes !== undefined) {
      if (this.#rules?.isSecretText(bytesAsText(object)) === true) {
        return this.redacted(() => object, this.#isMember);
      }
      return this.#list(bytes.list, bytes.length, depth);
    }
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

  /** In a list of an even length a name may stand before what it names: pairs, `rawHeaders`. */
  #list(list: ArrayLike<unknown>, length: number, depth: number): Json {
    this.bytes += OBJECT_BYTES;
    const copy: Json[] = [];
    const mayBePairs = this.#rules !== undefined && length % 2 === 0;
    for (let i = 0; i < length; i += 1) {
      if (!this.spend(ENTRY_BYTES, 1)) {
        copy.push(this.mark(`… (cut short: ${length} entries)`));
        break;
      }
      const name = mayBePairs && i % 2 === 1 ? copy[i - 1] : undefined;
      copy.push(
        typeof name === "string" && this.#rules?.isSecretName(name) === true
          ? this.redacted(() => list[i], this.#isMember)
          : (this.#member(() => list[i], depth) ?? null),
      );
    }
    return copy.slice(); // a list that grew has room for 17
  }

  /** The members of a set, or the pairs of a map, as a list. */
  members(set: ReadonlySet<unknown> | ReadonlyMap<unknown, unknown>, depth: number): Json[] {
    const members: Json[] = [];
    const isMap = this.#rules !== undefined && set instanceof Map;
    for (const member of set) {
      if (!this.spend(ENTRY_BYTES, 1)) {
        members.push(this.mark(`… (cut short: ${Number(set.size)} entries)`));
        break;
      }
      const pair = isMap ? this.#pair(member, depth) : undefined;
      members.push(pair ?? this.copy(member, depth) ?? null);
    }
    return members;
  }

  /** A map's pair whose key says that its value is a secret; undefined: it is none. */
  #pair(pair: unknown, depth: number): Json | undefined {
    const [key, value] = pair as readonly [unknown, unknown];
    if (typeof key !== "string" || this.#rules?.isSecretKey(key) !== true) return undefined;
    return [this.copy(key, depth + 1) ?? null, this.redacted(() => value, this.#isMember)];
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): Json {
    const keys: string[] = [];
    for (const key of map.keys()) {
      if (typeof key !== "string") return this.members(map, depth + 1);
      if (keys.push(key) > STATE_LIMITS.valueEntries) break;
    }
    return this.#entries(keys, (key) => map.get(key), Number(map.size), depth);
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
    this.bytes += OBJECT_BYTES;
    const copy = Object.create(NO_MEMBERS) as { [key: string]: Json };
    for (const key of keys) {
      const name = this.#key(key);
      if (!this.spend(ENTRY_BYTES + utf8Bytes(name), 1)) {
        copy[MORE] = this.mark(`(cut short: ${count} keys)`);
        break;
      }
      const isSecret = this.#rules?.isSecretKey(key) === true;
      const inner = isSecret
        ? this.redacted(() => read(key), this.#isMember)
        : this.#member(() => read(key), depth);
      if (inner !== undefined) copy[name] = inner;
    }
    if (this.#rules !== undefined) this.#redactNamed(copy);
    return copy;
  }

  /** `{ name: "password", value: "x" }`: what a header, a tag or an entry of an environment looks like. */
  #redactNamed(copy: { [key: string]: Json }): void {
    const valueKey = VALUE_KEYS.find((key) => copy[key] !== undefined);
    if (valueKey === undefined) return;
    const isSecret = NAME_KEYS.some((key) => {
      const name = copy[key];
      return typeof name === "string" && this.#rules?.isSecretName(name) === true;
    });
    if (isSecret) copy[valueKey] = this.redacted(() => copy[valueKey], this.#isMember);
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
