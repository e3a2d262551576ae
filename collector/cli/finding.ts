/**
 * One thing that doctor found.
 *
 *     ok     it is as it should be
 *     note   it works, but for something that may matter
 *     bad    it does not work
 */
export type Level = "ok" | "note" | "bad";

export interface Finding {
  readonly level: Level;
  /** What it is about: `agent`, `hook ws`, `collector`, ... */
  readonly subject: string;
  readonly what: string;
  /** What to do about it; undefined: nothing. */
  readonly advice: string | undefined;
}

export function finding(level: Level, subject: string, what: string, advice?: string): Finding {
  return { level, subject, what, advice };
}
