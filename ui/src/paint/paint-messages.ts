/**
 * Messages: a line from send to receive in the sender's colour. Many between the same lanes come
 * bundled from the collector, or are bundled here by 16-pixel columns; width tells the count.
 * A message that never arrived as far as is known ends open.
 */
import type { LaneLayout } from "../model/lane-layout.ts";
import type { MessageFacts, TimelineFacts } from "../model/timeline-facts.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import { nodeColour, type Palette } from "./palette.ts";
import type { Surface } from "./surface.ts";

/** Most lines drawn in a frame; what does not fit is left out evenly, never the widest. */
export const MAX_LINES = 1_500;
const BUNDLE_PX = 16;
/** A lone message keeps its own line while fewer than this are in view. */
const EXACT_BELOW = 500;
const STUB_PX = 22;

export interface MessageLine {
  readonly message: MessageFacts;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  readonly count: number;
  readonly hue: number;
  readonly isOpen: boolean;
}

/** The lines in view, bundled so that there are at most `MAX_LINES`. `y` is from the top of all rows. */
export function messageLines(
  timeline: TimelineFacts,
  layout: LaneLayout,
  scale: TimeScale,
): readonly MessageLine[] {
  const lines: MessageLine[] = [];
  for (const message of timeline.messages) {
    const line = lineOf(message, layout, scale);
    if (line !== undefined) lines.push(line);
  }
  if (lines.length <= EXACT_BELOW) return lines;
  const bundles = bundled(lines);
  if (bundles.length <= MAX_LINES) return bundles;
  return [...bundles].sort((a, b) => b.count - a.count).slice(0, MAX_LINES);
}

/** Where a message lies; undefined outside the view. */
export function lineOf(
  message: MessageFacts,
  layout: LaneLayout,
  scale: TimeScale,
): MessageLine | undefined {
  const sender = layout.laneOf(message.from);
  if (sender === undefined) return undefined;
  const receiver = message.to === null ? undefined : layout.laneOf(message.to);
  const isOpen = message.receivedAt === null || receiver === undefined;
  const x0 = scale.x(message.sentAt);
  const x1 = message.receivedAt === null ? x0 + STUB_PX : scale.x(message.receivedAt);
  if (Math.max(x0, x1) < 0 || Math.min(x0, x1) > scale.width) return undefined;
  if (receiver === sender && !isOpen) return undefined; // inside a folded service
  const y0 = sender.lifelineY;
  const y1 = receiver === undefined ? y0 + STUB_PX / 2 : receiver.lifelineY;
  const openY = y0 + Math.sign(y1 - y0 || 1) * STUB_PX * 0.6;
  const hue = sender.nodes.find(({ node }) => node === message.from)?.hue ?? 0;
  return {
    message,
    x0,
    y0,
    x1: isOpen ? x0 + STUB_PX : x1,
    y1: isOpen ? openY : y1,
    count: message.count,
    hue,
    isOpen,
  };
}

function bundled(lines: readonly MessageLine[]): readonly MessageLine[] {
  const bundles = new Map<string, MessageLine>();
  for (const line of lines) {
    const column = Math.floor(line.x0 / BUNDLE_PX);
    const kind = line.isOpen ? "open" : line.message.isJoined ? `${line.y1} joined` : line.y1;
    const key = `${line.y0} ${kind} ${column}`;
    const bundle = bundles.get(key);
    bundles.set(key, bundle === undefined ? line : { ...bundle, count: bundle.count + line.count });
  }
  return [...bundles.values()];
}

export function paintMessages(
  surface: Surface,
  palette: Palette,
  lines: readonly MessageLine[],
  scrollTop: number,
): void {
  const { context: pen } = surface;
  const total = lines.reduce((sum, { count }) => sum + count, 0);
  // The more there are, the paler each: lines must not hide the events.
  const alpha = palette.isForced ? 1 : Math.min(0.75, Math.max(0.14, 9 / Math.sqrt(total + 1)));
  const hasHeads = lines.length <= EXACT_BELOW;
  for (const line of lines) {
    if (outOfSight(line, scrollTop, surface.height)) continue;
    pen.strokeStyle = nodeColour(palette, line.hue);
    pen.globalAlpha = alpha;
    pen.lineWidth = Math.min(4, 1.1 + Math.log2(line.count) * 0.45);
    // Joined over a hidden node: longer dashes than those of an open end.
    pen.setLineDash(line.isOpen ? [3, 3] : line.message.isJoined ? [9, 5] : []);
    pen.beginPath();
    pen.moveTo(line.x0, line.y0 - scrollTop);
    pen.lineTo(line.x1, line.y1 - scrollTop);
    pen.stroke();
    if (line.isOpen) openEnd(pen, line.x1, line.y1 - scrollTop);
    else if (hasHeads) arrowHead(pen, palette, line, scrollTop);
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/** One line strong and on top: what is hovered or selected. */
export function paintLitMessage(
  surface: Surface,
  palette: Palette,
  line: MessageLine,
  scrollTop: number,
): void {
  const { context: pen } = surface;
  pen.strokeStyle = nodeColour(palette, line.hue);
  pen.lineWidth = 3;
  pen.beginPath();
  pen.moveTo(line.x0, line.y0 - scrollTop);
  pen.lineTo(line.x1, line.y1 - scrollTop);
  pen.stroke();
  if (!line.isOpen) arrowHead(pen, palette, line, scrollTop, 9);
}

function outOfSight(line: MessageLine, scrollTop: number, height: number): boolean {
  return Math.max(line.y0, line.y1) < scrollTop || Math.min(line.y0, line.y1) > scrollTop + height;
}

function openEnd(pen: CanvasRenderingContext2D, x: number, y: number): void {
  pen.setLineDash([]);
  pen.beginPath();
  pen.arc(x + 3, y, 2.5, 0, 2 * Math.PI);
  pen.stroke();
}

function arrowHead(
  pen: CanvasRenderingContext2D,
  palette: Palette,
  line: MessageLine,
  scrollTop: number,
  size = 6,
): void {
  const length = Math.hypot(line.x1 - line.x0, line.y1 - line.y0);
  if (length < 14) return;
  const ux = (line.x1 - line.x0) / length;
  const uy = (line.y1 - line.y0) / length;
  // Stops short of the glyph of the receive.
  const x = line.x1 - ux * 6;
  const y = line.y1 - uy * 6 - scrollTop;
  pen.fillStyle = nodeColour(palette, line.hue);
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x - ux * size - uy * size * 0.45, y - uy * size + ux * size * 0.45);
  pen.lineTo(x - ux * size + uy * size * 0.45, y - uy * size - ux * size * 0.45);
  pen.closePath();
  pen.fill();
}
