/**
 * What differs inside a value: the paths whose leaves differ, and how many parts do not. Computed for
 * one row when it is opened, never for a whole diff.
 *
 *     before {"a": 1, "list": [1, 2, 3]}        list[1]   2 → 9
 *     after  {"a": 1, "list": [1, 9, 3, 4]}     list[3]     + 4       3 parts unchanged
 *
 * Sets differ by members, objects by keys. Lists are compared from both ends, then place by place in
 * between: good for the usual change (one element set, added or removed), plain for any other.
 */
import { canonicalText, type Json } from "../../../agent/kernel/index.ts";

/** A key of an object or a place in a list; a member of a set is a text in braces. */
export type PathStep = string | number | { readonly member: string };

export interface PathChange {
  readonly path: readonly PathStep[];
  /** Absent: the part is new. */
  readonly before?: Json;
  /** Absent: the part is gone. */
  readonly after?: Json;
}

export interface PathDiff {
  /** In the order of the value; at most `MAX_CHANGES`. */
  readonly changes: readonly PathChange[];
  /** Leaves that both sides hold alike. */
  readonly unchangedCount: number;
  /** How many differ in all. */
  readonly changeCount: number;
}

/** Changes listed for one value. */
export const MAX_CHANGES = 200;
/** Deeper parts are compared as a whole. */
const MAX_DEPTH = 32;

export function pathDiff(before: Json, after: Json): PathDiff {
  const walk = new Walk();
  walk.compare(before, after, []);
  const { changes, changeCount, unchangedCount } = walk;
  return { changes, changeCount, unchangedCount };
}

class Walk {
  readonly changes: PathChange[] = [];
  changeCount = 0;
  unchangedCount = 0;

  compare(before: Json, after: Json, path: readonly PathStep[]): void {
    if (canonicalText(before) === canonicalText(after)) {
      this.unchangedCount += leavesOf(before);
      return;
    }
    const sets = [membersOf(before), membersOf(after)] as const;
    if (path.length >= MAX_DEPTH) this.#tell({ path, before, after });
    else if (sets[0] !== undefined && sets[1] !== undefined) this.#sets(sets[0], sets[1], path);
    else if (Array.isArray(before) && Array.isArray(after)) this.#lists(before, after, path);
    else {
      const [one, two] = [fieldsOf(before), fieldsOf(after)];
      if (one !== undefined && two !== undefined) this.#fields(one, two, path);
      else this.#tell({ path, before, after });
    }
  }

  #fields(before: Fields, after: Fields, path: readonly PathStep[]): void {
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      this.#part(before.get(key), after.get(key), [...path, key]);
    }
  }

  #sets(before: readonly Json[], after: readonly Json[], path: readonly PathStep[]): void {
    const [one, two] = [before, after].map((members) => {
      return new Map(members.map((member) => [canonicalText(member), member]));
    }) as [Map<string, Json>, Map<string, Json>];
    for (const text of new Set([...one.keys(), ...two.keys()])) {
      this.#part(one.get(text), two.get(text), [...path, { member: text }]);
    }
  }

  #lists(before: readonly Json[], after: readonly Json[], path: readonly PathStep[]): void {
    const shorter = Math.min(before.length, after.length);
    const [one, two] = [before.map(canonicalText), after.map(canonicalText)];
    let start = 0;
    while (start < shorter && one[start] === two[start]) start += 1;
    let end = 0;
    while (end < shorter - start && one.at(-1 - end) === two.at(-1 - end)) end += 1;
    const same = [...before.slice(0, start), ...before.slice(before.length - end)];
    this.unchangedCount += same.reduce<number>((sum, value) => sum + leavesOf(value), 0);
    const [middle, other] = [
      before.slice(start, before.length - end),
      after.slice(start, after.length - end),
    ];
    for (let i = 0; i < Math.max(middle.length, other.length); i += 1) {
      this.#part(middle[i], other[i], [...path, start + i]);
    }
  }

  #part(before: Json | undefined, after: Json | undefined, path: readonly PathStep[]): void {
    if (before === undefined && after !== undefined) this.#tell({ path, after });
    else if (after === undefined && before !== undefined) this.#tell({ path, before });
    else if (before !== undefined && after !== undefined) this.compare(before, after, path);
  }

  #tell(change: PathChange): void {
    this.changeCount += 1;
    if (this.changes.length < MAX_CHANGES) this.changes.push(change);
  }
}

type Fields = ReadonlyMap<string, Json>;

function fieldsOf(value: Json): Fields | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const object = value as { readonly [key: string]: Json };
  const literal = object["$literal"];
  const inner = Object.keys(object).length === 1 && literal !== undefined ? literal : object;
  return new Map(Object.entries(inner as { readonly [key: string]: Json }));
}

function membersOf(value: Json): readonly Json[] | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const { $set } = value as { readonly $set?: Json };
  return Array.isArray($set) && Object.keys(value).length === 1 ? $set : undefined;
}

/** An empty list or object is one leaf too. */
function leavesOf(value: Json): number {
  if (value === null || typeof value !== "object") return 1;
  const parts = Array.isArray(value) ? value : Object.values(value);
  return Math.max(
    1,
    parts.reduce<number>((sum: number, part) => sum + leavesOf(part as Json), 0),
  );
}

/** Whether a value has parts that could differ by themselves. */
export function hasParts(value: Json | undefined): boolean {
  return value !== null && typeof value === "object";
}

/** `list[1].name`, `members{"n2"}`. */
export function pathText(path: readonly PathStep[]): string {
  return path
    .map((step, place) => {
      if (typeof step === "number") return `[${step}]`;
      if (typeof step === "object") return `{${step.member}}`;
      const isPlain = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step);
      if (!isPlain) return `[${JSON.stringify(step)}]`;
      return place === 0 ? step : `.${step}`;
    })
    .join("");
}
