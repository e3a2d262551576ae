/**
 * A real Map whose changes are recorded: the service uses it as its own state, and the log follows.
 *
 * The log's keys are the map's keys as text; keys that are no text are recorded as `String(key)`, so 1
 * and "1" would be one variable. A value that is changed in place is recorded when it is `set` again.
 */
import { KindCode } from "../kernel/index.ts";
import type { PlannedChange } from "./commit-groups.ts";
import type { Recording } from "./recording.ts";
import type { StateLog } from "./state-log.ts";
import { takeName } from "./texts.ts";
import type { LogRecord } from "./variable-table.ts";

export class TrackedMap<K, V> extends Map<K, V> {
  readonly #stateLog: StateLog;
  readonly #recording: Recording;
  readonly #log: LogRecord;

  constructor(stateLog: StateLog, recording: Recording, log: LogRecord) {
    super();
    this.#stateLog = stateLog;
    this.#recording = recording;
    this.#log = log;
  }

  override set(key: K, value: V): this {
    super.set(key, value);
    this.#stateLog.set(takeName(key), value);
    return this;
  }

  override delete(key: K): boolean {
    const had = super.delete(key);
    if (had) this.#stateLog.delete(takeName(key));
    return had;
  }

  /** One commit; some 0.5 us a key. Keys that there was no room to know have nothing to delete. */
  override clear(): void {
    const { keys, missing } = this.#log;
    const changes: PlannedChange[] = [];
    for (const given of this.keys()) {
      const key = takeName(given);
      if (!keys.has(key) && !missing.has(key)) continue;
      changes.push({ kind: KindCode.delete, key, taken: undefined });
    }
    super.clear();
    if (changes.length > 0) this.#recording.commit(this.#log, changes);
  }

  /** What `map`, `filter` and other derivations of it build: a plain Map. */
  static override get [Symbol.species](): MapConstructor {
    return Map;
  }
}
