/**
 * Lanes: lifelines, hatching, glyphs or columns. Hot while panning; bounded by pixels: a glyph that
 * would fall on the same pixel as the one before it of its kind is not drawn again, and dense lanes
 * draw at most one column per pixel.
 */
import { TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { LaneLayout, LaneRow } from "../model/lane-layout.ts";
import { LIFELINE_Y, REQUEST_Y } from "../model/lane-layout.ts";
import { GlyphCode, GLYPHS, type LaneFacts, lowerBound, type TimelineFacts } from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import { drawColumns } from "./columns.ts";
import { drawGlyph } from "./glyphs.ts";
import { fillHatched } from "./hatch.ts";
import { nodeColour, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

export interface LanesScene {
  readonly layout: LaneLayout;
  readonly timeline: TimelineFacts | null;
  readonly scale: TimeScale;
  /** Pixels by which the rows are scrolled up. */
  readonly scrollTop: number;
  readonly selectedNode: string | null;
}

/** What is known of one node, with its colour. A folded row draws several in one place. */
export interface DrawnLane {
  readonly lane: LaneFacts;
  readonly colour: string;
}

/** Room for glyphs that are only half on screen. */
const MARGIN = 12;
const REQUEST_HEIGHT = 5;

export function paintLanes(surface: Surface, palette: Palette, scene: LanesScene): void {
  const { context: pen, width, height } = surface;
  for (const row of scene.layout.rows) {
    const top = row.y - scene.scrollTop;
    if (top > height || top + row.height < 0) continue;
    if (row.type === "heading") {
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

/** The second pass, above the messages: what happened on each lane. */
export function paintEvents(surface: Surface, palette: Palette, scene: LanesScene): void {
  const { timeline } = scene;
  if (timeline === null) return;
  for (const row of scene.layout.lanes) {
    const top = row.y - scene.scrollTop;
    if (top > surface.height || top + row.height < 0) continue;
    const lanes = lanesOf(row, timeline, palette);
    if (lanes.length === 0) continue;
    if (timeline.exact) {
      for (const { lane, colour } of lanes) drawExact(surface, palette, scene.scale, lane, colour, top);
    } else {
      drawColumns(surface, palette, scene.scale, timeline.bucketTicks, lanes, top);
    }
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
      drawLifeline(surface, palette, scale, lane, colour, top + LIFELINE_Y);
      for (const gap of lane.gaps) {
        const from = Math.max(-MARGIN, scale.x(gap.from));
        const to = Math.min(surface.width + MARGIN, scale.x(gap.to));
        if (to > from) fillHatched(surface, palette, from, top + 4, Math.max(2, to - from), row.height - 9);
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
  lane: LaneFacts,
  colour: string,
  top: number,
): void {
  const { exact } = lane;
  if (exact === null) return;
  const { context: pen, width } = surface;
  const { times, glyphs } = exact;
  const lastX = new Float64Array(GLYPHS.length).fill(-Infinity);
  const y = top + LIFELINE_Y;
  drawRequests(surface, palette, scale, exact, colour, top);
  const first = lowerBound(times, scale.t(-MARGIN));
  for (let i = first; i < times.length; i += 1) {
    const x = scale.x(times[i] as number);
    if (x > width + MARGIN) break;
    const glyph = glyphs[i] as number;
    if (x - (lastX[glyph] as number) < 1 || glyph === GlyphCode.request) continue;
    lastX[glyph] = x;
    drawGlyph(pen, palette, glyph, colour, x, y);
  }
}

function drawRequests(
  surface: Surface,
  palette: Palette,
  scale: TimeScale,
  exact: NonNullable<LaneFacts["exact"]>,
  colour: string,
  top: number,
): void {
  const { context: pen, width } = surface;
  pen.fillStyle = colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  let lastEnd = -Infinity;
  for (let i = 0; i < exact.times.length; i += 1) {
    if (exact.glyphs[i] !== GlyphCode.request) continue;
    const end = scale.x(exact.times[i] as number);
    const start = scale.x((exact.times[i] as number) - ((exact.residenceUs[i] as number) / 1_000) * TICKS_PER_MS);
    if (end < -MARGIN || start > width + MARGIN || (end - lastEnd < 1 && end - start < 1)) continue;
    const isStacked = start < lastEnd;
    const y = top + REQUEST_Y + (isStacked ? 1 : 0);
    lastEnd = end;
    pen.globalAlpha = palette.isForced ? 1 : isStacked ? 0.35 : 0.55;
    const from = Math.max(start, -MARGIN);
    const length = Math.max(2, Math.min(end, width + MARGIN) - from);
    if (palette.isForced) pen.strokeRect(from, y, length, REQUEST_HEIGHT);
    else pen.fillRect(from, y, length, REQUEST_HEIGHT);
  }
  pen.globalAlpha = 1;
}
