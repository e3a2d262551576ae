/**
 * Paints the strip below the lanes: flags of episodes, heat map, percentiles, all on the time scale of the lanes.
 *
 *     ┌──┐    ┌┐         episodes, never narrower than 6 pixels
 *     ░░▒▒▓▒░░█▓░░       counts by latency, logarithmic
 *     ──╱╲───╱╲───       p50, p95, p99, max; the other side's p99
 */
import { LEAST_STRETCH_PX } from "../model/episode-marks.ts";
import type { EpisodeFacts } from "../model/episodes.ts";
import type { Palette } from "../paint/palette.ts";
import type { Surface } from "../paint/surface.ts";
import { rulerLines } from "../scale/ruler-ticks.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import { columnsIn, type HeatMap } from "./heat-map.ts";
import { stepOf } from "./heat-ramp.ts";
import { LINE_NAMES, type LineName, type LinePoint, lineOf } from "./latency-lines.ts";
import { LatencyScale, type StripBands, stripBands } from "./latency-scale.ts";

export interface StripScene {
  readonly map: HeatMap;
  /** The other side: only its p99 is drawn. */
  readonly other: HeatMap;
  readonly scale: TimeScale;
  readonly episodes: readonly EpisodeFacts[];
  /** From few requests to many. */
  readonly ramp: readonly string[];
}

/** Where latencies lie in the heat map, and where in the lines below it. */
export interface StripRows {
  readonly bands: StripBands;
  readonly heat: LatencyScale;
  readonly lines: LatencyScale;
}

/** Undefined while there is nothing to place. */
export function stripRows(map: HeatMap, other: HeatMap, height: number): StripRows | undefined {
  const [one, two] = [map.band ?? other.band, other.band ?? map.band];
  if (one === null || two === null) return undefined;
  const bands = stripBands(height);
  const band = {
    lowUs: Math.min(one.lowUs, two.lowUs),
    highUs: Math.max(one.highUs, two.highUs),
  };
  return {
    bands,
    heat: new LatencyScale(band, bands.heat.top, bands.heat.height),
    lines: new LatencyScale(band, bands.lines.top, bands.lines.height),
  };
}

export function paintStrip(surface: Surface, palette: Palette, scene: StripScene): void {
  const { context: pen, width, height } = surface;
  const rows = stripRows(scene.map, scene.other, height);
  pen.fillStyle = palette.softLine;
  for (const { x, label } of rulerLines(scene.scale)) {
    if (label !== "") pen.fillRect(Math.round(x), 0, 1, height);
  }
  if (rows === undefined) return;
  paintRowLines(surface, palette, rows);
  paintEpisodeStretches(surface, palette, scene);
  paintCells(surface, scene, rows.heat);
  pen.fillStyle = palette.line;
  pen.fillRect(0, rows.bands.heat.top + rows.bands.heat.height, width, 1);
  pen.save();
  pen.beginPath();
  pen.rect(0, rows.bands.lines.top - 3, width, rows.bands.lines.height + 6);
  pen.clip();
  paintLine(surface, palette, scene.scale, rows.lines, lineOf(scene.other, "p99"), "other");
  for (const name of LINE_NAMES) {
    paintLine(surface, palette, scene.scale, rows.lines, lineOf(scene.map, name), name);
  }
  pen.restore();
  paintFlags(surface, palette, scene, rows.bands.flags);
}

/** As far from the edge as the names of lanes. */
const NAMES_X = 16;

/** The axis of latencies, right-aligned, in the column of the lane heads. */
export function paintAxis(surface: Surface, palette: Palette, rows: StripRows): void {
  const { context: pen, width } = surface;
  pen.font = palette.font;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const scale of [rows.heat, rows.lines]) {
    for (const us of scale.ticks()) {
      const y = scale.y(us);
      pen.fillStyle = palette.muted;
      pen.fillText(axisText(us), width - 10, y);
      pen.fillStyle = palette.line;
      pen.fillRect(width - 6, Math.round(y), 6, 1);
    }
  }
  pen.textAlign = "left";
  pen.fillStyle = palette.text;
  pen.fillText("Requests", NAMES_X, rows.bands.heat.top + 7);
  pen.fillText("Percentiles", NAMES_X, rows.bands.lines.top + 7);
}

/** `50 ms`, `1 s`, `200 µs`: ticks are round. */
export function axisText(us: number): string {
  if (us >= 1_000_000) return `${us / 1_000_000} s`;
  return us >= 1_000 ? `${us / 1_000} ms` : `${us} µs`;
}

function paintRowLines({ context: pen, width }: Surface, palette: Palette, rows: StripRows): void {
  pen.fillStyle = palette.softLine;
  for (const scale of [rows.heat, rows.lines]) {
    for (const us of scale.ticks()) pen.fillRect(0, Math.round(scale.y(us)), width, 1);
  }
}

/** Edges on whole device pixels: cells that touch leave no seam. */
function paintCells(
  { context: pen, ratio }: Surface,
  { map, scale, ramp }: StripScene,
  rows: LatencyScale,
): void {
  const whole = (value: number) => Math.round(value * ratio) / ratio;
  for (const { from, to, cells } of columnsIn(map, scale.viewport)) {
    const left = whole(scale.x(from));
    const wide = Math.max(1 / ratio, whole(scale.x(to)) - left);
    for (const { lowUs, highUs, count } of cells) {
      const top = whole(rows.y(highUs));
      const bottom = Math.max(top + 1, whole(rows.y(lowUs)));
      pen.fillStyle = ramp[stepOf(count, map.most)] as string;
      pen.fillRect(left, top, wide, bottom - top);
    }
  }
}

interface Stroke {
  readonly colour: (palette: Palette) => string;
  readonly thickness: number;
  readonly dash: readonly number[];
}

/** Shape tells lines apart too: the colours of a user may be one. */
const STROKES: Readonly<Record<LineName | "other", Stroke>> = {
  p50: { colour: ({ text }) => text, thickness: 1, dash: [] },
  p95: { colour: ({ accent }) => accent, thickness: 1.5, dash: [6, 3] },
  p99: { colour: ({ hit }) => hit, thickness: 2, dash: [] },
  max: { colour: ({ muted }) => muted, thickness: 1.5, dash: [1.5, 3] },
  other: { colour: ({ fixedCut }) => fixedCut, thickness: 1.5, dash: [8, 3, 2, 3] },
};
/** A window alone is a stroke as wide as itself, and so much at least. */
const LEAST_STROKE_PX = 3;

function paintLine(
  { context: pen }: Surface,
  palette: Palette,
  scale: TimeScale,
  rows: LatencyScale,
  parts: readonly (readonly LinePoint[])[],
  name: LineName | "other",
): void {
  const { colour, thickness, dash } = STROKES[name];
  pen.strokeStyle = colour(palette);
  pen.lineWidth = thickness;
  pen.lineJoin = "round";
  pen.setLineDash([...dash]);
  pen.beginPath();
  for (const part of parts) {
    const [first] = part;
    if (first === undefined) continue;
    const half = part.length === 1 ? LEAST_STROKE_PX / 2 : 0;
    pen.moveTo(scale.x(first.t) - half, rows.y(first.us));
    if (half > 0) pen.lineTo(scale.x(first.t) + half, rows.y(first.us));
    for (const { t, us } of part.slice(1)) pen.lineTo(scale.x(t), rows.y(us));
  }
  pen.stroke();
  pen.setLineDash([]);
}

/** Where an episode is drawn; it is seen at any zoom. */
export function flagPlace(
  { from, to }: EpisodeFacts,
  scale: TimeScale,
): { readonly x: number; readonly width: number } {
  const x = Math.min(scale.x(from), scale.width - LEAST_STRETCH_PX);
  return { x, width: Math.max(LEAST_STRETCH_PX, scale.x(to) - x) };
}

/** Behind heat map and lines: what happened meanwhile. */
function paintEpisodeStretches(
  { context: pen, height }: Surface,
  palette: Palette,
  { episodes, scale }: StripScene,
): void {
  if (palette.isForced) return;
  pen.fillStyle = palette.warning;
  pen.globalAlpha = 0.1;
  for (const episode of episodes) {
    const { x, width } = flagPlace(episode, scale);
    pen.fillRect(x, 0, width, height);
  }
  pen.globalAlpha = 1;
}

function paintFlags(
  { context: pen }: Surface,
  palette: Palette,
  { episodes, scale }: StripScene,
  { top, height }: { readonly top: number; readonly height: number },
): void {
  pen.strokeStyle = palette.warning;
  pen.lineWidth = 2;
  for (const episode of episodes) {
    const { x, width } = flagPlace(episode, scale);
    pen.beginPath();
    pen.moveTo(x + 1, top + height);
    pen.lineTo(x + 1, top + 1);
    pen.lineTo(x + width - 1, top + 1);
    if (!episode.isOpen) pen.lineTo(x + width - 1, top + height);
    pen.stroke();
  }
}
