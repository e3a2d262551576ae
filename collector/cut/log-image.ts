/**
 * The state of one log at one moment, in columns: what a replay writes to and what a cut hands out.
 * Hot: bench `cut`.
 *
 *     slot      0       1       2      ...      base.length   ...
 *     key       base.keys[slot] (shared)        extra[slot - base.length] (appeared since)
 *     tag       Uint8Array of Tag: absent, a small value itself, or where to look
 *     number    Float64Array: the number
 *     other     strings, arrays, objects, sets
 *
 * Loss: `lost` names the lost ranges that this log has not recovered from. While it is not empty,
 * variables without a known value are lost, absent ones too; a set or a delete makes one known again,
 * a keyframe all. To add to a set that is lost leaves it lost.
 *
 * As a ReadonlyMap an image holds the variables that are known to exist, in no promised order.
 */
import {
  type EventColumns,
  type Json,
  type LostRange,
  type Value,
  ValueSet,
  ValueTag,
} from "../../agent/kernel/index.ts";
import { changedValue } from "./changed-value.ts";
import type { UnknownReason } from "./history.ts";
import { KeyList } from "./key-list.ts";
import type { CountedLoss } from "./losses.ts";
import { SetState } from "./set-state.ts";

/** How a slot is held: the wire's value tags, then our own. */
export const Tag: {
  readonly absent: 0;
  readonly number: 4;
  readonly other: 5;
  readonly set: 7;
  readonly knownAbsent: 8;
} = { absent: 0, number: 4, other: 5, set: 7, knownAbsent: 8 };

const CHANGE_DELETE = 1;
const CHANGE_ADD = 2;

export class LogImage implements ReadonlyMap<string, Value> {
  base: KeyList;
  readonly extra: string[] = [];
  #extraIndex: Map<string, number> | undefined;
  tags: Uint8Array;
  numbers: Float64Array;
  others: (Value | SetState | undefined)[] = [];
  /** Lost ranges not recovered from, oldest first. Replaced, never changed in place. */
  lost: readonly LostRange[] = [];
  #size = 0;

  constructor(base: KeyList = KeyList.empty) {
    this.base = base;
    this.tags = new Uint8Array(base.keys.length);
    this.numbers = new Float64Array(base.keys.length);
  }

  /** Variables known to exist. */
  get size(): number {
    return this.#size;
  }

  /** Slots in use, those of absent variables included. */
  get slotCount(): number {
    return this.base.keys.length + this.extra.length;
  }

  keyAt(slot: number): string {
    const inBase = this.base.keys.length;
    return (slot < inBase ? this.base.keys[slot] : this.extra[slot - inBase]) as string;
  }

  /** The slot of a key, or -1. */
  slotOf(key: string): number {
    return this.base.index.get(key) ?? this.#extraIndex?.get(key) ?? -1;
  }

  /** The slot of a key, made if there is none. */
  slotFor(key: string): number {
    const known = this.slotOf(key);
    if (known >= 0) return known;
    const slot = this.slotCount;
    this.extra.push(key);
    this.#extraIndex ??= new Map();
    this.#extraIndex.set(key, slot);
    if (slot >= this.tags.length) this.#grow(slot + 1);
    return slot;
  }

  /** Replays the change at index `i` of a batch on a slot of this image. */
  applyChange(slot: number, code: number, events: EventColumns, i: number): void {
    if (code === 0) {
      const tag = events.valueTag[i] as number;
      if (tag === ValueTag.number) this.setNumber(slot, events.valueNumber[i] as number);
      else if (tag < ValueTag.number) this.#setTag(slot, tag);
      else this.#setOther(slot, events.values[events.valueNumber[i] as number] as Value);
    } else if (code === CHANGE_DELETE) {
      this.remove(slot);
    } else {
      this.#changeMember(slot, code === CHANGE_ADD, changedValue(events, i) as Json);
    }
  }

  setNumber(slot: number, value: number): void {
    this.#setTag(slot, Tag.number);
    this.numbers[slot] = value;
  }

  setValue(slot: number, value: Value): void {
    if (typeof value === "number") this.setNumber(slot, value);
    else if (value === null) this.#setTag(slot, ValueTag.null);
    else if (value === true) this.#setTag(slot, ValueTag.true);
    else if (value === false) this.#setTag(slot, ValueTag.false);
    else this.#setOther(slot, value);
  }

  /** The variable is known not to exist. */
  remove(slot: number): void {
    if (this.#isPresent(slot)) this.#size -= 1;
    this.tags[slot] = this.lost.length > 0 ? Tag.knownAbsent : Tag.absent;
    if (slot < this.others.length) this.others[slot] = undefined;
  }

  /** A keyframe: all that is, and nothing else; loss is over. */
  replace(state: Iterable<readonly [string, Value]>): void {
    this.#forgetAll();
    this.lost = [];
    for (const [key, value] of state) this.setValue(this.slotFor(key), value);
  }

  /** A lost range: nothing is known any more. */
  lose(range: LostRange): void {
    this.#forgetAll();
    this.lost = withRange(this.lost, range);
  }

  /** Whether the variable of that key is lost now: dropped, or not captured. */
  isLost(key: string): boolean {
    if (this.lost.length === 0) return false;
    const slot = this.slotOf(key);
    return slot < 0 || this.tags[slot] === Tag.absent;
  }

  /** Why the variable of that key is not known now; undefined if it is, or is known not to exist. */
  unknownOf(key: string): UnknownReason | undefined {
    return this.isLost(key) ? unknownBy(this.lost) : undefined;
  }

  valueAt(slot: number): Value | undefined {
    switch (this.tags[slot]) {
      case Tag.number:
        return this.numbers[slot] as number;
      case ValueTag.null:
        return null;
      case ValueTag.false:
        return false;
      case ValueTag.true:
        return true;
      case Tag.other:
        return this.others[slot] as Value;
      case Tag.set:
        return (this.others[slot] as SetState).value;
      default:
        return undefined;
    }
  }

  /** A copy that later changes to this one leave alone. */
  copy(): LogImage {
    const twin = new LogImage(this.base);
    twin.tags = this.tags.slice();
    twin.numbers = this.numbers.slice();
    twin.others = this.others.map((one) => (one instanceof SetState ? one.value : one));
    for (let slot = 0; slot < twin.others.length; slot += 1) {
      if (twin.tags[slot] === Tag.set) twin.tags[slot] = Tag.other;
    }
    twin.lost = this.lost;
    twin.#size = this.#size;
    for (const key of this.extra) twin.extra.push(key);
    if (this.#extraIndex !== undefined) twin.#extraIndex = new Map(this.#extraIndex);
    return twin;
  }

  /**
   * Gives the image a base list of its own, of just the keys it needs: those present, and those known
   * to be absent. Slots change.
   */
  compact(): void {
    const keys: string[] = [];
    const held: (readonly [tag: number, number: number, other: Value | SetState | undefined])[] =
      [];
    for (let slot = 0; slot < this.slotCount; slot += 1) {
      const tag = this.tags[slot] as number;
      if (tag === Tag.absent) continue;
      keys.push(this.keyAt(slot));
      held.push([tag, this.numbers[slot] as number, this.others[slot]]);
    }
    this.base = new KeyList(keys);
    this.extra.length = 0;
    this.#extraIndex = undefined;
    this.tags = Uint8Array.from(held, ([tag]) => tag);
    this.numbers = Float64Array.from(held, ([, number]) => number);
    this.others = held.map(([, , other]) => other);
  }

  get(key: string): Value | undefined {
    const slot = this.slotOf(key);
    return slot < 0 ? undefined : this.valueAt(slot);
  }

  has(key: string): boolean {
    const slot = this.slotOf(key);
    return slot >= 0 && this.#isPresent(slot);
  }

  *entries(): MapIterator<[string, Value]> {
    const count = this.slotCount;
    for (let slot = 0; slot < count; slot += 1) {
      if (this.#isPresent(slot)) yield [this.keyAt(slot), this.valueAt(slot) as Value];
    }
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(
    visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void,
    thisArg?: unknown,
  ): void {
    const count = this.slotCount;
    for (let slot = 0; slot < count; slot += 1) {
      if (this.#isPresent(slot)) {
        visit.call(thisArg, this.valueAt(slot) as Value, this.keyAt(slot), this);
      }
    }
  }

  #isPresent(slot: number): boolean {
    const tag = this.tags[slot] as number;
    return tag !== Tag.absent && tag !== Tag.knownAbsent;
  }

  #setTag(slot: number, tag: number): void {
    if (!this.#isPresent(slot)) this.#size += 1;
    this.tags[slot] = tag;
  }

  #setOther(slot: number, value: Value): void {
    this.#setTag(slot, Tag.other);
    this.others[slot] = value;
  }

  #changeMember(slot: number, isAdd: boolean, member: Json): void {
    const tag = this.tags[slot];
    if (tag === Tag.absent && this.lost.length > 0) return;
    let set: SetState;
    if (tag === Tag.set) {
      set = this.others[slot] as SetState;
    } else {
      const held = tag === Tag.other ? this.others[slot] : undefined;
      set = new SetState(held instanceof ValueSet ? held : ValueSet.empty);
      this.#setTag(slot, Tag.set);
      this.others[slot] = set;
    }
    if (isAdd) set.add(member);
    else set.remove(member);
  }

  #forgetAll(): void {
    this.tags.fill(Tag.absent);
    this.others = [];
    this.#size = 0;
  }

  #grow(atLeast: number): void {
    const capacity = Math.max(atLeast, this.tags.length * 2, 16);
    const tags = new Uint8Array(capacity);
    tags.set(this.tags);
    this.tags = tags;
    const numbers = new Float64Array(capacity);
    numbers.set(this.numbers);
    this.numbers = numbers;
  }
}

/** What several lost ranges come to: to capture what was not captured does not bring back the rest. */
export function unknownBy(lost: readonly LostRange[]): UnknownReason | undefined {
  if (lost.length === 0) return undefined;
  return lost.every((range) => reasonOf(range) === "not-captured") ? "not-captured" : "lost";
}

/** What an on-demand node was not asked for is told apart from what is gone. */
export function reasonOf({ reason }: LostRange): UnknownReason {
  return reason === "not-captured" ? "not-captured" : "lost";
}

/**
 * The lost ranges with one more at the end, which takes the place of those that it has grown from. Damaged
 * blocks never grow: several of one segment may begin at the same place, each with a log of its own.
 */
export function withRange(lost: readonly CountedLoss[], range: CountedLoss): readonly LostRange[] {
  const last = lost.at(-1);
  const isNext = last === undefined || last.lastSeq < range.firstSeq;
  if (isNext || range.untilSeq !== undefined) return [...lost, range];
  const stays = ({ firstSeq, untilSeq }: CountedLoss): boolean =>
    firstSeq < range.firstSeq || untilSeq !== undefined;
  return [...lost.filter(stays), range];
}
