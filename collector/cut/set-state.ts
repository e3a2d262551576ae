/** A set while it is replayed: members by canonical text, so that one change does not sort them all. */
import { canonicalText, type Json, ValueSet } from "../../agent/kernel/index.ts";

export class SetState {
  readonly #members = new Map<string, Json>();
  #value: ValueSet | undefined;

  constructor(start: ValueSet) {
    for (const member of start.members) this.#members.set(canonicalText(member), member);
    this.#value = start;
  }

  add(member: Json): void {
    const text = canonicalText(member);
    if (this.#members.has(text)) return;
    this.#members.set(text, member);
    this.#value = undefined;
  }

  remove(member: Json): void {
    if (this.#members.delete(canonicalText(member))) this.#value = undefined;
  }

  /** The set as it is now; not touched by later changes. */
  get value(): ValueSet {
    this.#value ??= ValueSet.of(this.#members.values());
    return this.#value;
  }
}
