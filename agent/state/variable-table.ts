/**
 * The state now: every variable has a small integer, and its value stands in columns under it. Hot:
 * bench `agent-record`.
 *
 *     log "stock" --keys--> "apples" = 7        tag[7] = number, number[7] = 12
 *                           "owners" = 8        tag[8] = set,    other[8]  = MemberSet
 *
 * A number is set without a look-up, a box or an object; a name is looked up only by callers that have
 * no handle. An integer is given back when its variable is absent and the window has forgotten it, so a
 * map of sessions may run for months; those of handles are kept for good.
 */
import { type Value, ValueTag, type VariableRef } from "../kernel/index.ts";
import { cellValue } from "./cell.ts";
import { STATE_LIMITS } from "./limits.ts";

const INITIAL_VARIABLES = 256;

/** One log of this node. */
export interface LogRecord {
  readonly name: string;
  readonly index: number;
  /** Every variable known by its key, absent ones too. */
  readonly keys: Map<string, number>;
}

export class VariableTable {
  /** By variable: see cell.ts. */
  tag: Uint8Array = new Uint8Array(INITIAL_VARIABLES);
  /** The number itself; for values in `other` their size in bytes. */
  number: Float64Array = new Float64Array(INITIAL_VARIABLES);
  readonly other: unknown[] = [];
  readonly refs: VariableRef[] = [];
  /** By variable: index of its log. */
  readonly logOf: number[] = [];
  readonly logs: LogRecord[] = [];
  readonly #byName = new Map<string, LogRecord>();
  readonly #pinned = new Set<number>();
  readonly #free: number[] = [];
  /** Deleted variables, with the window index of the delete, oldest first. */
  #deleted: { readonly id: number; readonly index: number }[] = [];
  readonly #lastDelete = new Map<number, number>();
  #reclaimCount = 0;

  /** How many integers were given out: ids are below this. */
  get size(): number {
    return this.refs.length;
  }

  /** Rises when integers were given back: a view made before must begin anew. */
  get reclaimCount(): number {
    return this.#reclaimCount;
  }

  log(name: string): LogRecord {
    let log = this.#byName.get(name);
    if (log === undefined) {
      log = { name, index: this.logs.length, keys: new Map() };
      this.#byName.set(name, log);
      this.logs.push(log);
    }
    return log;
  }

  findLog(name: string): LogRecord | undefined {
    return this.#byName.get(name);
  }

  /** The variable's integer; -1 when there are too many variables to know another. */
  idOf(log: LogRecord, key: string): number {
    return log.keys.get(key) ?? this.#newId(log, key);
  }

  /** As `idOf`, and the integer is never given back. */
  pinnedIdOf(log: LogRecord, key: string): number {
    const id = this.idOf(log, key);
    if (id >= 0) this.#pinned.add(id);
    return id;
  }

  #newId(log: LogRecord, key: string): number {
    const id = this.#free.pop() ?? this.refs.length;
    if (id >= STATE_LIMITS.variables) return -1;
    if (id === this.tag.length) this.#grow();
    this.tag[id] = ValueTag.none;
    this.number[id] = 0;
    this.other[id] = undefined;
    this.refs[id] = { log: log.name, key };
    this.logOf[id] = log.index;
    log.keys.set(key, id);
    return id;
  }

  #grow(): void {
    const tag = new Uint8Array(this.tag.length * 2);
    tag.set(this.tag);
    this.tag = tag;
    const number = new Float64Array(this.number.length * 2);
    number.set(this.number);
    this.number = number;
  }

  /** The value now; undefined: absent. */
  value(id: number): Value | undefined {
    return cellValue(this.tag[id] as number, this.number[id] as number, this.other[id]);
  }

  /** Notes that a variable went away with the event of that index. */
  noteDeleted(id: number, index: number): void {
    if (this.#pinned.has(id)) return;
    this.#deleted.push({ id, index });
    this.#lastDelete.set(id, index);
  }

  /** Gives back the integers of variables that are absent and that the window, from `firstIndex`, forgot. */
  reclaim(firstIndex: number): void {
    let done = 0;
    for (const { id, index } of this.#deleted) {
      if (index >= firstIndex) break;
      done += 1;
      if (this.#lastDelete.get(id) !== index) continue; // deleted again since, or given back already
      this.#lastDelete.delete(id);
      if (this.tag[id] !== ValueTag.none || this.#pinned.has(id)) continue;
      const ref = this.refs[id] as VariableRef;
      this.#byName.get(ref.log)?.keys.delete(ref.key);
      this.#free.push(id);
      this.#reclaimCount += 1;
    }
    if (done > 0) this.#deleted = this.#deleted.slice(done);
  }
}
