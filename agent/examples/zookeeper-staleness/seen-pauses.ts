/** Whether each pause of a server shows as staleness of its replica, and for how long. */
import { isSame, lasts } from "./judge.ts";
import type { Pause } from "./one-run.ts";
import { type Finding, longestOf } from "./staleness.ts";

export interface SeenPause {
  readonly pause: Pause;
  /** What the true clock says of it; undefined: too few updates came meanwhile for the replica to be k behind. */
  readonly truth: Finding | undefined;
  /** The same among what was found; undefined: it was not. */
  readonly found: Finding | undefined;
}

/**
 * @param truth findings by the true clock, in which pauses stand too
 * @param found findings by the clock that is asked about
 * @param minMs shorter ones do not count as seen
 */
export function seenPauses(
  pauses: readonly Pause[],
  truth: readonly Finding[],
  found: readonly Finding[],
  minMs: number,
): readonly SeenPause[] {
  return pauses.map((pause) => {
    const meanwhile = truth.filter(
      (one) =>
        one.replica === pause.replica &&
        one.fromMs < pause.toMs &&
        one.toMs > pause.fromMs &&
        lasts(one, minMs),
    );
    const longest = longestOf(meanwhile);
    const same = longest && found.filter((one) => isSame(one, longest));
    return { pause, truth: longest, found: same && longestOf(same) };
  });
}
