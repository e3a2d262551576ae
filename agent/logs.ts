/** The logs, maps and handles that a service asks for by name: each made once. */

import type { Recording } from "./state/recording.ts";
import { StateLog } from "./state/state-log.ts";
import { takeName } from "./state/texts.ts";
import { TrackedMap } from "./state/tracked-map.ts";
import { Variable } from "./state/variable.ts";

/** A log asked for by a further name is made for each call; the table bounds what is recorded of it. */
const MAX_KEPT_LOGS = 1_000;

export class Logs {
  readonly #recording: Recording;
  readonly #logs = new Map<string, StateLog>();
  readonly #maps = new Map<string, TrackedMap<unknown, unknown>>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  log(name: string): StateLog {
    const known = this.#logs.get(name);
    if (known !== undefined) return known;
    const { guard, table } = this.#recording;
    const isKept = !guard.isOff && this.#logs.size < MAX_KEPT_LOGS;
    const log = new StateLog(this.#recording, table.log(takeName(name)));
    if (isKept) this.#logs.set(name, log);
    return log;
  }

  /** Kept without bound, and while off too: a map is the service's own state. */
  map(name: string): TrackedMap<unknown, unknown> {
    let map = this.#maps.get(name);
    if (map === undefined) {
      const record = this.#recording.table.log(takeName(name));
      map = new TrackedMap(this.log(name), this.#recording, record);
      this.#maps.set(name, map);
    }
    return map;
  }

  variable(log: string, key: string): Variable {
    const { table } = this.#recording;
    const record = table.log(takeName(log));
    return Variable.of(this.#recording, record, takeName(key));
  }
}
