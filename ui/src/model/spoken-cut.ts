/** The cut in words: what the slider says, and the live region after a move. */
import type { App } from "../app.ts";
import { clockText, plural } from "../scale/time-words.ts";
import { orderWords } from "./shown-cut.ts";

export function spokenCut({ choices, answers, shownCut }: App): string {
  const cut = choices.cut.value;
  if (cut === null) return "no cut";
  const shown = shownCut.value;
  const time = clockText(cut);
  if (answers.cut.failure.value !== null) return `${time}, state not available`;
  if (shown === null || shown.at !== cut) return `${time}, asking for the state`;
  const { complete, incomplete, inFlight } = shown.json;
  const nodes = new Set(incomplete.map(({ node }) => node)).size;
  return [
    time,
    orderWords(shown),
    complete ? "complete" : `${plural(nodes, "node")} incomplete`,
    `${plural(inFlight.length, "message")} in flight`,
  ].join(", ");
}
