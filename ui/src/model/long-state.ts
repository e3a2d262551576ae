/** Long states: too many variables to be drawn, or asked for, whole at every move of the cut. */
import type { CutJson } from "../../../collector/api/shapes.ts";

/** Variables of a state that is drawn whole; of a longer one only what is near the visible rows. */
const DRAWN_WHOLE = 500;

/** Whether a state has more variables than are drawn whole. */
export function isLongState({ nodes }: Pick<CutJson, "nodes">): boolean {
  let count = 0;
  for (const { logs } of Object.values(nodes)) {
    for (const variables of Object.values(logs)) count += Object.keys(variables).length;
    if (count > DRAWN_WHOLE) return true;
  }
  return false;
}
