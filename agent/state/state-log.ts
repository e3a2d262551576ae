/**
 * What a service holds in its hands: a log of variables, a commit on it, and a handle of one variable.
 * All calls return at once, never throw, and return the timestamp of what they recorded.
 */
import { type Hlc, KindCode, toJsonForm, type Value } from "../kernel/index.ts";
import { takeIn, takeMember, takeName } from "./intake.ts";
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
   * or too large (8 KiB, depth 16, 1,000 entries) is cut and marked.
   */
  set(key: string, value: unknown): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#id(key);
    return id < 0 ? this.#recording.shed(this.#log) : this.#recording.set(id, value);
  }

  /** Records that a variable went away. */
  delete(key: string): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#id(key);
    return id < 0 ? this.#recording.shed(this.#log) : this.#recording.delete(id);
  }

  /** Records that a member entered a variable's set, which need not exist. */
  add(key: string, member: unknown): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#id(key);
    return id < 0 ? this.#recording.shed(this.#log) : this.#recording.member(id, member, true);
  }

  /** Records that a member left a variable's set. */
  remove(key: string, member: unknown): Hlc {
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    const id = this.#id(key);
    return id < 0 ? this.#recording.shed(this.#log) : this.#recording.member(id, member, false);
  }

  /**
   * Records several changes under one timestamp: no cut lies between them. If `change` throws, nothing
   * is recorded and the error is the caller's own. More than 4,096 changes or 1 MiB of values take
   * further timestamps.
   *
   * @example
   * agent.log("accounts").commit((tx) => {
   *   tx.set("alice", 90);
   *   tx.set("bob", 110);
   * });
   */
  commit(change: (tx: Commit) => void): Hlc {
    const changes: PlannedChange[] = [];
    let isOpen = true;
    const plan = (kind: number, key: string, taken: PlannedChange["taken"]): void => {
      const planned = { kind, key: takeName(key), taken };
      // A transaction used after its end (an async function): each change is a commit of its own.
      if (isOpen) changes.push(planned);
      else this.#recording.commit(this.#log, [planned]);
    };
    change({
      set: (key, value) => plan(KindCode.set, key, takeIn(value)),
      delete: (key) => plan(KindCode.delete, key, undefined),
      add: (key, member) => plan(KindCode.add, key, takeMember(member)),
      remove: (key, member) => plan(KindCode.remove, key, takeMember(member)),
    });
    isOpen = false;
    if (this.#recording.guard.isOff) return this.#recording.clock.last;
    return this.#recording.commit(this.#log, changes);
  }

  #id(key: string): number {
    const known = this.#log.keys.get(key);
    return known ?? this.#recording.table.idOf(this.#log, takeName(key));
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

  constructor(recording: Recording, log: LogRecord, id: number) {
    this.#recording = recording;
    this.#log = log;
    this.#id = id;
  }

  /** As `StateLog.set`. */
  set(value: unknown): Hlc {
    if (this.#id < 0) return this.#recording.shed(this.#log);
    return this.#recording.set(this.#id, value);
  }

  /** Records that the variable went away. */
  delete(): Hlc {
    if (this.#id < 0) return this.#recording.shed(this.#log);
    return this.#recording.delete(this.#id);
  }

  /** The value as recorded, a copy; a set is `{"$set": [...]}`; undefined while there is none. */
  get value(): unknown {
    const value: Value | undefined =
      this.#id < 0 ? undefined : this.#recording.table.value(this.#id);
    return value === undefined ? undefined : toJsonForm(value);
  }
}
