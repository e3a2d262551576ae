/**
 * Lanes: lifelines, hatching, glyphs or columns. Hot while panning; bounded by pixels: a glyph that
 * would fall on the same pixel as the one before it of its kind is not drawn again, and dense lanes
 * draw at most one column per pixel.
 */
import { COLUMNS_ABOVE, crowdingOf, SMALL_ABOVE } from "../model/crowding.ts";
import type { LaneLayout, LaneRow } from "../model/lane-layout.ts";
import {
  GLYPHS,
  GlyphCode,
  type LaneFacts,
  lowerBound,
  type TimelineFacts,
} from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import { type DrawnLane, drawColumns } from "./columns.ts";
import { drawGlyph } from "./glyphs.ts";
import { fillHatched } from "./hatch.ts";
import { nodeColour, type Palette } from "./palette.ts";
import { PixelImage } from "./pixel-image.ts";
import { drawRequests } from "./request-bars.ts";
import type { Surface } from "./surface.ts";

export interface LanesScene {
  readonly layout: LaneLayout;
  readonly timeline: TimelineFacts | null;
  readonly scale: TimeScale;
  /** Pixels by which the rows are scrolled up. */
  readonly scrollTop: number;
  readonly selectedNode: string | null;
}

/** Room for glyphs that are only half on screen. */
const MARGIN = 12;
/** Drawn one after the other; requests have their own row. */
const LAYERS: readonly ReadonlySet<number>[] = [
  new Set([GlyphCode.keyframe, GlyphCode.join, GlyphCode.leave, GlyphCode.send, GlyphCode.receive]),
  new Set([GlyphCode.change, GlyphCode.commit, GlyphCode.delete]),
  new Set([GlyphCode.mark]),
];
const LOADING = "loading";
/** The word is set where it has room. */
const LOADING_PX = 70;
const LOADING_Y = 120;
/** Two glyphs of a kind closer than this are one. */
const SAME_PX = 1.5;

export function paintLanes(surface: Surface, palette: Palette, scene: LanesScene): void {
  const { context: pen, width, height } = surface;
  for (const row of scene.layout.rows) {
    const top = row.y - scene.scrollTop;
    if (top > height || top + row.height < 0) continue;
    if (row.type !== "lane") {
      pen.fillStyle = palette.band;
      pen.fillRect(0, top, width, row.height);
    } else if (row.nodes.some(({ node }) => node === scene.selectedNode)) {
      pen.fillStyle = palette.band;
      pen.fillRect(0, top, width, row.height);
    }
    pen.fillStyle = palette.softLine;
    pen.fillRect(0, top + row.height - 1, width, 1);
  }
}

/** All columns of a picture; kept, since it is as large as the screen. */
const image = new PixelImage();

/**
 * The second pass, above the messages: what happened on each lane. Glyphs shrink while they come
 * closer, and turn into columns on all lanes before they would be a smear on one.
 */
export function paintEvents(surface: Surface, palette: Palette, scene: LanesScene): void {
  const { timeline, scale, scrollTop } = scene;
  if (timeline === null) return;
  const crowding = crowdingOf(scene.layout, timeline, scale);
  const size = crowding > SMALL_ABOVE ? 0.75 : 1;
  const areColumns = crowding > COLUMNS_ABOVE;
  if (areColumns) image.open(surface);
  for (const row of scene.layout.lanes) {
    const top = row.y - scrollTop;
    if (top > surface.height || top + row.height < 0) continue;
    const lanes = lanesOf(row, timeline, palette);
    if (areColumns) {
      drawColumns(image, surface, palette, scale, lanes, row, scrollTop);
    } else {
      for (const lane of lanes) drawExact(surface, palette, scale, lane, row, scrollTop, size);
    }
  }
  if (areColumns) image.put(surface);
}

/** Where nothing is known yet: shaded, for an empty lane would say that nothing happened. */
export function paintMissing(surface: Surface, palette: Palette, scene: LanesScene): void {
  const { timeline, scale } = scene;
  const { context: pen, height } = surface;
  for (const { from, to } of timeline?.missing ?? []) {
    const left = Math.max(0, scale.x(from));
    const right = Math.min(surface.width, scale.x(to));
    if (right <= left) continue;
    pen.fillStyle = palette.softLine;
    pen.fillRect(left, 0, right - left, height);
    if (right - left < LOADING_PX) continue;
    pen.font = palette.font;
    pen.fillStyle = palette.muted;
    const half = pen.measureText(LOADING).width / 2;
    pen.fillText(LOADING, (left + right) / 2 - half, Math.min(height / 2, LOADING_Y));
  }
}

/** The first pass, below the messages: how long each node was there, and what is not known of it. */
export function paintLifelines(surface: Surface, palette: Palette, scene: LanesScene): void {
  const { timeline, scale } = scene;
  if (timeline === null) return;
  for (const row of scene.layout.lanes) {
    const top = row.y - scene.scrollTop;
    if (top > surface.height || top + row.height < 0) continue;
    for (const { lane, colour } of lanesOf(row, timeline, palette)) {
      drawLifeline(surface, palette, scale, lane, colour, row.lifelineY - scene.scrollTop);
      for (const gap of lane.gaps) {
        const from = Math.max(-MARGIN, scale.x(gap.from));
        const to = Math.min(surface.width + MARGIN, scale.x(gap.to));
        if (to > from)
          fillHatched(surface, palette, from, top + 4, Math.max(2, to - from), row.height - 9);
      }
    }
  }
}

function lanesOf(row: LaneRow, timeline: TimelineFacts, palette: Palette): DrawnLane[] {
  return row.nodes.flatMap(({ node, hue }) => {
    const lane = timeline.lanes.get(node);
    return lane === undefined ? [] : [{ lane, colour: nodeColour(palette, hue) }];
  });
}

function drawLifeline(
  surface: Surface,
  palette: Palette,
  scale: TimeScale,
  lane: LaneFacts,
  colour: string,
  y: number,
): void {
  const { context: pen, width } = surface;
  pen.strokeStyle = colour;
  pen.globalAlpha = palette.isForced ? 1 : 0.45;
  pen.lineWidth = 1.5;
  for (const { joined, end } of lane.epochs) {
    const from = Math.max(-MARGIN, scale.x(joined));
    const to = Math.min(width + MARGIN, end === null ? width + MARGIN : scale.x(end));
    if (to < from) continue;
    pen.beginPath();
    pen.moveTo(from, y);
    pen.lineTo(to, y);
    if (from > 0) {
      // A notch: an epoch begins here.
      pen.moveTo(from, y - 7);
      pen.lineTo(from, y + 7);
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function drawExact(
  surface: Surface,
  palette: Palette,
  scale: TimeScale,
  { lane, colour }: DrawnLane,
  row: LaneRow,
  scrollTop: number,
  size: number,
): void {
  const { exact } = lane;
  if (exact === null) return;
  const { context: pen, width } = surface;
  const { times, glyphs } = exact;
  const y = row.lifelineY - scrollTop;
  drawRequests(surface, palette, scale, exact, colour, row.requestY - scrollTop);
  const first = lowerBound(times, scale.t(-MARGIN));
  // What changed lies above what was sent, and marks above both.
  for (const layer of LAYERS) {
    const lastX = new Float64Array(GLYPHS.length).fill(-Infinity);
    for (let i = first; i < times.length; i += 1) {
      const x = scale.x(times[i] as number);
      if (x > width + MARGIN) break;
      const glyph = glyphs[i] as number;
      if (!layer.has(glyph) || x - (lastX[glyph] as number) < SAME_PX) continue;
      lastX[glyph] = x;
      drawGlyph(pen, palette, glyph, colour, x, y, size);
    }
  }
}
