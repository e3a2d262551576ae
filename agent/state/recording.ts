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
} from "../kernel/index.ts";
import { MemberSet, SET_TAG, tagOf } from "./cell.ts";
import { type EventWindow, MEMBER_HAD, MEMBER_LACKED, SHED_CODE } from "./event-window.ts";
import type { Guard } from "./guard.ts";
import { type Intake, takeIn, takeMember } from "./intake.ts";
import { STATE_LIMITS } from "./limits.ts";
import type { LogRecord, VariableTable } from "./variable-table.ts";

const SET = KindCode.set;
const DELETE = KindCode.delete;
const ADD = KindCode.add;
const REMOVE = KindCode.remove;

/** One change of a commit, its value taken in already. */
export interface PlannedChange {
  readonly kind: number;
  readonly key: string;
  readonly taken: Intake | undefined;
}

export class Recording {
  readonly clock: HlcClock;
  readonly window: EventWindow;
  readonly table: VariableTable;
  readonly guard: Guard;
  /** Index of the latest event that may have shaped a message: see `Freshness` of the recorder port. */
  #lastShapingIndex = -1;
  #shedCount = 0;
  #sharedCount = 0;

  constructor(clock: HlcClock, window: EventWindow, table: VariableTable, guard: Guard) {
    this.clock = clock;
    this.window = window;
    this.table = table;
    this.guard = guard;
  }

  /** Changes not recorded for want of room; each has a seq, and is shipped as lost. */
  get shedCount(): number {
    return this.#shedCount;
  }

  /** Index of the latest state, receive, request or failed-send event; -1: none. */
  get lastShapingIndex(): number {
    return this.#lastShapingIndex;
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
      if (clock.last === window.lastT) this.#limitSharing();
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
      const t = this.guard.isOff ? undefined : this.#changeStamp();
      return this.#applySet(t, id, taken);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Removes a variable, which need not exist. Never throws. */
  delete(id: number): Hlc {
    try {
      return this.#applyDelete(this.guard.isOff ? undefined : this.#changeStamp(), id);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Puts a member into a variable's set, or takes it out. What was no set becomes one. Never throws. */
  member(id: number, value: unknown, present: boolean): Hlc {
    try {
      const taken = takeMember(value);
      return this.#applyMember(
        this.guard.isOff ? undefined : this.#changeStamp(),
        id,
        taken,
        present,
      );
    } catch (error) {
      return this.#failed(error);
    }
  }

  /**
   * Records changes under one stamp. Past STATE_LIMITS.commitChanges or commitBytes a further stamp
   * begins, since a batch holds a commit undivided. Never throws.
   */
  commit(log: LogRecord, changes: readonly PlannedChange[]): Hlc {
    if (this.guard.isOff || changes.length === 0) return this.clock.last;
    try {
      let t = this.#changeStamp();
      let count = 0;
      let bytes = 0;
      for (const { kind, key, taken } of changes) {
        bytes += taken?.bytes ?? 0;
        if (count >= STATE_LIMITS.commitChanges || bytes > STATE_LIMITS.commitBytes) {
          if (count > 0) t = this.clock.now();
          count = 0;
          bytes = taken?.bytes ?? 0;
        }
        count += 1;
        const id = this.table.idOf(log, key);
        // A change that was shed has a stamp of its own; what follows it is later.
        if (this.clock.last !== t) t = this.clock.now();
        if (id < 0) this.#shed(log.index);
        else if (taken === undefined) this.#applyDelete(t, id);
        else if (kind === SET) this.#applySet(t, id, taken);
        else this.#applyMember(t, id, taken, kind === ADD);
      }
      return t;
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** A change that there was no room for: it gets its seq, and is shipped as lost. Never throws. */
  shed(log: LogRecord): Hlc {
    try {
      return this.#shed(log.index);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /**
   * Records an event that is no change, under a stamp issued for it just now.
   * @param shapes whether it may shape a message that leaves later
   */
  body(t: Hlc, body: EventBody, bytes: number, shapes: boolean): void {
    if (shapes) this.#lastShapingIndex = this.window.nextIndex;
    this.window.appendBody(t, KindCode[body.kind], body, bytes);
  }

  /** A stamp for a change. */
  #changeStamp(): Hlc {
    this.clock.issueChange();
    if (this.clock.last === this.window.lastT) this.#limitSharing();
    return this.clock.last;
  }

  /** In a flood changes share a stamp, as one commit: never more of them than a batch could hold. */
  #limitSharing(): void {
    this.#sharedCount += 1;
    if (this.#sharedCount < STATE_LIMITS.commitChanges) return;
    this.#sharedCount = 0;
    this.clock.now();
  }

  #applySet(t: Hlc | undefined, id: number, taken: Intake): Hlc {
    const { table } = this;
    const { value, bytes, cutShort } = taken;
    const newTag = tagOf(value, cutShort);
    const number = newTag === ValueTag.number ? (value as number) : bytes;
    const at = t === undefined ? this.clock.last : this.#append(t, SET, id, newTag, number, value);
    table.tag[id] = newTag;
    table.number[id] = number;
    table.other[id] = newTag > ValueTag.number ? value : undefined;
    return at;
  }

  #applyDelete(t: Hlc | undefined, id: number): Hlc {
    const { table } = this;
    if (t !== undefined) table.noteDeleted(id, this.window.nextIndex);
    const at = t === undefined ? this.clock.last : this.#append(t, DELETE, id, 0, 0, undefined);
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
    if (present && set.size >= STATE_LIMITS.setMembers && !set.has(member)) {
      return this.#shed(table.logOf[id] as number);
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

  /** Under a stamp of its own, so that no commit has a loss inside. */
  #shed(logIndex: number): Hlc {
    if (this.guard.isOff) return this.clock.last;
    const t = this.clock.now();
    this.#shedCount += 1;
    this.window.append(t, SHED_CODE, logIndex, 0, 0, 0);
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
