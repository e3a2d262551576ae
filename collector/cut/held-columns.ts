/**
 * The values that events give to columns, where they are more than a number: sets that are changed member by
 * member come as whole values, so what a column holds is followed from one such event to the next.
 */
import {
  type EventColumns,
  type Json,
  KindCode,
  type Value,
  ValueSet,
} from "../../agent/kernel/index.ts";
import { changedValue } from "./changed-value.ts";
import { SetState } from "./set-state.ts";

/** What a column holds: what it held where the slice began; a set that is kept; anything else. */
const AS_HELD = 0;
const IS_SET = 1;
const IS_NO_SET = 2;

export class HeldColumns {
  readonly #heldBy: (column: number) => Value | undefined;
  readonly #membership: Uint8Array;
  readonly #sets = new Map<number, SetState>();

  /** `heldBy`: what a column held before the first event. */
  constructor(columnCount: number, heldBy: (column: number) => Value | undefined) {
    this.#membership = new Uint8Array(columnCount);
    this.#heldBy = heldBy;
  }

  /** The column was given a number. */
  noteNumber(column: number): void {
    this.#membership[column] = IS_NO_SET;
  }

  /** The column was given a value, or deleted. */
  note(column: number, value: Value | undefined): void {
    const isSet = value instanceof ValueSet;
    this.#membership[column] = isSet ? IS_SET : IS_NO_SET;
    if (isSet) this.#sets.set(column, new SetState(value));
  }

  /** What the column holds after the change `i` of `events`; undefined: it was deleted. */
  changed(column: number, events: EventColumns, i: number): Value | undefined {
    const code = events.kind[i] as number;
    if (code === KindCode.set || code === KindCode.delete) {
      const value = code === KindCode.set ? changedValue(events, i) : undefined;
      this.note(column, value);
      return value;
    }
    const set = this.#setOf(column);
    const member = changedValue(events, i) as Json;
    if (code === KindCode.add) set.add(member);
    else set.remove(member);
    return set.value;
  }

  /** The set that a column holds; of what is none, an empty one. */
  #setOf(column: number): SetState {
    const known = this.#membership[column] === IS_SET ? this.#sets.get(column) : undefined;
    if (known !== undefined) return known;
    const held = this.#membership[column] === AS_HELD ? this.#heldBy(column) : undefined;
    const set = new SetState(held instanceof ValueSet ? held : ValueSet.empty);
    this.#membership[column] = IS_SET;
    this.#sets.set(column, set);
    return set;
  }
}
