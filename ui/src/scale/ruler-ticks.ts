/**
 * Where the ruler has its lines and what stands beside them.
 *
 * Steps are 1, 2 or 5 of a decimal unit below a second and the usual parts of minutes, hours and
 * days above, the first that leaves `MIN_LABEL_PX` between labels. A label says only what changes:
 * the full time on round seconds, `.050` in between. Times are UTC, as everywhere in Retroscope.
 */
import { TICK_ZERO_UNIX_MS, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { TimeScale } from "./time-scale.ts";

export const MIN_LABEL_PX = 92;
/** A label reaches so far to both sides: none stands where it would cover the length of a fold. */
const HALF_PX = 34;
/** More lines than this are never drawn, whatever the width. */
export const MAX_RULER_LINES = 400;

export interface RulerLine {
  readonly x: number;
  /** Empty for the lines between labels. */
  readonly label: string;
  /** A round time of the next larger unit: drawn stronger. */
  readonly isRound: boolean;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps in milliseconds, each with the number of parts that its minor lines make. */
const STEPS: readonly (readonly [ms: number, parts: number])[] = [
  ...[0.001, 0.01, 0.1, 1, 10, 100].flatMap(
    (unit) =>
      [
        [unit, 5],
        [unit * 2, 4],
        [unit * 5, 5],
      ] as const,
  ),
  [SECOND, 5],
  [2 * SECOND, 4],
  [5 * SECOND, 5],
  [10 * SECOND, 5],
  [15 * SECOND, 3],
  [30 * SECOND, 3],
  [MINUTE, 4],
  [2 * MINUTE, 4],
  [5 * MINUTE, 5],
  [10 * MINUTE, 5],
  [15 * MINUTE, 3],
  [30 * MINUTE, 3],
  [HOUR, 4],
  [2 * HOUR, 4],
  [3 * HOUR, 3],
  [6 * HOUR, 3],
  [12 * HOUR, 4],
  [DAY, 4],
  [2 * DAY, 2],
  [7 * DAY, 7],
  [14 * DAY, 2],
  [30 * DAY, 3],
  [90 * DAY, 3],
  [365 * DAY, 4],
  [1_825 * DAY, 5],
];

/** The lines of the visible stretch, left to right. */
export function rulerLines(scale: TimeScale): readonly RulerLine[] {
  const msPerPixel = scale.ticksPerPixel / TICKS_PER_MS;
  const [stepMs, parts] =
    STEPS.find(([ms]) => ms / msPerPixel >= MIN_LABEL_PX) ??
    (STEPS.at(-1) as readonly [number, number]);
  const minorMs = stepMs / parts;
  const { from } = scale.viewport;
  const baseMs = baseOf(from, stepMs);
  const baseTicks = (baseMs - TICK_ZERO_UNIX_MS) * TICKS_PER_MS;
  const first = Math.ceil((from - baseTicks) / TICKS_PER_MS / minorMs);
  const last = Math.floor((scale.viewport.to - baseTicks) / TICKS_PER_MS / minorMs);
  const lines: RulerLine[] = [];
  const breaks = scale.folds.map(({ from: start, to }) => ({
    start: scale.x(start),
    end: scale.x(to),
    to,
  }));
  for (let n = first; n <= last && lines.length < MAX_RULER_LINES; n += 1) {
    const offsetMs = n * minorMs;
    // By its place, which knows fractions of a tick; a sum of ticks would have rounded them off.
    const x = scale.x(baseTicks, offsetMs * TICKS_PER_MS);
    const inside = breaks.find(({ start, end }) => x > start && x < end);
    if (inside !== undefined) {
      // A fold may hold very many of them: the next line is the first behind it.
      n = Math.max(n, Math.ceil((inside.to - baseTicks) / TICKS_PER_MS / minorMs) - 1);
      continue;
    }
    const isCovered = breaks.some(({ start, end }) => x > start - HALF_PX && x < end + HALF_PX);
    const isMajor = n % parts === 0 && !isCovered;
    lines.push({
      x,
      label: isMajor ? labelOf(baseMs, offsetMs, stepMs) : "",
      isRound: isMajor && isRound(offsetMs, stepMs),
    });
  }
  return lines;
}

/**
 * The round time before `from` that lines are counted from. A Unix time in milliseconds has no room
 * for less than a quarter of a microsecond; counted from a near base, the lines are exact.
 */
function baseOf(from: number, stepMs: number): number {
  const unit = stepMs < SECOND ? SECOND : stepMs < DAY ? DAY : undefined;
  const fromMs = Math.floor(from / TICKS_PER_MS) + TICK_ZERO_UNIX_MS;
  return unit === undefined ? 0 : Math.floor(fromMs / unit) * unit;
}

function isRound(offsetMs: number, stepMs: number): boolean {
  const unit = stepMs < SECOND ? SECOND : stepMs < MINUTE ? MINUTE : DAY;
  return Math.abs(offsetMs - Math.round(offsetMs / unit) * unit) < stepMs / 1e3;
}

function labelOf(baseMs: number, offsetMs: number, stepMs: number): string {
  // Sub-millisecond steps leave rounding dust; a thousandth of a step is far below a pixel.
  const clean = Math.round(offsetMs * 1_000) / 1_000;
  const iso = new Date(baseMs + Math.floor(clean)).toISOString();
  if (stepMs >= DAY) return iso.slice(0, 10);
  if (stepMs >= MINUTE) return isRound(clean, stepMs) ? iso.slice(0, 10) : iso.slice(11, 16);
  if (stepMs >= SECOND || isRound(clean, stepMs)) return iso.slice(11, 19);
  const digits = stepMs >= 1 ? 3 : 6;
  return ((clean % SECOND) / SECOND).toFixed(digits).slice(1);
}
