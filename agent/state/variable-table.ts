/**
 * The state now: every variable has a small integer, and its value stands in columns under it. Hot:
 * bench `agent-record`.
 *
 *     log "stock" --keys--> "apples" = 7        tag[7] = number, number[7] = 12
 *                           "owners" = 8        tag[8] = set,    other[8]  = MemberSet
 *
 * A number is set without a look-up, a box or an object; a name is looked up only by callers that have
 * no handle. An integer is given back when its variable is absent and the window has forgotten it, so a
 * map of sessions may run for months; those of handles are kept for good. When all are taken, the owner
 * is asked to make room before a change is shed.
 *
 * Past STATE_LIMITS.logs names, and while the agent is off, a log is unknown: it is kept nowhere, and
 * what is recorded in it is shed.
 */
import { type Value, ValueTag, type VariableRef } from "../kernel/index.ts";
import { cellValue } from "./cell.ts";
import { DeletedQueue } from "./deleted-queue.ts";
import { STATE_LIMITS } from "./limits.ts";
import { MissingKeys } from "./missing-keys.ts";
import { type LogRules, Redaction } from "./redaction.ts";
import { ownText } from "./texts.ts";

const INITIAL_VARIABLES = 256;
/** Integers given back by one call, so that a call is short; the next goes on. */
const MAX_RECLAIMED = 10_000;
/** What the collector is told that lost something when logs beyond the limit did. */
export const FURTHER_LOGS = "(further logs)";

/** One log of this node. */
export interface LogRecord {
  readonly name: string;
  readonly index: number;
  /** Every variable known by its key, absent ones too. */
  readonly keys: Map<string, number>;
  /** Variables whose value was shed. */
  readonly missing: MissingKeys;
  /** What is redacted in it. */
  readonly rules: LogRules;
  /** False: beyond the limit of names, or made while off; hold on to it no longer than to what asked. */
  readonly isKnown: boolean;
}

/** What the table asks of the one who owns it. */
export interface TableOwner {
  readonly isOff: boolean;
  readonly redaction: Redaction;
  /** Every integer is taken: gives back what can be given back. Never throws. */
  makeRoom(): void;
  /** A log was named for the first time; nothing is recorded in it yet. Never throws. */
  logMade(log: LogRecord): void;
}

export class VariableTable {
  /** By variable: see cell.ts. */
  tag: Uint8Array = new Uint8Array(INITIAL_VARIABLES);
  /** The number itself; for values in `other` their size in bytes. */
  number: Float64Array = new Float64Array(INITIAL_VARIABLES);
  readonly other: unknown[] = [];
  /** By variable: what is redacted of its values (redaction.ts). */
  treatment: Uint8Array = new Uint8Array(INITIAL_VARIABLES);
  readonly refs: VariableRef[] = [];
  /** By variable: index of its log. */
  readonly logOf: number[] = [];
  readonly logs: LogRecord[] = [];
  readonly #byName = new Map<string, LogRecord>();
  readonly #pinned = new Set<number>();
  readonly #free: number[] = [];
  readonly #deleted = new DeletedQueue();
  #owner: TableOwner | undefined;
  #reuseCount = 0;

  /** How many integers were given out: ids are below this. */
  get size(): number {
    return this.refs.length;
  }

  /** Rises when an integer is given to another variable: a view made before must begin anew. */
  get reuseCount(): number {
    return this.#reuseCount;
  }

  /** Who makes room when there is none. */
  ownedBy(owner: TableOwner): void {
    this.#owner = owner;
  }

  log(name: string): LogRecord {
    const log = this.#byName.get(name);
    if (log !== undefined) return log;
    if (this.#owner?.isOff === true) return this.#newLog(name, false);
    if (this.#byName.size >= STATE_LIMITS.logs) return this.#furtherLogs;
    const made = this.#newLog(name, true);
    this.#byName.set(name, made);
    this.logs.push(made);
    this.#owner?.logMade(made);
    return made;
  }

  /** All logs beyond the limit, as one: its index is in `logs`, so that a loss can name it. */
  get #furtherLogs(): LogRecord {
    const last = this.logs.at(-1);
    if (last !== undefined && !last.isKnown) return last;
    const made = this.#newLog(FURTHER_LOGS, false);
    made.missing.noteUnnamed();
    this.logs.push(made);
    return made;
  }

  #newLog(name: string, isKnown: boolean): LogRecord {
    return {
      name: ownText(name),
      index: this.logs.length,
      keys: new Map(),
      missing: new MissingKeys(),
      rules: (this.#owner?.redaction ?? Redaction.none).forLog(name),
      isKnown,
    };
  }

  findLog(name: string): LogRecord | undefined {
    return this.#byName.get(name);
  }

  /** The variable's integer; -1 when there is no room to know another. */
  idOf(log: LogRecord, key: string): number {
    return log.keys.get(key) ?? this.#newId(log, key);
  }

  /** As `idOf`, and the integer is never given back. */
  pinnedIdOf(log: LogRecord, key: string): number {
    const id = this.idOf(log, key);
    if (id >= 0) this.#pinned.add(id);
    return id;
  }

  /** Whether another variable can be known. */
  get hasRoom(): boolean {
    return this.#free.length > 0 || this.refs.length < STATE_LIMITS.variables;
  }

  #newId(log: LogRecord, key: string): number {
    if (!log.isKnown || this.#owner?.isOff === true) return -1;
    if (!this.hasRoom) {
      this.#owner?.makeRoom();
      if (!this.hasRoom) return -1;
    }
    const given = this.#free.pop();
    if (given !== undefined) this.#reuseCount += 1;
    const id = given ?? this.refs.length;
    if (id === this.tag.length) this.#grow();
    this.tag[id] = ValueTag.none;
    this.number[id] = 0;
    this.other[id] = undefined;
    const name = ownText(key);
    this.treatment[id] = log.rules.treatmentOf(name);
    this.refs[id] = { log: log.name, key: name };
    this.logOf[id] = log.index;
    log.keys.set(name, id);
    return id;
  }

  #grow(): void {
    const tag = new Uint8Array(this.tag.length * 2);
    tag.set(this.tag);
    this.tag = tag;
    const number = new Float64Array(this.number.length * 2);
    number.set(this.number);
    this.number = number;
    const treatment = new Uint8Array(this.treatment.length * 2);
    treatment.set(this.treatment);
    this.treatment = treatment;
  }

  /** The value now; undefined: absent. */
  value(id: number): Value | undefined {
    return cellValue(this.tag[id] as number, this.number[id] as number, this.other[id]);
  }

  /** Notes that a variable went away with the event of that index. */
  noteDeleted(id: number, index: number): void {
    if (!this.#pinned.has(id)) this.#deleted.push(id, index, this.tag.length);
  }

  /** How many deleted variables wait to be given back. */
  get deletedCount(): number {
    return this.#deleted.count;
  }

  /** Window index of the delete of the variable that is absent the longest; -1: none is absent. */
  oldestDelete(): number {
    for (;;) {
      const id = this.#deleted.oldest;
      if (id < 0) return -1;
      if (this.#isReclaimable(id)) return this.#deleted.indexOf(id);
      this.#deleted.remove(id); // it came back, or has a handle now
    }
  }

  /**
   * Gives back the integers of variables that are absent and that the window, from `firstIndex`, forgot:
   * so many at once, the rest next time.
   */
  reclaim(firstIndex: number): void {
    for (let count = 0; count < MAX_RECLAIMED; count += 1) {
      const id = this.#deleted.oldest;
      if (id < 0 || this.#deleted.indexOf(id) >= firstIndex) return;
      this.#deleted.remove(id);
      if (!this.#isReclaimable(id)) continue;
      const ref = this.refs[id] as VariableRef;
      this.#byName.get(ref.log)?.keys.delete(ref.key);
      this.#free.push(id);
    }
  }

  #isReclaimable(id: number): boolean {
    return this.tag[id] === ValueTag.none && !this.#pinned.has(id);
  }
}
