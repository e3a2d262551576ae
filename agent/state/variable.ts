/**
 * A handle of one variable. Hot: bench `agent-record`.
 *
 * `set` goes in two steps: a shell of at most 27 bytecodes, which V8 takes into every caller that is
 * optimised, whatever else stands there, and `Recording.set`, which gives nothing back. So the stamp that
 * the shell returns is a number in a register, and where nobody uses it, none at all.
 *
 * When all was one function, it found room in some callers and not in others, and then each stamp was a box
 * of 16 bytes. So it was with a shell that V8 had compiled by itself before its caller: what it had taken in
 * counted as its size. Hence the shell must take nothing in, see the end of this file.
 */
import { type Hlc, KindCode, toJsonForm, type Value } from "../kernel/index.ts";
import { takeIn } from "./intake.ts";
import type { Recording } from "./recording.ts";
import type { LogRecord } from "./variable-table.ts";

/** What a handle writes to: the recording, or what stands for a variable that there is no room for. */
export interface Slot {
  readonly last: Hlc;
  readonly set: (id: number, value: unknown) => void;
  delete(id: number): void;
  valueOf(id: number): Value | undefined;
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
  // Not #private: reading one takes more bytecodes than `set` may have.
  private readonly slot: Slot;
  private readonly id: number;

  /** For `agent.variable`; use that. */
  constructor(slot: Slot, id: number) {
    this.slot = slot;
    this.id = id;
  }

  /** A handle of that variable, which is kept for good; without room for it, what is set is shed. */
  static of(recording: Recording, log: LogRecord, key: string): Variable {
    const id = recording.table.pinnedIdOf(log, key);
    return new Variable(id < 0 ? new Unrecorded(recording, log, key) : recording, id);
  }

  /**
   * Records that the variable has a value: as `StateLog.set`. A number costs some 60 ns and no memory.
   * @returns the timestamp
   */
  set(value: unknown): Hlc {
    const slot = this.slot; // loaded once: that too is bytecodes
    slot.set(this.id, value);
    return slot.last;
  }

  /** Records that the variable went away. */
  delete(): Hlc {
    this.slot.delete(this.id);
    return this.slot.last;
  }

  /**
   * The value as it was recorded, a copy: cut and redacted where that was so; a set is `{"$set": [...]}`;
   * undefined while there is none.
   */
  get value(): unknown {
    const value = this.slot.valueOf(this.id);
    return value === undefined ? undefined : toJsonForm(value);
  }
}

/** Where there is no variable: the value is kept for the service, and its changes are shed. */
class Unrecorded implements Slot {
  readonly #recording: Recording;
  readonly #log: LogRecord;
  readonly #treatment: number;
  #value: Value | undefined;

  constructor(recording: Recording, log: LogRecord, key: string) {
    this.#recording = recording;
    this.#log = log;
    this.#treatment = log.rules.treatmentOf(key);
  }

  get last(): Hlc {
    return this.#recording.last;
  }

  readonly set = (_id: number, value: unknown): void => {
    this.#value = takeIn(value, this.#log.rules, this.#treatment).value;
    this.#recording.shed(this.#log, undefined, KindCode.set);
  };

  delete(): void {
    this.#value = undefined;
    this.#recording.shed(this.#log, undefined, KindCode.delete);
  }

  valueOf(): Value | undefined {
    return this.#value;
  }
}

/** V8 begins to note what is called after some hundreds of bytecodes. */
const PRIMING_CALLS = 200;

// A call that has met two functions is never inlined: so `set` stays a shell.
const idle = { last: 0 as Hlc, delete: () => undefined, valueOf: () => undefined };
const shells = [
  new Variable({ ...idle, set: () => undefined }, 0),
  new Variable({ ...idle, set: () => undefined }, 0),
];
for (let i = 0; i < PRIMING_CALLS; i += 1) shells[i % 2]?.set(i);
