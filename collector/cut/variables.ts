/** Small questions about variables that several answers share. */
import type { Value } from "../../agent/kernel/index.ts";
import type { Chosen } from "./selection.ts";

/** Whether a variable is part of the question. */
export function isChosen(chosen: Chosen, log: string, key: string): boolean {
  return (
    (chosen.logs === undefined || chosen.logs.has(log)) &&
    (chosen.keys === undefined || chosen.keys.has(key))
  );
}

/** `before` and `after` without those that are undefined. */
export function valuesOf(
  before: Value | undefined,
  after: Value | undefined,
): { readonly before?: Value; readonly after?: Value } {
  return {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}
