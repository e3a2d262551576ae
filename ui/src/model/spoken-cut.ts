/** The cut in words: what the slider says, and the live region after a move. */
import type { App } from "../app.ts";
import { clockText, plural } from "../scale/time-words.ts";

export function spokenCut({ choices, answers }: App): string {
  const cut = choices.cut.value;
  if (cut === null) return "no cut";
  const shown = answers.cut.answered.value?.answer;
  const time = clockText(cut);
  if (answers.cut.failure.value !== null) return `${time}, state not available`;
  if (shown === undefined || shown.at !== cut) return `${time}, asking for the state`;
  const { consistent, complete, incomplete, inFlight } = shown.json;
  const nodes = new Set(incomplete.map(({ node }) => node)).size;
  return [
    time,
    consistent ? "consistent" : "inconsistent",
    complete ? "complete" : `${plural(nodes, "node")} incomplete`,
    `${plural(inFlight.length, "message")} in flight`,
  ].join(", ");
}
