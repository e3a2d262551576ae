/**
 * Which stretch of latencies to ask for, and in windows of what length: the finest that leaves a column of the heat map
 * some pixels. Stretches begin and end with a window, and are wider than the view, so that a pan shows what is there.
 */
import {
  type Hlc,
  TICKS_PER_MS,
  ticksFromUnixMs,
  unixMsFromTicks,
} from "../../../agent/kernel/index.ts";
import { clampTicks, type Viewport } from "../scale/time-scale.ts";
import type { LatencyQuestion } from "./latency-question.ts";

/** A column is at least so wide. */
export const LEAST_COLUMN_PX = 3;
/** The longest range of which the collector gives latencies. */
export const MAX_RANGE_MS: number = 24 * 3_600_000;
/** Added on each side, as a share of the view. */
const PADDING = 0.25;
/** From the last second on nodes are still telling: load comes by the second. */
const UNSETTLED_TICKS = 4_000 * TICKS_PER_MS;
/** Known so much further, an answer about the newest is asked for again. */
const NEWS_TICKS = 1_000 * TICKS_PER_MS;

/** Below a second of 10 ms, from there on of a second: each is a multiple of what agents count in. */
const WINDOWS_MS: readonly number[] = [
  ...[10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600].map((seconds) => seconds * 1_000),
];

/** Null: the view is longer than the collector tells of at a time. */
export function latencyQuestion({ from, to }: Viewport, width: number): LatencyQuestion | null {
  const spanMs = (to - from) / TICKS_PER_MS;
  const windowMs = WINDOWS_MS.find((one) => (one / spanMs) * width >= LEAST_COLUMN_PX);
  if (windowMs === undefined) return null;
  // A window may be cut off at both ends.
  const room = MAX_RANGE_MS - 2 * windowMs - spanMs;
  if (room < 0) return null;
  const paddingMs = Math.min(spanMs * PADDING, room / 2);
  const start = Math.floor((unixMsFromTicks(from) - paddingMs) / windowMs) * windowMs;
  const end = Math.ceil((unixMsFromTicks(to) + paddingMs) / windowMs) * windowMs;
  return { from: hlcOfMs(start), to: hlcOfMs(end), windowMs };
}

function hlcOfMs(unixMs: number): Hlc {
  return clampTicks(ticksFromUnixMs(unixMs));
}

/** A question that was asked, and up to where there was anything then. */
export interface AskedLatency {
  readonly question: LatencyQuestion;
  readonly knownTo: Hlc;
}

/** Whether its answer still serves the view, now that there is something up to `knownTo`. */
export function servesLatency(
  asked: AskedLatency,
  view: Viewport,
  width: number,
  knownTo: Hlc,
): boolean {
  const { question } = asked;
  const wanted = latencyQuestion(view, width);
  if (wanted === null || wanted.windowMs !== question.windowMs) return false;
  if (view.from < question.from || view.to > question.to) return false;
  const isSettled = question.to < asked.knownTo - UNSETTLED_TICKS;
  return isSettled || knownTo - asked.knownTo < NEWS_TICKS;
}
