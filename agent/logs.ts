/** The logs, maps and handles that a service asks for by name: each made once. */

import { STATE_LIMITS } from "./state/limits.ts";
import { isFollowed } from "./state/object-walk.ts";
import type { Recording } from "./state/recording.ts";
import { StateLog } from "./state/state-log.ts";
import { ownText, takeName } from "./state/texts.ts";
import { TrackedMap } from "./state/tracked-map.ts";
import { TrackedObject } from "./state/tracked-object.ts";
import { TrackedSet } from "./state/tracked-set.ts";
import { Variable } from "./state/variable.ts";

/** A log asked for by a further name is made for each call; the table bounds what is recorded of it. */
const MAX_KEPT_LOGS = 1_000;
/** Of a name that is shown to a person, in UTF-8. */
const MAX_SHOWN_NAME = 60;

export class Logs {
  readonly #recording: Recording;
  readonly #logs = new Map<string, StateLog>();
  // Maps, sets and objects are kept without bound, and while off too: they are the service's own state.
  readonly #maps = new Map<string, TrackedMap<unknown, unknown>>();
  readonly #sets = new Map<string, Map<string, TrackedSet<unknown>>>();
  readonly #objects = new Map<string, TrackedObject>();
  readonly #say: (kind: string, message: string) => void;

  /** @param say tells a person what the service did wrong */
  constructor(recording: Recording, say: (kind: string, message: string) => void) {
    this.#recording = recording;
    this.#say = say;
  }

  log(name: string): StateLog {
    const known = this.#logs.get(name);
    if (known !== undefined) return known;
    if (typeof name !== "string") {
      const shown = takeName(name, MAX_SHOWN_NAME);
      this.#say("log-name", `a log's name is a text; what was given is recorded as "${shown}"`);
    }
    const { guard, table } = this.#recording;
    // A name may be cut out of a huge text, or be one: neither is held on to.
    const isShort = typeof name === "string" && name.length <= STATE_LIMITS.keyBytes;
    const isKept = !guard.isOff && isShort && this.#logs.size < MAX_KEPT_LOGS;
    const log = new StateLog(this.#recording, table.log(takeName(name)), this.#say);
    if (isKept) this.#logs.set(ownText(name), log);
    return log;
  }

  map(name: string): TrackedMap<unknown, unknown> {
    let map = this.#maps.get(name);
    if (map === undefined) {
      const record = this.#recording.table.log(takeName(name));
      map = new TrackedMap(this.log(name), this.#recording, record);
      this.#maps.set(name, map);
    }
    return map;
  }

  set(log: string, key: string): TrackedSet<unknown> {
    const ofLog = this.#sets.get(log) ?? new Map<string, TrackedSet<unknown>>();
    this.#sets.set(log, ofLog);
    let set = ofLog.get(key);
    if (set === undefined) {
      const record = this.#recording.table.log(takeName(log));
      set = new TrackedSet(this.#recording, record, takeName(key));
      ofLog.set(key, set);
    }
    return set;
  }

  /** @param initial anything but a plain object is given back as it is, and not followed */
  object(name: string, initial: object): object {
    let object = this.#objects.get(name);
    if (object === undefined) {
      if (!isFollowed(initial) || Array.isArray(initial)) {
        const hint = "put it under a name: { list: [...] }";
        this.#say("object", `agent.object("${takeName(name)}") follows plain objects; ${hint}`);
        return initial;
      }
      const record = this.#recording.table.log(takeName(name));
      object = new TrackedObject(this.#recording, record, initial);
      this.#objects.set(name, object);
    }
    return object.proxy;
  }

  variable(log: string, key: string): Variable {
    const { table } = this.#recording;
    const record = table.log(takeName(log));
    return Variable.of(this.#recording, record, takeName(key));
  }
}
