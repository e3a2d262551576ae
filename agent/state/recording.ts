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
  type Value,
} from "../kernel/index.ts";
import { Changes } from "./changes.ts";
import { groupFrom, type PlannedChange } from "./commit-groups.ts";
import { type EventWindow, SHED_CODE } from "./event-window.ts";
import type { Guard } from "./guard.ts";
import { takeIn, takeMember } from "./intake.ts";
import { Redaction, Treatment } from "./redaction.ts";
import { changeBytes, StampGroup } from "./stamp-group.ts";
import type { Intake } from "./value-copy.ts";
import type { LogRecord, TableOwner, VariableTable } from "./variable-table.ts";

const SET = KindCode.set;
const DELETE = KindCode.delete;
const ADD = KindCode.add;
const LOOK = Treatment.look;
/** At most: a finite double. */
const NUMBER_BYTES = 12;

export class Recording implements TableOwner {
  readonly clock: HlcClock;
  readonly window: EventWindow;
  readonly table: VariableTable;
  readonly guard: Guard;
  readonly redaction: Redaction;
  /** Told of each new log before anything is recorded in it. */
  onLog: ((log: LogRecord) => void) | undefined;
  /** Index of the latest event that may have shaped a message: see `Freshness` of the recorder port. */
  #lastShapingIndex = -1;
  #shedCount = 0;
  #partedCommitCount = 0;
  readonly #group = new StampGroup();
  readonly #changes: Changes;
  /**
   * Sets a variable. A number over a plain value allocates nothing. Never throws.
   *
   * It returns no stamp, which would be a box wherever V8 does not inline it: callers read `last`. A function
   * in a field, so that V8 can be kept from taking it into its callers: see variable.ts.
   */
  readonly set: (id: number, value: unknown) => void = this.#setValue;

  constructor(
    clock: HlcClock,
    window: EventWindow,
    table: VariableTable,
    guard: Guard,
    redaction: Redaction = Redaction.none,
  ) {
    this.clock = clock;
    this.window = window;
    this.table = table;
    this.guard = guard;
    this.redaction = redaction;
    this.#changes = new Changes(table, window);
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

  logMade(log: LogRecord): void {
    try {
      this.onLog?.(log);
    } catch (error) {
      this.guard.caught(error, "naming a log");
    }
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

  /** The latest stamp: after a call below, that of what it recorded. */
  get last(): Hlc {
    return this.clock.last;
  }

  #setValue(id: number, value: unknown): void {
    const { table, window, guard, clock } = this;
    const oldTag = table.tag[id] as number;
    if (
      typeof value !== "number" ||
      value - value !== 0 ||
      oldTag > 4 ||
      (table.treatment[id] as number) > LOOK ||
      guard.isOff
    ) {
      this.setTaken(id, this.takeIn(id, value));
      return;
    }
    try {
      clock.issueChange();
      if (clock.last === window.lastT) this.#limitSharing(1, this.#bytesOf(id, NUMBER_BYTES));
      const after = value + 0;
      this.#lastShapingIndex = window.nextIndex;
      window.append(clock.last, SET, id, (oldTag << 4) | 4, after, table.number[id] as number);
      table.tag[id] = 4;
      table.number[id] = after;
    } catch (error) {
      guard.caught(error, "recording");
    }
  }

  valueOf(id: number): Value | undefined {
    return this.table.value(id);
  }

  /** A value as it may be kept in that variable: bounded, redacted. Never throws. */
  takeIn(id: number, value: unknown): Intake {
    const { table } = this;
    const log = table.logs[table.logOf[id] as number];
    return takeIn(value, log?.rules, table.treatment[id]);
  }

  /** As `takeIn`, for a variable that need not be known yet. */
  takeInto(log: LogRecord, key: string, value: unknown): Intake {
    return takeIn(value, log.rules, this.#treatmentOf(log, key));
  }

  /** As `takeInto`, for a member of a set. */
  takeMember(log: LogRecord, key: string, value: unknown): Intake & { readonly value: Json } {
    return takeMember(value, log.rules, this.#treatmentOf(log, key));
  }

  #treatmentOf(log: LogRecord, key: string): number {
    const id = log.keys.get(key);
    return id === undefined ? log.rules.treatmentOf(key) : (this.table.treatment[id] as number);
  }

  /** Sets a variable to a value that was taken in. Never throws. */
  setTaken(id: number, taken: Intake): void {
    try {
      this.#apply(this.#stampOf(id, taken.bytes), SET, id, taken);
    } catch (error) {
      this.guard.caught(error, "recording");
    }
  }

  /** Removes a variable, which need not exist. Never throws. */
  delete(id: number): void {
    try {
      this.#apply(this.#stampOf(id, 0), DELETE, id, undefined);
    } catch (error) {
      this.guard.caught(error, "recording");
    }
  }

  /** Puts a member into a variable's set, or takes it out. What was no set becomes one. Never throws. */
  member(id: number, taken: Intake & { readonly value: Json }, present: boolean): void {
    try {
      const { table } = this;
      if (this.#changes.isMemberKnowable(id, taken.value, present)) {
        this.#apply(this.#stampOf(id, taken.bytes), present ? ADD : KindCode.remove, id, taken);
        return;
      }
      const log = table.logs[table.logOf[id] as number] as LogRecord;
      this.#shed(log, table.refs[id]?.key, present ? ADD : KindCode.remove);
    } catch (error) {
      this.guard.caught(error, "recording");
    }
  }

  /**
   * Records changes under one stamp. Past STATE_LIMITS.commitChanges or commitBytes a further stamp
   * begins, since a batch holds a commit undivided; `partedCommitCount` counts that. Never throws.
   */
  commit(log: LogRecord, changes: readonly PlannedChange[]): void {
    if (this.guard.isOff || changes.length === 0) return;
    try {
      let { end, bytes } = groupFrom(changes, 0);
      if (end < changes.length) this.#partedCommitCount += 1;
      this.#commitGroup(log, changes, 0, end, this.#changeStamp(end, bytes));
      while (end < changes.length) {
        const start = end;
        ({ end, bytes } = groupFrom(changes, start));
        this.#commitGroup(log, changes, start, end, this.clock.now());
      }
    } catch (error) {
      this.guard.caught(error, "recording");
    }
  }

  #commitGroup(
    log: LogRecord,
    changes: readonly PlannedChange[],
    start: number,
    end: number,
    stamp: Hlc,
  ): void {
    let t = stamp;
    for (let i = start; i < end; i += 1) {
      const { kind, key, taken } = changes[i] as PlannedChange;
      const id = this.idFor(log, key, kind);
      // A change that was shed has a stamp of its own; what follows it is later.
      if (this.clock.last !== t) t = this.clock.now();
      if (id < 0 || !this.#isKnowable(kind, id, taken)) this.#shed(log, key, kind);
      else this.#apply(t, kind, id, taken);
    }
  }

  #isKnowable(kind: number, id: number, taken: Intake | undefined): boolean {
    if (kind === SET || taken === undefined) return true;
    return this.#changes.isMemberKnowable(id, taken.value as Json, kind === ADD);
  }

  /** @param taken undefined: a delete */
  #apply(t: Hlc | undefined, kind: number, id: number, taken: Intake | undefined): void {
    if (t !== undefined) this.#lastShapingIndex = this.window.nextIndex;
    if (taken === undefined) this.#changes.delete(t, id);
    else if (kind === SET) this.#changes.set(t, id, taken);
    else this.#changes.member(t, id, taken, kind === ADD);
  }

  /**
   * A change that there was no room for: it gets its seq, and is shipped as lost. Never throws.
   * @param key undefined: not known any more
   */
  shed(log: LogRecord, key: string | undefined, kind: number): void {
    try {
      this.#shed(log, key, kind);
    } catch (error) {
      this.guard.caught(error, "recording");
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

  /** Under a stamp of its own, so that no commit has a loss inside. */
  #shed(log: LogRecord, key: string | undefined, kind: number): void {
    if (this.guard.isOff) return;
    const t = this.clock.now();
    this.#shedCount += 1;
    this.window.append(t, SHED_CODE, log.index, 0, 0, 0);
    if (key === undefined) log.missing.noteUnnamed();
    else if (kind === DELETE) log.missing.found(key);
    else log.missing.note(key);
  }
}
