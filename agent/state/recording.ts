/**
 * Stamping and appending, one synchronous step: everything that this node records passes here.
 * Hot: bench `agent-record`.
 *
 *     set(id, value)   t = clock.change()  ->  window.append(t, after, before)  ->  table = after
 *
 * So seq order is time order, the old value is the one replaced, and an event that threw half-way
 * (a broken clock) is no event at all: the clock comes first, the rest cannot fail.
 */
import {
  type EventBody,
  type Hlc,
  type HlcClock,
  type Json,
  KindCode,
  ValueSet,
  ValueTag,
  type VariableRef,
} from "../kernel/index.ts";
import { MemberSet, SET_TAG, tagOf } from "./cell.ts";
import { type EventWindow, MEMBER_HAD, MEMBER_LACKED, SHED_CODE } from "./event-window.ts";
import type { Guard } from "./guard.ts";
import { type Intake, takeIn, takeMember } from "./intake.ts";
import { STATE_LIMITS } from "./limits.ts";
import { changeBytes, StampGroup } from "./stamp-group.ts";
import type { LogRecord, TableOwner, VariableTable } from "./variable-table.ts";

const SET = KindCode.set;
const DELETE = KindCode.delete;
const ADD = KindCode.add;
const REMOVE = KindCode.remove;
/** At most: a finite double. */
const NUMBER_BYTES = 12;

/** One change of a commit, its value taken in already. */
export interface PlannedChange {
  readonly kind: number;
  readonly key: string;
  readonly taken: Intake | undefined;
}

export class Recording implements TableOwner {
  readonly clock: HlcClock;
  readonly window: EventWindow;
  readonly table: VariableTable;
  readonly guard: Guard;
  /** Index of the latest event that may have shaped a message: see `Freshness` of the recorder port. */
  #lastShapingIndex = -1;
  #shedCount = 0;
  #partedCommitCount = 0;
  readonly #group = new StampGroup();

  constructor(clock: HlcClock, window: EventWindow, table: VariableTable, guard: Guard) {
    this.clock = clock;
    this.window = window;
    this.table = table;
    this.guard = guard;
    table.ownedBy(this);
  }

  get isOff(): boolean {
    return this.guard.isOff;
  }

  /** Commits that were too large for one stamp and have several. */
  get partedCommitCount(): number {
    return this.#partedCommitCount;
  }

  /** Lets go of events past the window's age, and of variables that nothing names any more. Never throws. */
  tidy(): void {
    try {
      const { clock, window, table } = this;
      window.trim(Math.max(clock.last, clock.physicalNow()) as Hlc);
      table.reclaim(window.firstIndex);
    } catch (error) {
      this.guard.caught(error, "tidying");
    }
  }

  /**
   * Every variable's integer is taken. The window is made shorter before a change is shed: by what it
   * knows of a variable that went away, if that was shipped. A shorter past here is said
   * (`outside-window`); a change that was never recorded is gone.
   */
  makeRoom(): void {
    this.tidy();
    const { window, table } = this;
    if (table.hasRoom) return;
    window.forget(table.oldestDelete() + 1);
    table.reclaim(window.firstIndex);
  }

  /** Changes not recorded for want of room; each has a seq, and is shipped as lost. */
  get shedCount(): number {
    return this.#shedCount;
  }

  /** Index of the latest state, receive, request or failed-send event; -1: none. */
  get lastShapingIndex(): number {
    return this.#lastShapingIndex;
  }

  /** The variable's integer, for a change of that kind; below 0: there is no room, and it must be shed. */
  idFor(log: LogRecord, key: string, kind: number): number {
    const known = log.keys.get(key);
    if (known !== undefined) return known;
    const tellsAll = kind === SET || kind === DELETE;
    if (!tellsAll && log.missing.has(key)) return -1; // of a set that nobody knows
    const id = this.table.idOf(log, key);
    if (id >= 0 && tellsAll) log.missing.found(key);
    return id;
  }

  /** Sets a variable. A number over a plain value allocates nothing. Never throws. */
  set(id: number, value: unknown): Hlc {
    const { table, window, guard, clock } = this;
    const oldTag = table.tag[id] as number;
    if (typeof value !== "number" || value - value !== 0 || oldTag > 4 || guard.isOff) {
      return this.setTaken(id, takeIn(value));
    }
    try {
      // As #changeStamp, which would return the stamp in a box wherever it is not inlined.
      clock.issueChange();
      if (clock.last === window.lastT) this.#limitSharing(1, this.#bytesOf(id, NUMBER_BYTES));
      const t = clock.last;
      const after = value + 0;
      this.#lastShapingIndex = window.nextIndex;
      window.append(t, SET, id, (oldTag << 4) | 4, after, table.number[id] as number);
      table.tag[id] = 4;
      table.number[id] = after;
      return t;
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Sets a variable to a value that was taken in. Never throws. */
  setTaken(id: number, taken: Intake): Hlc {
    try {
      return this.#applySet(this.#stampOf(id, taken.bytes), id, taken);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Removes a variable, which need not exist. Never throws. */
  delete(id: number): Hlc {
    try {
      return this.#applyDelete(this.#stampOf(id, 0), id);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Puts a member into a variable's set, or takes it out. What was no set becomes one. Never throws. */
  member(id: number, value: unknown, present: boolean): Hlc {
    try {
      const taken = takeMember(value);
      return this.#applyMember(this.#stampOf(id, taken.bytes), id, taken, present);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /**
   * Records changes under one stamp. Past STATE_LIMITS.commitChanges or commitBytes a further stamp
   * begins, since a batch holds a commit undivided; `partedCommitCount` counts that. Never throws.
   */
  commit(log: LogRecord, changes: readonly PlannedChange[]): Hlc {
    if (this.guard.isOff || changes.length === 0) return this.clock.last;
    try {
      let { end, bytes } = groupFrom(changes, 0);
      if (end < changes.length) this.#partedCommitCount += 1;
      let t = this.#commitGroup(log, changes, 0, end, this.#changeStamp(end, bytes));
      while (end < changes.length) {
        const start = end;
        ({ end, bytes } = groupFrom(changes, start));
        t = this.#commitGroup(log, changes, start, end, this.clock.now());
      }
      return t;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #commitGroup(
    log: LogRecord,
    changes: readonly PlannedChange[],
    start: number,
    end: number,
    stamp: Hlc,
  ): Hlc {
    let t = stamp;
    for (let i = start; i < end; i += 1) {
      const { kind, key, taken } = changes[i] as PlannedChange;
      const id = this.idFor(log, key, kind);
      // A change that was shed has a stamp of its own; what follows it is later.
      if (this.clock.last !== t) t = this.clock.now();
      if (id < 0) this.#shed(log, key, kind);
      else if (taken === undefined) this.#applyDelete(t, id);
      else if (kind === SET) this.#applySet(t, id, taken);
      else this.#applyMember(t, id, taken, kind === ADD);
    }
    return t;
  }

  /**
   * A change that there was no room for: it gets its seq, and is shipped as lost. Never throws.
   * @param key undefined: not known any more
   */
  shed(log: LogRecord, key: string | undefined, kind: number): Hlc {
    try {
      return this.#shed(log, key, kind);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Everything in the log is lost from here on, until a keyframe says what there is. */
  loseLog(log: LogRecord): void {
    this.window.append(this.clock.now(), SHED_CODE, log.index, 0, 0, 0);
    this.#shedCount += 1;
  }

  /**
   * Records an event that is no change, under a stamp issued for it just now.
   * @param shapes whether it may shape a message that leaves later
   */
  body(t: Hlc, body: EventBody, bytes: number, shapes: boolean): void {
    if (shapes) this.#lastShapingIndex = this.window.nextIndex;
    this.window.appendBody(t, KindCode[body.kind], body, bytes);
  }

  /** A stamp for one change; undefined: the agent is off. */
  #stampOf(id: number, valueBytes: number): Hlc | undefined {
    return this.guard.isOff ? undefined : this.#changeStamp(1, this.#bytesOf(id, valueBytes));
  }

  /** A stamp for so many changes. */
  #changeStamp(count: number, bytes: number): Hlc {
    this.clock.issueChange();
    if (this.clock.last === this.window.lastT) this.#limitSharing(count, bytes);
    else this.#group.begin(this.clock.last, count, bytes);
    return this.clock.last;
  }

  /** In a flood changes share a stamp, as one commit: never more of them than a batch could hold. */
  #limitSharing(count: number, bytes: number): void {
    if (this.#group.takes(this.clock.last, count, bytes)) return;
    this.#group.begin(this.clock.now(), count, bytes);
  }

  #bytesOf(id: number, valueBytes: number): number {
    return changeBytes(this.table.refs[id]?.key ?? "", valueBytes);
  }

  #applySet(t: Hlc | undefined, id: number, taken: Intake): Hlc {
    const { table } = this;
    const { value, bytes, cutShort } = taken;
    const newTag = tagOf(value, cutShort);
    const number = newTag === ValueTag.number ? (value as number) : bytes;
    const at = t === undefined ? this.clock.last : this.#append(t, SET, id, newTag, number, value);
    this.#found(id);
    table.tag[id] = newTag;
    table.number[id] = number;
    table.other[id] = newTag > ValueTag.number ? value : undefined;
    return at;
  }

  #applyDelete(t: Hlc | undefined, id: number): Hlc {
    const { table } = this;
    if (t !== undefined) table.noteDeleted(id, this.window.nextIndex);
    const at = t === undefined ? this.clock.last : this.#append(t, DELETE, id, 0, 0, undefined);
    this.#found(id);
    table.tag[id] = ValueTag.none;
    table.number[id] = 0;
    table.other[id] = undefined;
    return at;
  }

  /** Appends a `set` or `delete` with the value that stands in the table as the old one. */
  #append(t: Hlc, kind: number, id: number, newTag: number, number: number, other: unknown): Hlc {
    const { table, window } = this;
    const oldTag = table.tag[id] as number;
    let after = number;
    let before = table.number[id] as number;
    if (newTag > ValueTag.number || oldTag > ValueTag.number) {
      const chunk = window.roomForObjects();
      if (newTag > ValueTag.number) after = chunk.keep(other, number);
      if (oldTag > ValueTag.number) before = chunk.keep(table.other[id], before);
    }
    this.#lastShapingIndex = window.nextIndex;
    window.append(t, kind, id, (oldTag << 4) | newTag, after, before);
    return t;
  }

  #applyMember(
    t: Hlc | undefined,
    id: number,
    taken: Intake & { readonly value: unknown },
    present: boolean,
  ): Hlc {
    const { table, window } = this;
    const member = taken.value as Json;
    const oldTag = table.tag[id] as number;
    const held = table.other[id];
    const wasSet = held instanceof MemberSet || held instanceof ValueSet;
    const set = held instanceof MemberSet ? held : new MemberSet(held);
    const log = table.logs[table.logOf[id] as number] as LogRecord;
    const { key } = table.refs[id] as VariableRef;
    const isFull = present && set.size >= STATE_LIMITS.setMembers && !set.has(member);
    // Of a set that lost a member nobody knows what one more or less makes of it.
    if (isFull || (!log.missing.isEmpty && log.missing.has(key))) {
      return this.#shed(log, key, present ? ADD : REMOVE);
    }
    const had = set.put(member, present);
    if (t !== undefined) {
      const newTag = tagOf(member, taken.cutShort);
      let after = newTag === ValueTag.number ? (member as number) : 0;
      let before = table.number[id] as number;
      const chunk = window.roomForObjects();
      if (newTag > ValueTag.number) after = chunk.keep(member, taken.bytes);
      if (oldTag > ValueTag.number && !wasSet) before = chunk.keep(held, before);
      const oldState = wasSet ? (had ? MEMBER_HAD : MEMBER_LACKED) : oldTag;
      this.#lastShapingIndex = window.nextIndex;
      window.append(t, present ? ADD : REMOVE, id, (oldState << 4) | newTag, after, before);
    }
    const bytes =
      (wasSet ? (table.number[id] as number) : 0) + sizeChange(had, present, taken.bytes);
    table.tag[id] = SET_TAG;
    table.number[id] = Math.max(0, bytes);
    table.other[id] = set;
    return t ?? this.clock.last;
  }

  /** The variable's value is known, whatever was shed before. */
  #found(id: number): void {
    const { table } = this;
    const missing = table.logs[table.logOf[id] as number]?.missing;
    if (missing?.isEmpty === false) missing.found((table.refs[id] as VariableRef).key);
  }

  /** Under a stamp of its own, so that no commit has a loss inside. */
  #shed(log: LogRecord, key: string | undefined, kind: number): Hlc {
    if (this.guard.isOff) return this.clock.last;
    const t = this.clock.now();
    this.#shedCount += 1;
    this.window.append(t, SHED_CODE, log.index, 0, 0, 0);
    if (key === undefined) log.missing.noteUnnamed();
    else if (kind === DELETE) log.missing.found(key);
    else log.missing.note(key);
    return t;
  }

  #failed(error: unknown): Hlc {
    this.guard.caught(error, "recording");
    return this.clock.last;
  }
}

function sizeChange(had: boolean, present: boolean, bytes: number): number {
  if (had === present) return 0;
  return present ? bytes + 32 : -(bytes + 32);
}

/** The changes from `start` on that may share a stamp: at least one. */
function groupFrom(
  changes: readonly PlannedChange[],
  start: number,
): { readonly end: number; readonly bytes: number } {
  const most = Math.min(changes.length, start + STATE_LIMITS.commitChanges);
  let bytes = 0;
  let end = start;
  for (; end < most; end += 1) {
    const { key, taken } = changes[end] as PlannedChange;
    const more = changeBytes(key, taken?.bytes ?? 0);
    if (end > start && bytes + more > STATE_LIMITS.commitBytes) break;
    bytes += more;
  }
  return { end, bytes };
}
