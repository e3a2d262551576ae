/**
 * Where the marks of episodes stand: a bracket over the stretch on the lane of the charged node, and on its left
 * edge a chip with sign and label. Pure: pixels in, pixels out.
 *
 *     |◆ gc 92 ms    |◆ run 148 ms          chips: sign, and a label where there is room
 *     |▔▔▔▔▔▔|       |▔▔▔▔▔▔▔▔▔|            brackets: never narrower than 6 pixels, at any zoom
 *     |──●─●─|───●───|─────────|─●──
 *
 * On one lane chips never cover each other: a label ends where the next sign begins, and episodes whose signs would
 * cover each other share one.
 */
import type { TimeScale } from "../scale/time-scale.ts";
import type { EpisodeFacts } from "./episodes.ts";
import type { LaneLayout, LaneRow } from "./lane-layout.ts";

/** A bracket is seen at any zoom. */
export const LEAST_STRETCH_PX = 6;
/** Also the least that can be hit (WCAG 2.5.8). */
export const SIGN_PX = 24;
/** Below this a label is more dots than words. */
export const LEAST_LABEL_PX = 44;
/** A label never needs more. */
export const MOST_LABEL_PX = 150;
const BETWEEN_PX = 3;

export interface EpisodeMark {
  /** By onset; several share a sign. */
  readonly episodes: readonly [EpisodeFacts, ...EpisodeFacts[]];
  readonly row: LaneRow;
  /** The bracket, from the left edge of the plot; cut off at its edges. */
  readonly x: number;
  readonly width: number;
  /** Left edge of the chip, and how wide it may be, its label included. */
  readonly chipX: number;
  readonly chipRoom: number;
  readonly hasLabel: boolean;
}

interface Placed {
  readonly episodes: [EpisodeFacts, ...EpisodeFacts[]];
  readonly row: LaneRow;
  readonly x: number;
  end: number;
}

/** The marks in view, lane by lane, from left to right. `episodes` are by onset. */
export function markEpisodes(
  episodes: readonly EpisodeFacts[],
  layout: LaneLayout,
  scale: TimeScale,
): readonly EpisodeMark[] {
  const byRow = new Map<LaneRow, Placed[]>(layout.lanes.map((row) => [row, []]));
  for (const episode of episodes) {
    const row = layout.laneOf(episode.json.tier.node);
    const placed = row && byRow.get(row);
    const place = placeOf(episode, scale);
    if (row === undefined || placed === undefined || place === undefined) continue;
    const last = placed.at(-1);
    if (last !== undefined && chipX(place.x, scale) - chipX(last.x, scale) < SIGN_PX) {
      last.episodes.push(episode);
      last.end = Math.max(last.end, place.end);
    } else {
      placed.push({ episodes: [episode], row, ...place });
    }
  }
  return [...byRow.values()].flatMap((placed) =>
    placed.map((one, i) => withChip(one, placed[i + 1], scale)),
  );
}

/** Left and right edge, inside the plot; undefined: it does not reach into the view. */
function placeOf(
  { from, to }: EpisodeFacts,
  scale: TimeScale,
): { readonly x: number; readonly end: number } | undefined {
  if (from > scale.viewport.to || to < scale.viewport.from) return undefined;
  const x = Math.min(Math.max(0, scale.x(from)), scale.width - LEAST_STRETCH_PX);
  return { x, end: Math.max(x + LEAST_STRETCH_PX, Math.min(scale.width, scale.x(to))) };
}

/** At the right edge the chip steps back, so that it can be hit. */
function chipX(x: number, scale: TimeScale): number {
  return Math.max(0, Math.min(x, scale.width - SIGN_PX));
}

function withChip(
  { episodes, row, x, end }: Placed,
  next: Placed | undefined,
  scale: TimeScale,
): EpisodeMark {
  const left = chipX(x, scale);
  const free = (next === undefined ? scale.width : chipX(next.x, scale) - BETWEEN_PX) - left;
  const hasLabel = free >= SIGN_PX + LEAST_LABEL_PX;
  const chipRoom = hasLabel ? Math.min(free, SIGN_PX + MOST_LABEL_PX) : SIGN_PX;
  return { episodes, row, x, width: end - x, chipX: left, chipRoom, hasLabel };
}

/** The one of a mark that cost most: what its label tells. */
export function costliest({ episodes }: Pick<EpisodeMark, "episodes">): EpisodeFacts {
  return episodes.reduce((most, one) =>
    one.json.severity.requestMs > most.json.severity.requestMs ? one : most,
  );
}
