/** Small questions about variables that several answers share. */
import type { Value } from "../../agent/kernel/index.ts";
import type { BeforeAfter, UnknownReason } from "./history.ts";
import type { Chosen } from "./selection.ts";

/** Whether a variable is part of the question. */
export function isChosen(chosen: Chosen, log: string, key: string): boolean {
  return (
    (chosen.logs === undefined || chosen.logs.has(log)) &&
    (chosen.keys === undefined || chosen.keys.has(key))
  );
}

/** What a variable holds at one moment; without either field there is no such variable. */
export interface Held {
  readonly value?: Value | undefined;
  readonly unknown?: UnknownReason | undefined;
}

export const NOT_THERE: Held = {};

/** Two moments of a variable, without the fields that are undefined. */
export function beforeAfter(before: Held, after: Held): BeforeAfter {
  return {
    ...(before.value === undefined ? {} : { before: before.value }),
    ...(after.value === undefined ? {} : { after: after.value }),
    ...(before.unknown === undefined ? {} : { beforeUnknown: before.unknown }),
    ...(after.unknown === undefined ? {} : { afterUnknown: after.unknown }),
  };
}
