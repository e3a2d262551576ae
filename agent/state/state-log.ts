/**
 * What a service holds in its hands: a log of variables, a commit on it, and a handle of one variable.
 * All calls return at once, never throw, and return the timestamp of what they recorded.
 */
import { type Hlc, KindCode, toJsonForm, type Value } from "../kernel/index.ts";
import { takeIn, takeMember, takeName } from "./intake.ts";
import { STATE_LIMITS } from "./limits.ts";
import type { PlannedChange, Recording } from "./recording.ts";
import type { LogRecord } from "./variable-table.ts";

/**
 * The changes of one commit. They take effect together when the function given to `commit` returns;
 * the values are copied at the call.
 */
export interface Commit {
  set(key: string, value: unknown): void;
  delete(key: string): void;
  add(key: string, member: unknown): void;
  remove(key: string, member: unknown): void;
}

/** A named group of variables on this node. One per name: `agent.log("stock")`. */
export class StateLog {
  readonly #recording: Recording;
  readonly #log: LogRecord;

  constructor(recording: Recording, log: LogRecord) {
    this.#recording = recording;
    this.#log = log;
  }

  /** As others see it: cut to 256 bytes. */
  get name(): string {
    return this.#log.name;
  }

  /**
   * Records that a variable has a value: JSON, or a `Set` of JSON. The value is copied; what is no JSON
   * or too large (8 KiB, depth 16, 1,000 entries) is cut, and a text says so in its place.
   */
  set(key: string, value: unknown): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#log.keys.get(key) ?? this.#idFor(key, KindCode.set);
    return id < 0 ? this.#shed(key, KindCode.set) : this.#recording.set(id, value);
  }

  /** Records that a variable went away. */
  delete(key: string): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#log.keys.get(key) ?? this.#idFor(key, KindCode.delete);
    return id < 0 ? this.#shed(key, KindCode.delete) : this.#recording.delete(id);
  }

  /** Records that a member entered a variable's set, which need not exist. */
  add(key: string, member: unknown): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#log.keys.get(key) ?? this.#idFor(key, KindCode.add);
    return id < 0 ? this.#shed(key, KindCode.add) : this.#recording.member(id, member, true);
  }

  /** Records that a member left a variable's set. */
  remove(key: string, member: unknown): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#log.keys.get(key) ?? this.#idFor(key, KindCode.remove);
    return id < 0 ? this.#shed(key, KindCode.remove) : this.#recording.member(id, member, false);
  }

  /**
   * Records several changes under one timestamp: no cut lies between them. If `change` throws, nothing
   * is recorded and the error is the caller's own.
   *
   * A batch holds a commit undivided, so more than 4,096 changes or 1 MiB of names and values take
   * further timestamps. Past 65,536 changes or 16 MiB a commit is recorded as it goes, and no longer
   * taken back if `change` throws.
   *
   * @example
   * agent.log("accounts").commit((tx) => {
   *   tx.set("alice", 90);
   *   tx.set("bob", 110);
   * });
   */
  commit(change: (tx: Commit) => void): Hlc {
    let changes: PlannedChange[] = [];
    let bytes = 0;
    let isOpen = true;
    const plan = (kind: number, key: string, taken: PlannedChange["taken"]): void => {
      if (this.#recording.guard.isOff) return;
      changes.push({ kind, key: takeName(key), taken });
      bytes += taken?.bytes ?? 0;
      const isFull =
        changes.length >= STATE_LIMITS.commitPlanned || bytes > STATE_LIMITS.commitPlannedBytes;
      // A transaction used after its end (an async function): each change is a commit of its own.
      if (isOpen && !isFull) return;
      this.#recording.commit(this.#log, changes);
      changes = [];
      bytes = 0;
    };
    change({
      set: (key, value) => plan(KindCode.set, key, takeIn(value)),
      delete: (key) => plan(KindCode.delete, key, undefined),
      add: (key, member) => plan(KindCode.add, key, takeMember(member)),
      remove: (key, member) => plan(KindCode.remove, key, takeMember(member)),
    });
    isOpen = false;
    const planned = changes;
    changes = [];
    return this.#recording.commit(this.#log, planned);
  }

  #shed(key: string, kind: number): Hlc {
    return this.#recording.shed(this.#log, takeName(key), kind);
  }

  #idFor(key: string, kind: number): number {
    return this.#recording.idFor(this.#log, takeName(key), kind);
  }
}

/**
 * A handle of one variable, for those that change often: no name is looked up, and setting a number
 * allocates nothing.
 *
 * @example
 * const leader = agent.variable("election", "leader");
 * leader.set("n1");
 * leader.value; // "n1"
 */
export class Variable {
  readonly #recording: Recording;
  readonly #log: LogRecord;
  readonly #id: number;
  /** The value where there is no variable: the agent is off, or has no room for it. */
  #unrecorded: Value | undefined;

  constructor(recording: Recording, log: LogRecord, id: number) {
    this.#recording = recording;
    this.#log = log;
    this.#id = id;
  }

  /** As `StateLog.set`. */
  set(value: unknown): Hlc {
    if (this.#id >= 0) return this.#recording.set(this.#id, value);
    this.#unrecorded = takeIn(value).value;
    return this.#recording.shed(this.#log, undefined, KindCode.set);
  }

  /** Records that the variable went away. */
  delete(): Hlc {
    if (this.#id >= 0) return this.#recording.delete(this.#id);
    this.#unrecorded = undefined;
    return this.#recording.shed(this.#log, undefined, KindCode.delete);
  }

  /** The value as it was set, a copy; a set is `{"$set": [...]}`; undefined while there is none. */
  get value(): unknown {
    const value = this.#id < 0 ? this.#unrecorded : this.#recording.table.value(this.#id);
    return value === undefined ? undefined : toJsonForm(value);
  }
}
