/**
 * What a change does: it appends the event with the value it replaces, and puts the new value into the
 * table. The stamp was issued before; nothing here fails half-way. `Recording` alone calls it; numbers
 * over plain values have a shorter way there.
 *
 *     t undefined      the agent is off: the table follows, so that handles and maps tell the truth
 */
import {
  type Hlc,
  type Json,
  KindCode,
  ValueSet,
  ValueTag,
  type VariableRef,
} from "../kernel/index.ts";
import { MemberSet, SET_TAG, tagOf } from "./cell.ts";
import { type EventWindow, MEMBER_HAD, MEMBER_LACKED } from "./event-window.ts";
import { STATE_LIMITS } from "./limits.ts";
import type { Intake } from "./value-copy.ts";
import type { LogRecord, VariableTable } from "./variable-table.ts";

/** Memory of a member beside its text, roughly. */
const MEMBER_BYTES = 64;

export class Changes {
  readonly #table: VariableTable;
  readonly #window: EventWindow;

  constructor(table: VariableTable, window: EventWindow) {
    this.#table = table;
    this.#window = window;
  }

  set(t: Hlc | undefined, id: number, { value, bytes, cutShort }: Intake): void {
    const table = this.#table;
    const newTag = tagOf(value, cutShort);
    const number = newTag === ValueTag.number ? (value as number) : bytes;
    if (t !== undefined) this.#append(t, KindCode.set, id, newTag, number, value);
    this.#found(id);
    table.tag[id] = newTag;
    table.number[id] = number;
    table.other[id] = newTag > ValueTag.number ? value : undefined;
  }

  delete(t: Hlc | undefined, id: number): void {
    const table = this.#table;
    if (t !== undefined) {
      table.noteDeleted(id, this.#window.nextIndex);
      this.#append(t, KindCode.delete, id, 0, 0, undefined);
    }
    this.#found(id);
    table.tag[id] = ValueTag.none;
    table.number[id] = 0;
    table.other[id] = undefined;
  }

  /** Whether `member` may be called: there is room for it, and the set it concerns is known. */
  isMemberKnowable(id: number, member: Json, present: boolean): boolean {
    const table = this.#table;
    const held = table.other[id];
    const size = held instanceof MemberSet ? held.size : setSize(held);
    if (present && size >= STATE_LIMITS.setMembers && !hasMember(held, member)) return false;
    // Of a set that lost a member nobody knows what one more or less makes of it.
    const { missing } = table.logs[table.logOf[id] as number] as LogRecord;
    return missing.isEmpty || !missing.has((table.refs[id] as VariableRef).key);
  }

  /** Puts a member into a variable's set, or takes it out. What was no set becomes one. */
  member(t: Hlc | undefined, id: number, taken: Intake, present: boolean): void {
    const table = this.#table;
    const member = taken.value as Json;
    const oldTag = table.tag[id] as number;
    const held = table.other[id];
    const wasSet = held instanceof MemberSet || held instanceof ValueSet;
    const set = held instanceof MemberSet ? held : new MemberSet(held);
    const had = set.put(member, present);
    if (t !== undefined) {
      const newTag = tagOf(member, taken.cutShort);
      let after = newTag === ValueTag.number ? (member as number) : 0;
      let before = table.number[id] as number;
      const chunk = this.#window.roomForObjects();
      if (newTag > ValueTag.number) after = chunk.keep(member, taken.bytes);
      if (oldTag > ValueTag.number && !wasSet) before = chunk.keep(held, before);
      const oldState = wasSet ? (had ? MEMBER_HAD : MEMBER_LACKED) : oldTag;
      const kind = present ? KindCode.add : KindCode.remove;
      this.#window.append(t, kind, id, (oldState << 4) | newTag, after, before);
    }
    const bytes = wasSet ? (table.number[id] as number) : 0;
    table.tag[id] = SET_TAG;
    table.number[id] = Math.max(0, bytes + sizeChange(had, present, taken.bytes));
    table.other[id] = set;
  }

  /** Appends a `set` or `delete` with the value that stands in the table as the old one. */
  #append(t: Hlc, kind: number, id: number, newTag: number, number: number, other: unknown): void {
    const table = this.#table;
    const oldTag = table.tag[id] as number;
    let after = number;
    let before = table.number[id] as number;
    if (newTag > ValueTag.number || oldTag > ValueTag.number) {
      const chunk = this.#window.roomForObjects();
      if (newTag > ValueTag.number) after = chunk.keep(other, number);
      if (oldTag > ValueTag.number) before = chunk.keep(table.other[id], before);
    }
    this.#window.append(t, kind, id, (oldTag << 4) | newTag, after, before);
  }

  /** The variable's value is known, whatever was shed before. */
  #found(id: number): void {
    const table = this.#table;
    const missing = table.logs[table.logOf[id] as number]?.missing;
    if (missing?.isEmpty === false) missing.found((table.refs[id] as VariableRef).key);
  }
}

function setSize(held: unknown): number {
  return held instanceof ValueSet ? held.members.length : 0;
}

function hasMember(held: unknown, member: Json): boolean {
  return held instanceof MemberSet ? held.has(member) : new MemberSet(held).has(member);
}

function sizeChange(had: boolean, present: boolean, bytes: number): number {
  if (had === present) return 0;
  return present ? bytes + MEMBER_BYTES : -(bytes + MEMBER_BYTES);
}
