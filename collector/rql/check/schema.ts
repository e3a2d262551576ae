/** What the checker knows of the history that a text asks about. A port: whoever runs queries gives it. */
import type { Hlc } from "../../../agent/kernel/index.ts";

/** Lists are never changed once given: they are looked at once. */
export interface Schema {
  /** Every log known to the collector, with its variables in the range, in any order. */
  readonly logs: ReadonlyMap<string, readonly string[]>;
  /** Every node known, in any order. */
  readonly nodes: readonly string[];
  readonly services: readonly string[];
}

export interface CheckOptions {
  readonly schema: Schema;
  /** What `now` and relative times mean: the start of the query. */
  readonly now: Hlc;
  /** The text is a monitor's: one query, without ON TIME, FIRST, LAST, LIMIT and COUNT. */
  readonly forMonitor?: boolean;
}
