/** Turns what a filter names into a question that is quick to ask. */
import type { StateFilter } from "./questions.ts";

/** Whether a variable is meant. */
export type Selects = (log: string, key: string) => boolean;

/** undefined: all are meant. */
export function selectsOf({ log, key }: StateFilter): Selects | undefined {
  const logs = namesOf(log);
  const keys = namesOf(key);
  if (logs === undefined && keys === undefined) return undefined;
  return (inLog, ofKey) => (logs?.has(inLog) ?? true) && (keys?.has(ofKey) ?? true);
}

/** The names of a list, or the one name; undefined: any. */
export function namesOf(
  names: string | readonly string[] | undefined,
): ReadonlySet<string> | undefined {
  return names === undefined ? undefined : new Set(typeof names === "string" ? [names] : names);
}
