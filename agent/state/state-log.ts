/**
 * What a service holds in its hands: a log of variables, and a commit on it. A handle: variable.ts.
 * All calls return at once, never throw, and return the timestamp of what they recorded.
 */
import { type Hlc, KindCode } from "../kernel/index.ts";
import type { PlannedChange } from "./commit-groups.ts";
import { STATE_LIMITS } from "./limits.ts";
import type { Recording } from "./recording.ts";
import { takeName } from "./texts.ts";
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

/** What a function of `commit` may return: anything but a promise. */
export type Settled<T> = T extends PromiseLike<unknown> ? never : T;

/** Says a line of one kind to a person. */
type Say = (kind: string, message: string) => void;

/** A named group of variables on this node. One per name: `agent.log("stock")`. */
export class StateLog {
  readonly #recording: Recording;
  readonly #log: LogRecord;
  readonly #say: Say;

  /** @param say tells a person what the service did wrong */
  constructor(recording: Recording, log: LogRecord, say: Say = () => undefined) {
    this.#recording = recording;
    this.#log = log;
    this.#say = say;
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
    if (!this.#recording.guard.isOff) {
      const id = this.#log.keys.get(key) ?? this.#idFor(key, KindCode.set);
      if (id < 0) this.#shed(key, KindCode.set);
      else this.#recording.set(id, value);
    }
    return this.#recording.last;
  }

  /** Records that a variable went away. */
  delete(key: string): Hlc {
    if (!this.#recording.guard.isOff) {
      const id = this.#log.keys.get(key) ?? this.#idFor(key, KindCode.delete);
      if (id < 0) this.#shed(key, KindCode.delete);
      else this.#recording.delete(id);
    }
    return this.#recording.last;
  }

  /** Records that a member entered a variable's set, which need not exist. */
  add(key: string, member: unknown): Hlc {
    return this.#member(key, member, KindCode.add);
  }

  /** Records that a member left a variable's set. */
  remove(key: string, member: unknown): Hlc {
    return this.#member(key, member, KindCode.remove);
  }

  /**
   * Records several changes under one timestamp: no cut lies between them. If `change` throws, nothing
   * is recorded and the error is the caller's own.
   *
   * `change` is no async function: the types refuse one, and where they are not asked, what it records after
   * its first `await` takes further timestamps, which is said on standard error.
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
  commit<T>(change: (tx: Commit) => Settled<T>): Hlc {
    let changes: PlannedChange[] = [];
    let bytes = 0;
    let isOpen = true;
    const recording = this.#recording;
    const log = this.#log;
    const plan = (kind: number, key: string, taken: PlannedChange["taken"]): void => {
      if (recording.guard.isOff) return;
      changes.push({ kind, key, taken });
      bytes += taken?.bytes ?? 0;
      const isFull =
        changes.length >= STATE_LIMITS.commitPlanned || bytes > STATE_LIMITS.commitPlannedBytes;
      // A transaction used after its end (an async function): each change is a commit of its own.
      if (isOpen && !isFull) return;
      recording.commit(log, changes);
      changes = [];
      bytes = 0;
    };
    const planSet = (name: string, value: unknown): void => {
      const key = takeName(name);
      plan(KindCode.set, key, recording.takeInto(log, key, value));
    };
    const planMember = (kind: number, name: string, member: unknown): void => {
      const key = takeName(name);
      plan(kind, key, recording.takeMember(log, key, member));
    };
    const given: unknown = change({
      set: planSet,
      delete: (name) => plan(KindCode.delete, takeName(name), undefined),
      add: (name, member) => planMember(KindCode.add, name, member),
      remove: (name, member) => planMember(KindCode.remove, name, member),
    });
    isOpen = false;
    const planned = changes;
    changes = [];
    recording.commit(log, planned);
    if (isThenable(given)) {
      const advice = "await before it, and give commit a plain function";
      this.#say(
        "async-commit",
        `log ${JSON.stringify(log.name)}: commit was given an async function: changes after its first await are no part of the commit; ${advice}`,
      );
    }
    return recording.last;
  }

  #member(key: string, member: unknown, kind: number): Hlc {
    const recording = this.#recording;
    if (recording.guard.isOff) return recording.last;
    try {
      // What a host gives as a key need be no text: from here on it is one.
      const known = this.#log.keys.get(key);
      const name = known === undefined ? takeName(key) : key;
      const id = known ?? recording.idFor(this.#log, name, kind);
      if (id < 0) recording.shed(this.#log, name, kind);
      else
        recording.member(id, recording.takeMember(this.#log, name, member), kind === KindCode.add);
    } catch (error) {
      recording.guard.caught(error, "recording a member");
    }
    return recording.last;
  }

  #shed(key: string, kind: number): void {
    this.#recording.shed(this.#log, takeName(key), kind);
  }

  #idFor(key: string, kind: number): number {
    return this.#recording.idFor(this.#log, takeName(key), kind);
  }
}

function isThenable(given: unknown): boolean {
  try {
    return typeof (given as { then?: unknown } | null | undefined)?.then === "function";
  } catch {
    return false; // a getter of the host's
  }
}
