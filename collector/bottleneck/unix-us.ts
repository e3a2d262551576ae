/** Stamps as Unix microseconds, the unit that recordings and episodes count in, and back. */
import {
  addMs,
  type Hlc,
  TICK_ZERO_UNIX_MS,
  TICKS_PER_MS,
  ticksFromUnixMs,
} from "../../agent/kernel/index.ts";

/** A fraction: of spans that are added to stamps. */
export const TICKS_PER_US: number = TICKS_PER_MS / 1_000;

/** A stamp as Unix microseconds, rounded to the nearest. */
export function usOf(t: Hlc): number {
  // Ticks since 1970 would leave no room for a part of a tick.
  return Math.round(t / TICKS_PER_US) + TICK_ZERO_UNIX_MS * 1_000;
}

/** Unix microseconds as a stamp, rounded down to a tick. */
export function hlcOfUs(us: number): Hlc {
  return addMs(ticksFromUnixMs(0), us / 1_000);
}
