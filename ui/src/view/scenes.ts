/** Gathers what the painters need from the signals, once per frame. */
import { untracked } from "@preact/signals";
import type { App } from "../app.ts";
import { bendPath } from "../model/bend-path.ts";
import { bookmarksOf } from "../model/bookmarks.ts";
import { withoutHidden } from "../model/hidden-traffic.ts";
import { lineOf, type MessageLine, MOVING_LINES, messageLines } from "../model/message-lines.ts";
import { isInconsistent } from "../model/shown-cut.ts";
import type { TimelineFacts } from "../model/timeline-facts.ts";
import { Backdrop } from "../paint/backdrop.ts";
import { paintFoldBands, paintFoldLabels } from "../paint/paint-folds.ts";
import { paintEvents, paintLanes, paintLifelines, paintMissing } from "../paint/paint-lanes.ts";
import { paintMessages } from "../paint/paint-messages.ts";
import { type OverlayScene, paintOverlay } from "../paint/paint-overlay.ts";
import { paintChosenRow, paintRowsOnLanes } from "../paint/paint-rows.ts";
import { paintGrid, paintRuler } from "../paint/paint-ruler.ts";
import { paintTracks, type TrackSource } from "../paint/paint-tracks.ts";
import { openSurface, type Surface } from "../paint/surface.ts";
import type { ResultRow } from "../query/row-book.ts";
import { rowMarks } from "../query/row-marks.ts";
import { rulerLines } from "../scale/ruler-ticks.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import { sendsOf } from "../tiles/merge-sends.ts";
import { palette } from "./theme.ts";

export function paintScale(app: App, canvas: HTMLCanvasElement | null): void {
  const surface = canvas === null ? undefined : openSurface(canvas);
  const scale = app.scale.peek();
  if (surface !== undefined && scale !== null && app.watch.facts.peek() !== null) {
    const rows = rowMarks(app.query.rows.peek(), scale);
    paintRuler(surface, palette(), rulerLines(scale), rows);
    paintFoldLabels(surface, palette(), scale);
  }
}

/**
 * The last timeline answer whose left edge is known too. A newer one without it waits, lest the
 * tracks flicker: what the older says of its own stretch stays true.
 */
let keptTracks: TrackSource | null = null;

function trackSource(app: App): TrackSource | null {
  const start = app.answers.trackStart.answered.peek();
  const timeline = app.timeline.peek();
  if (start === null) keptTracks = null;
  else if (timeline?.exact && start.question.at === timeline.from) {
    const isKept = keptTracks?.timeline === timeline && keptTracks.cut === start.answer;
    if (!isKept) keptTracks = { timeline, pins: start.question.pins, cut: start.answer };
  }
  return keptTracks;
}

/** The lines of this scale and answer; kept, since the overlay and the lanes both need them. */
let keptLines: {
  scale: TimeScale;
  key: unknown;
  layout: unknown;
  lines: readonly MessageLine[];
} | null = null;

/** Messages between visible nodes, those through hidden ones joined; kept while nothing changes. */
let keptTraffic: { key: unknown; hidden: unknown; visible: TimelineFacts } | null = null;

function visibleTraffic({ hidden }: App, timeline: TimelineFacts): TimelineFacts {
  const nodes = hidden.peek();
  if (nodes.size === 0) return timeline;
  if (keptTraffic?.key !== timeline || keptTraffic.hidden !== nodes) {
    const messages = withoutHidden(timeline.messages, nodes);
    const visible = { ...timeline, messages, sends: sendsOf(messages) };
    keptTraffic = { key: timeline, hidden: nodes, visible };
  }
  return keptTraffic.visible;
}

function linesOf(app: App, scale: TimeScale): readonly MessageLine[] {
  const timeline = app.timeline.peek();
  const layout = app.layout.peek();
  if (timeline === null) return [];
  if (keptLines?.scale !== scale || keptLines.key !== timeline || keptLines.layout !== layout) {
    const lines = messageLines(visibleTraffic(app, timeline), layout, scale);
    keptLines = { scale, key: timeline, layout, lines };
  }
  return keptLines.lines;
}

/** One per page, made at the first frame. */
const backdrops = new WeakMap<App, Backdrop>();

function backdropOf(app: App): Backdrop {
  const known = backdrops.get(app) ?? new Backdrop(app.host, () => app.frames.mark("base"));
  backdrops.set(app, known);
  return known;
}

export function paintBase(app: App, canvas: HTMLCanvasElement | null, scrollTop: number): void {
  const scale = app.scale.peek();
  if (canvas === null || scale === null) return;
  const layout = app.layout.peek();
  const timeline = app.timeline.peek();
  const selectedNode = app.choices.selectedNode.peek();
  const pins = app.tracks.peek();
  const tracks = trackSource(app);
  const rows = app.query.rows.peek();
  const chosen = chosenRow(app);
  const colours = palette();
  const paint = (surface: Surface, at: TimeScale, isMoving: boolean): void => {
    const scene = { layout, timeline, scale: at, scrollTop, selectedNode };
    paintLanes(surface, colours, scene);
    paintFoldBands(surface, colours, at);
    paintGrid(surface, colours, rulerLines(at));
    paintChosenRow(surface, colours, at, chosen);
    paintLifelines(surface, colours, scene);
    paintMissing(surface, colours, scene);
    const lines =
      timeline === null || !isMoving
        ? linesOf(app, at)
        : messageLines(visibleTraffic(app, timeline), layout, at, MOVING_LINES);
    paintMessages(surface, colours, lines, scrollTop);
    paintEvents(surface, colours, scene);
    paintRowsOnLanes(surface, colours, scene, rows, chosen);
    paintTracks(surface, colours, scene, pins, tracks);
  };
  const hidden = app.hidden.peek();
  const key = [canvas, layout, timeline, scrollTop, selectedNode, pins, tracks, colours];
  backdropOf(app).show(canvas, scale, [...key, hidden, rows, chosen], paint);
}

export function paintOver(app: App, canvas: HTMLCanvasElement | null, scrollTop: number): void {
  const surface = canvas === null ? undefined : openSurface(canvas);
  const scale = app.scale.peek();
  if (surface === undefined || scale === null || app.watch.facts.peek() === null) return;
  const { choices } = app;
  const shown = app.shownCut.peek();
  paintOverlay(surface, palette(), {
    scale,
    scrollTop,
    cut: choices.cut.peek(),
    fixedCut: choices.fixedCut.peek(),
    bookmarks: untracked(() => bookmarksOf(choices)).map(({ t }) => t),
    measured: choices.measured.peek(),
    shown: shown && {
      at: shown.at,
      isInconsistent: isInconsistent(shown),
      path: bendPath(app.layout.peek(), scale, shown.at, shown.bends, surface.height + scrollTop),
    },
    bends: bendLines(app, scale),
    lit: litLines(app, scale),
    hovered: hoveredPlace(app),
    selected: selectedPlace(app, scale),
  });
}

/** The row that was gone to; null where there is none, or it has not come yet. */
function chosenRow(app: App): ResultRow | null {
  const place = app.query.place.peek();
  return place === undefined ? null : (app.query.rows.peek()[place] ?? null);
}

/** The messages that bend the line: on screen whatever the timeline answer holds. */
function bendLines(app: App, scale: TimeScale): readonly MessageLine[] {
  const layout = app.layout.peek();
  return [...(app.shownCut.peek()?.bends?.values() ?? [])].flatMap(({ message }) => {
    const { sender: from, receiver: to, sentAt, receivedAt } = message;
    return lineOf({ from, to, sentAt, receivedAt, count: 1 }, layout, scale) ?? [];
  });
}

function litLines(app: App, scale: TimeScale): readonly MessageLine[] {
  const lit = app.litMessage.peek();
  const selected = app.choices.selectedEvent.peek();
  const lines =
    selected === null
      ? []
      : linesOf(app, scale).filter(({ message }) => {
          const isSend = message.from === selected.node && message.sentAt === selected.t;
          return isSend || (message.to === selected.node && message.receivedAt === selected.t);
        });
  if (lit === null) return lines;
  // By itself: on the lanes it may be part of a bundle, or not be drawn at all.
  const known = app.timeline
    .peek()
    ?.messages.find(
      ({ from, to, sentAt, count }) =>
        count === 1 && from === lit.from && sentAt === lit.sentAt && (lit.to ?? to) === to,
    );
  const line = lineOf(known ?? { ...lit, count: 1 }, app.layout.peek(), scale);
  return line === undefined ? lines : [...lines, line];
}

function hoveredPlace(app: App): OverlayScene["hovered"] {
  const picked = app.hover.peek()?.picked;
  return picked === undefined || picked.type !== "event" ? null : { x: picked.x, y: picked.y };
}

function selectedPlace(app: App, scale: TimeScale): OverlayScene["selected"] {
  const selected = app.choices.selectedEvent.peek();
  const row = selected === null ? undefined : app.layout.peek().laneOf(selected.node);
  if (selected === null || row === undefined || !scale.isVisible(selected.t)) return null;
  const kind = app.answers.event.answered.peek()?.answer.line?.kind;
  return { x: scale.x(selected.t), y: kind === "request" ? row.requestY + 2 : row.lifelineY };
}
