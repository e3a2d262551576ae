/**
 * The message lines of a view: each message by itself while they are few, else bundled by sender's
 * lane, receiver's lane and a stretch of some 16 pixels. The stretches lie at multiples of a power of
 * two of ticks, so that bundles keep their messages while the view moves. What is drawn is bounded by
 * `MAX_LINES` whatever there is: stretches are doubled until the bundles fit.
 */
import type { TimeScale } from "../scale/time-scale.ts";
import { type Bundle, gatherSends } from "../tiles/gather-sends.ts";
import { messageAt } from "../tiles/merge-sends.ts";
import type { LaneLayout, LaneRow } from "./lane-layout.ts";
import {
  type MessageFacts,
  NOBODY,
  type SendColumns,
  type TimelineFacts,
} from "./timeline-facts.ts";

/** Most lines drawn in a frame. */
export const MAX_LINES = 1_500;
/** Most while the view moves: lines are what a frame without a GPU costs most. */
export const MOVING_LINES = 400;
const BUNDLE_PX = 16;
/** A lone message keeps its own line while fewer than this are in view. */
export const EXACT_BELOW = 500;
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

/** The lines in view, at most `most`. `y` is from the top of all rows. */
export function messageLines(
  timeline: TimelineFacts,
  layout: LaneLayout,
  scale: TimeScale,
  most: number = MAX_LINES,
): readonly MessageLine[] {
  const { sends } = timeline;
  const lanes = sends.nodes.map((node) => layout.laneOf(node));
  const visible = visibleRows(sends, lanes, scale);
  const drawn: readonly Bundle[] =
    visible.length <= Math.min(most, EXACT_BELOW)
      ? visible.map((row) => [row, sends.counts[row] as number])
      : bundles(sends, lanes, layout, scale, visible, most);
  return drawn.flatMap(
    ([row, count]) => lineOf({ ...messageAt(sends, row), count }, layout, scale) ?? [],
  );
}

type Lanes = readonly (LaneRow | undefined)[];

/** The rows that have something in view. Hot while zooming: bench `ui`. */
function visibleRows(sends: SendColumns, lanes: Lanes, scale: TimeScale): number[] {
  const { senders, receivers, sentAt, receivedAt } = sends;
  const rows: number[] = [];
  const stubTicks = STUB_PX * scale.ticksPerPixel;
  const { from, to } = scale.viewport;
  for (let row = 0; row < senders.length; row += 1) {
    const sender = lanes[senders[row] as number];
    if (sender === undefined) continue;
    const sent = sentAt[row] as number;
    const received = receivedAt[row] as number;
    const receiver = lanes[receivers[row] as number];
    const isOpen = Number.isNaN(received) || receiver === undefined;
    const end = isOpen ? sent + stubTicks : received;
    if (Math.max(sent, end) < from || Math.min(sent, end) > to) continue;
    if (receiver === sender && !isOpen) continue; // inside a folded service
    rows.push(row);
  }
  return rows;
}

/** Rows that stand for a bundle, and the messages of each. */
function bundles(
  sends: SendColumns,
  lanes: Lanes,
  layout: LaneLayout,
  scale: TimeScale,
  rows: readonly number[],
  most: number,
): readonly Bundle[] {
  // Where nobody is known to have received: a place after all lanes.
  const nowhere = layout.lanes.length;
  const places = new Map(layout.lanes.map((lane, place) => [lane, place]));
  const placeOf = lanes.map((lane) =>
    lane === undefined ? nowhere : (places.get(lane) ?? nowhere),
  );
  const pairOf = (row: number): number => {
    const receiver = sends.receivers[row] as number;
    const isOpen = receiver === NOBODY || Number.isNaN(sends.receivedAt[row] as number);
    const to = isOpen ? nowhere : (placeOf[receiver] as number);
    const pair = (placeOf[sends.senders[row] as number] as number) * (nowhere + 1) + to;
    // Those joined over a hidden node are drawn otherwise, and so are bundles of their own.
    return pair * 2 + (sends.joined?.[row] ?? 0);
  };
  const ticks = 2 ** Math.max(0, Math.floor(Math.log2(BUNDLE_PX * scale.ticksPerPixel)));
  return gatherSends(sends, { rows, pairOf, pairs: 2 * (nowhere + 1) ** 2, ticks, most });
}

/** Where a message lies; undefined outside the view, and inside a folded service. */
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
  if (receiver === sender && !isOpen) return undefined;
  const y0 = sender.lifelineY;
  const y1 = receiver === undefined ? y0 + STUB_PX / 2 : receiver.lifelineY;
  const openY = y0 + Math.sign(y1 - y0 || 1) * STUB_PX * 0.6;
  return {
    message,
    x0,
    y0,
    x1: isOpen ? x0 + STUB_PX : x1,
    y1: isOpen ? openY : y1,
    count: message.count,
    hue: sender.nodes.find(({ node }) => node === message.from)?.hue ?? 0,
    isOpen,
  };
}
