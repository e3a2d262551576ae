/**
 * A handle of one variable. Hot: bench `agent-record`.
 *
 * `set` goes through in two steps: a shell of at most 27 bytecodes, which V8 takes into every caller that is
 * optimised, whatever else stands there, and `Recording.set`, which gives nothing back. So the stamp that
 * the shell returns is a number in a register, and where nobody uses it, none at all. When all was one
 * function it found room in some callers and not in others, and then each stamp was a box of 16 bytes.
 */
import { type Hlc, KindCode, toJsonForm, type Value } from "../kernel/index.ts";
import { takeIn } from "./intake.ts";
import type { Recording } from "./recording.ts";
import type { LogRecord } from "./variable-table.ts";

/** What a handle writes to: the recording, or what stands for a variable that there is no room for. */
interface Slot {
  readonly last: Hlc;
  set(id: number, value: unknown): void;
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

  /** @param id below 0: there is no room for the variable, or the agent is off */
  constructor(recording: Recording, log: LogRecord, id: number) {
    this.slot = id < 0 ? new Unrecorded(recording, log) : recording;
    this.id = id;
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
  #value: Value | undefined;

  constructor(recording: Recording, log: LogRecord) {
    this.#recording = recording;
    this.#log = log;
  }

  get last(): Hlc {
    return this.#recording.last;
  }

  set(_id: number, value: unknown): void {
    this.#value = takeIn(value).value;
    this.#recording.shed(this.#log, undefined, KindCode.set);
  }

  delete(): void {
    this.#value = undefined;
    this.#recording.shed(this.#log, undefined, KindCode.delete);
  }

  valueOf(): Value | undefined {
    return this.#value;
  }
}
