/**
 * State tracks below the lifelines: stretches of equal value, each with the value in it as far as it
 * fits. What is not known stays open under its hatching. Bounded by pixels: stretches that share one
 * are drawn as one, and a text is only set where three letters fit.
 */
import type { CutJson } from "../../../collector/api/shapes.ts";
import type { Pin } from "../model/choices.ts";
import { TRACK_HEIGHT } from "../model/lane-layout.ts";
import type { LaneFacts, TimelineFacts } from "../model/timeline-facts.ts";
import { type Stretch, stretchesOf, valueIn } from "../model/tracks.ts";
import { valueText } from "../model/value-text.ts";
import type { LanesScene } from "./paint-lanes.ts";
import { nodeColour, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** A timeline answer, and what the pinned variables held at its left edge. */
export interface TrackSource {
  readonly timeline: TimelineFacts;
  readonly pins: readonly Pin[];
  readonly cut: CutJson;
}

const BAR_HEIGHT = 16;
const TEXT_PADDING = 4;
const LEAST_TEXT_PX = 18;

/** Stretches do not change while the view moves within one answer. */
const kept = new WeakMap<LaneFacts, { start: CutJson; byPin: Map<string, readonly Stretch[]> }>();

export function paintTracks(
  surface: Surface,
  palette: Palette,
  scene: LanesScene,
  pins: readonly Pin[],
  source: TrackSource | null,
): void {
  const { timeline } = scene;
  if (timeline === null || pins.length === 0) return;
  for (const row of scene.layout.lanes) {
    const top = row.trackY - scene.scrollTop;
    const [node] = row.nodes;
    const lane = node && timeline.lanes.get(node.node);
    const isOnScreen = top < surface.height && top + pins.length * TRACK_HEIGHT > 0;
    if (node === undefined || lane === undefined || !isOnScreen) continue;
    for (const [place, pin] of pins.entries()) {
      const y = top + place * TRACK_HEIGHT;
      if (row.nodes.length > 1) note(surface, palette, y, place, "unfold the service for values");
      else if (!timeline.exact) note(surface, palette, y, place, "zoom in for values");
      else {
        const stretches = source === null ? [] : stretchesFor(source, node.node, pin);
        paintTrack(surface, palette, scene, stretches, nodeColour(palette, node.hue), y, lane);
      }
    }
  }
}

function stretchesFor(source: TrackSource, node: string, pin: Pin): readonly Stretch[] {
  const { timeline, cut: start } = source;
  const lane = timeline.lanes.get(node);
  const isAsked = source.pins.some(({ log, key }) => log === pin.log && key === pin.key);
  if (lane === undefined || !isAsked) return [];
  let known = kept.get(lane);
  if (known?.start !== start) {
    known = { start, byPin: new Map() };
    kept.set(lane, known);
  }
  const id = `${pin.log}\n${pin.key}`;
  const stretches =
    known.byPin.get(id) ?? stretchesOf(lane, pin, valueIn(start, lane.node, pin), timeline);
  known.byPin.set(id, stretches);
  return stretches;
}

function paintTrack(
  { context: pen, width }: Surface,
  palette: Palette,
  { scale }: LanesScene,
  stretches: readonly Stretch[],
  colour: string,
  y: number,
  lane: LaneFacts,
): void {
  pen.font = palette.font;
  let drawnTo = -1;
  // No value is claimed for what is not known: there the lane is hatched.
  for (const { from, to, value } of stretches.flatMap((one) => outside(one, lane.gaps))) {
    const left = Math.max(-2, scale.x(from));
    const right = Math.min(width + 2, scale.x(to));
    if (right < drawnTo + 1 || right < 0 || left > width) continue;
    drawnTo = right;
    const length = Math.max(1, right - left);
    pen.globalAlpha = palette.isForced ? 0 : 0.16;
    pen.fillStyle = colour;
    pen.fillRect(left, y, length, BAR_HEIGHT);
    pen.globalAlpha = 1;
    pen.fillRect(left, y, 1.5, BAR_HEIGHT);
    if (length < LEAST_TEXT_PX) continue;
    pen.fillStyle = palette.text;
    const at = Math.max(left, 0) + TEXT_PADDING;
    const fitting = fitted(pen, valueText(value), right - at - TEXT_PADDING);
    pen.fillText(fitting, at, y + BAR_HEIGHT - 4);
  }
}

/** The parts of a stretch that lie in no gap; gaps ascend. */
function outside(stretch: Stretch, gaps: LaneFacts["gaps"]): Stretch[] {
  const parts: Stretch[] = [];
  let { from } = stretch;
  for (const gap of gaps) {
    if (gap.to <= from || gap.from >= stretch.to) continue;
    if (gap.from > from) parts.push({ ...stretch, from, to: gap.from });
    from = gap.to;
  }
  if (from < stretch.to) parts.push({ ...stretch, from });
  return parts;
}

/** The text, or its beginning with an ellipsis; nothing where not even two letters fit. */
function fitted(pen: CanvasRenderingContext2D, text: string, room: number): string {
  if (pen.measureText(text).width <= room) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
    else high = middle - 1;
  }
  return low < 2 ? "" : `${text.slice(0, low)}…`;
}

function note(
  { context: pen }: Surface,
  palette: Palette,
  y: number,
  place: number,
  text: string,
): void {
  if (place > 0) return;
  pen.font = palette.font;
  pen.fillStyle = palette.muted;
  pen.fillText(text, 8, y + BAR_HEIGHT - 4);
}
