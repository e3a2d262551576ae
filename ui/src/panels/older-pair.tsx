/** Said of what Diff still shows of two other cuts: which ones, and whether the answer is on its way. */
import type { ComponentChildren, JSX } from "preact";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { clockText } from "../scale/time-words.ts";

interface PairProps {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly isPending: boolean;
  /** What is said of them; it ends the sentence. */
  readonly children?: ComponentChildren;
}

export function OlderPair({ from, to, isPending, children }: PairProps): JSX.Element {
  return (
    <p class="hint older-pair">
      Still of the cuts before, {clockText(from)} and {clockText(to)}
      {children === undefined ? "." : <>: {children}</>}
      {isPending && <span class="sign">updating</span>}
    </p>
  );
}
