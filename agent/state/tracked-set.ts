/**
 * A real Set whose changes are recorded, as the members of one variable.
 *
 * A member is recorded by its JSON. Two members of the service that are one in JSON (two equal objects, 1n and
 * "1") are one member in the log, there as long as one of them is. An object that is changed in place stays
 * recorded as it was added.
 */
import { canonicalText, type Json, KindCode } from "../kernel/index.ts";
import { MemberSet } from "./cell.ts";
import type { Recording } from "./recording.ts";
import type { Intake } from "./value-copy.ts";
import type { LogRecord } from "./variable-table.ts";

type Member = Intake & { readonly value: Json };

export class TrackedSet<T> extends Set<T> {
  readonly #recording: Recording;
  readonly #log: LogRecord;
  readonly #key: string;
  /** As what members that are no plain values were recorded: they may change. */
  readonly #taken = new Map<T, Member>();
  /** By JSON: how many further members look like one that is recorded. */
  readonly #alike = new Map<string, number>();

  constructor(recording: Recording, log: LogRecord, key: string) {
    super();
    this.#recording = recording;
    this.#log = log;
    this.#key = key;
  }

  override add(member: T): this {
    if (!super.has(member)) {
      super.add(member);
      this.#added(member);
    }
    return this;
  }

  override delete(member: T): boolean {
    const had = super.delete(member);
    if (had) this.#deleted(member);
    return had;
  }

  /** One change: the variable becomes an empty set. */
  override clear(): void {
    if (this.size === 0) return;
    super.clear();
    this.#taken.clear();
    this.#alike.clear();
    const recording = this.#recording;
    const taken = recording.takeInto(this.#log, this.#key, new Set());
    recording.commit(this.#log, [{ kind: KindCode.set, key: this.#key, taken }]);
  }

  #added(member: T): void {
    const taken = this.#recording.takeMember(this.#log, this.#key, member);
    if (!isPlain(member)) this.#taken.set(member, taken);
    if (this.#isRecorded(taken.value)) {
      const text = canonicalText(taken.value);
      this.#alike.set(text, (this.#alike.get(text) ?? 0) + 1);
    } else {
      this.#record(KindCode.add, taken);
    }
  }

  #deleted(member: T): void {
    const kept = this.#taken.get(member);
    this.#taken.delete(member);
    const taken = kept ?? this.#recording.takeMember(this.#log, this.#key, member);
    const text = canonicalText(taken.value);
    const alike = this.#alike.get(text) ?? 0;
    if (alike === 0) this.#record(KindCode.remove, taken);
    else if (alike === 1) this.#alike.delete(text);
    else this.#alike.set(text, alike - 1);
  }

  #isRecorded(member: Json): boolean {
    const held = this.#recording.table.other[this.#log.keys.get(this.#key) ?? -1];
    return held instanceof MemberSet && held.has(member);
  }

  #record(kind: number, taken: Member): void {
    this.#recording.commit(this.#log, [{ kind, key: this.#key, taken }]);
  }

  /** What derivations of it build: a plain Set. */
  static override get [Symbol.species](): SetConstructor {
    return Set;
  }
}

/** Whether the member is recorded as it is, now and later. */
function isPlain(member: unknown): boolean {
  return (
    member === null ||
    typeof member === "string" ||
    typeof member === "boolean" ||
    Number.isFinite(member)
  );
}
