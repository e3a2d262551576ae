/**
 * What the names of a query mean: the variables of its FROM logs, the names that it declares, the loop
 * variables around a place.
 */
import type { RqlWarning, RqlWarningCode } from "../errors.ts";
import type { NameRef, Scope } from "../text/ast.ts";
import type { Span } from "../text/span.ts";
import { lookUp } from "../text/words.ts";
import type { Column } from "./bound.ts";
import type { Schema } from "./schema.ts";
import type { Type } from "./types.ts";

export type Warn = (
  code: RqlWarningCode,
  message: string,
  at: Span,
  /** Asked only if the warning is told. */
  more?: () => Pick<RqlWarning, "hint" | "names">,
) => void;

export interface Loop {
  readonly name: string;
  readonly slot: number;
  readonly type: Type;
  /** Its values have nodes. */
  readonly isOfMultiset: boolean;
}

export interface Declared {
  readonly name: string;
  readonly slot: number;
  readonly scope: Scope;
  readonly at: Span;
  readonly hasStart: boolean;
  /** What its assignments give; worked out in rounds. */
  type: Type;
}

/** Unknown names of one query for which the nearest are looked up; the others are only said. */
export const NAMES_LOOKED_UP = 5;

/** A schema is asked by every query of a text, in several rounds: its lists become sets once. */
const keySets = new WeakMap<readonly string[], ReadonlySet<string>>();

export function keySet(keys: readonly string[]): ReadonlySet<string> {
  const known = keySets.get(keys);
  if (known !== undefined) return known;
  const made = new Set(keys);
  keySets.set(keys, made);
  return made;
}

/** The FROM logs and the columns that the query uses. */
export class Variables {
  readonly logs: readonly string[];
  readonly columns: Column[] = [];
  readonly #known: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #index = new Map<string, number>();
  readonly #warn: Warn;
  readonly #warned = new Set<string>();

  constructor(logs: readonly string[], schema: Schema, warn: Warn) {
    this.logs = logs;
    this.#known = new Map(logs.map((log) => [log, keySet(schema.logs.get(log) ?? [])] as const));
    this.#warn = warn;
  }

  isLog(name: string): boolean {
    return this.#known.has(name);
  }

  has(log: string, key: string): boolean {
    return this.#known.get(log)?.has(key) === true;
  }

  /** FROM logs that have a variable of that name. */
  logsWith(key: string): string[] {
    return this.logs.filter((log) => this.has(log, key));
  }

  /** Every variable of the FROM logs, in order. */
  all(): Column[] {
    return this.logs.flatMap((log) =>
      [...(this.#known.get(log) ?? [])].sort().map((key) => ({ log, key })),
    );
  }

  /** The column of a variable; one that no log has is warned of, once. */
  column(log: string | undefined, key: string, at: Span): number {
    if (log === undefined || !this.has(log, key)) this.#warnUnknown(log, key, at);
    const id = JSON.stringify([log ?? null, key]);
    const known = this.#index.get(id);
    if (known !== undefined) return known;
    const index = this.columns.push({ log, key }) - 1;
    this.#index.set(id, index);
    return index;
  }

  /** How a variable is written where its name alone may not do. */
  written(log: string, key: string): string {
    return this.logs.length > 1 ? `${log}.${key}` : key;
  }

  #warnUnknown(log: string | undefined, key: string, at: Span): void {
    const id = JSON.stringify([log ?? null, key]);
    if (this.#warned.has(id)) return;
    this.#warned.add(id);
    const where = log === undefined ? "no FROM log has" : `log "${log}" has not, in this range,`;
    const message = `${where} a variable "${key}"; it counts as absent`;
    const isLookedUp = this.#warned.size <= NAMES_LOOKED_UP;
    this.#warn(
      "unknown-variable",
      message,
      at,
      isLookedUp ? () => this.#nearest(log, key) : undefined,
    );
  }

  /** Each name once. A generator: of very many names only the first are looked at. */
  *#keysOf(logs: readonly string[]): Generator<string> {
    for (const [index, log] of logs.entries()) {
      const earlier = logs.slice(0, index);
      for (const key of this.#known.get(log) ?? []) {
        if (!earlier.some((one) => this.has(one, key))) yield key;
      }
    }
  }

  #nearest(log: string | undefined, key: string): Pick<RqlWarning, "hint" | "names"> {
    const logs = log === undefined ? this.logs : [log];
    const { names, near } = lookUp(key, this.#keysOf(logs));
    const hint = near === undefined ? {} : { hint: `did you mean ${near}?` };
    return { names, ...hint };
  }
}

/** Loop variables and declared names. */
export class Names {
  readonly declared: ReadonlyMap<string, Declared>;
  readonly loops: Loop[] = [];
  /** How many loop variables were bound at once, at most. */
  deepest = 0;
  /** Loop variables below this are out of reach (inside Became). */
  #floor = 0;

  constructor(declared: ReadonlyMap<string, Declared>) {
    this.declared = declared;
  }

  push(name: NameRef, type: Type, isOfMultiset: boolean): Loop {
    const loop = { name: name.name, slot: this.loops.length, type, isOfMultiset };
    this.loops.push(loop);
    this.deepest = Math.max(this.deepest, this.loops.length);
    return loop;
  }

  pop(count: number): void {
    this.loops.length -= count;
  }

  loop(name: string): Loop | undefined {
    return this.loops.findLast((loop) => loop.name === name);
  }

  isOutOfReach({ slot }: Loop): boolean {
    return slot < this.#floor;
  }

  /** Runs with the loop variables around it out of reach. */
  withoutLoops<T>(run: () => T): T {
    const before = this.#floor;
    this.#floor = this.loops.length;
    try {
      return run();
    } finally {
      this.#floor = before;
    }
  }
}
