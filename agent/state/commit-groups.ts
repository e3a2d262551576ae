/**
 * What a commit holds until it is recorded, and how a large one is parted: a batch holds what shares a
 * stamp undivided, so past STATE_LIMITS.commitChanges or commitBytes a further stamp begins.
 */
import { STATE_LIMITS } from "./limits.ts";
import { changeBytes } from "./stamp-group.ts";
import type { Intake } from "./value-copy.ts";

/** One change of a commit, its value taken in already. */
export interface PlannedChange {
  readonly kind: number;
  readonly key: string;
  /** undefined: a delete. */
  readonly taken: Intake | undefined;
}

/** Changes from some start on that may share a stamp. */
export interface ChangeGroup {
  /** The first change that is not in it: at least one is. */
  readonly end: number;
  readonly bytes: number;
}

/** The changes from `start` on that may share a stamp. */
export function groupFrom(changes: readonly PlannedChange[], start: number): ChangeGroup {
  const most = Math.min(changes.length, start + STATE_LIMITS.commitChanges);
  let bytes = 0;
  let end = start;
  for (; end < most; end += 1) {
    const { key, taken } = changes[end] as PlannedChange;
    const more = changeBytes(key, taken?.bytes ?? 0);
    if (end > start && bytes + more > STATE_LIMITS.commitBytes) break;
    bytes += more;
  }
  return { end, bytes };
}
