/**
 * A cell: the value of one variable at one moment, as columns hold it. Hot: bench `agent-record`.
 *
 *     tag 0-3    absent, null, false, true      the tag says all
 *     tag 4      a number                       `number` is the number
 *     tag 5, 6   other JSON; cut short          `other` is the value
 *     tag 7      a set                          `other` is a ValueSet or a MemberSet
 *
 * Tags up to 6 are `ValueTag`, as on the wire. A set is a ValueSet as long as it is whole, and a
 * MemberSet from the first `add` or `remove` on.
 */
import { canonicalText, type Json, type Value, ValueSet, ValueTag } from "../kernel/index.ts";

export const SET_TAG = 7;

/** The tag of a plain value. */
export function tagOf(value: Value, cutShort: boolean): number {
  if (value instanceof ValueSet) return cutShort ? ValueTag.cutShort : SET_TAG;
  if (cutShort) return ValueTag.cutShort;
  if (value === null) return ValueTag.null;
  if (value === true) return ValueTag.true;
  if (value === false) return ValueTag.false;
  return typeof value === "number" ? ValueTag.number : ValueTag.other;
}

/** The value in a cell; undefined where there is none. */
export function cellValue(tag: number, number: number, other: unknown): Value | undefined {
  switch (tag) {
    case ValueTag.none:
      return undefined;
    case ValueTag.null:
      return null;
    case ValueTag.false:
      return false;
    case ValueTag.true:
      return true;
    case ValueTag.number:
      return number;
    default:
      return other instanceof MemberSet ? other.value : (other as Value);
  }
}

/** A set that changes: members by canonical text, so that one change does not sort them all. */
export class MemberSet {
  readonly #members = new Map<string, Json>();
  #value: ValueSet | undefined;

  /** Of what a cell held: a set is copied, anything else begins an empty one. */
  constructor(held: unknown) {
    if (held instanceof MemberSet) {
      for (const [text, member] of held.#members) this.#members.set(text, member);
      this.#value = held.#value;
    } else if (held instanceof ValueSet) {
      for (const member of held.members) this.#members.set(canonicalText(member), member);
      this.#value = held;
    }
  }

  get size(): number {
    return this.#members.size;
  }

  has(member: Json): boolean {
    return this.#members.has(canonicalText(member));
  }

  /** Puts the member in or takes it out; says whether it had been there. */
  put(member: Json, present: boolean): boolean {
    const text = canonicalText(member);
    const had = this.#members.has(text);
    if (had !== present) {
      if (present) this.#members.set(text, member);
      else this.#members.delete(text);
      this.#value = undefined;
    }
    return had;
  }

  /** The set as it is now; not touched by later changes. */
  get value(): ValueSet {
    this.#value ??= ValueSet.of(this.#members.values());
    return this.#value;
  }
}
