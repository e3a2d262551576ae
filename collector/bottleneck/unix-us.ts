/** Stamps as Unix microseconds, the unit that recordings and episodes count in, and back. */
import { addMs, type Hlc, ticksFromUnixMs } from "../../agent/kernel/index.ts";

const TICKS_PER_US = 4.096;

/** A stamp as Unix microseconds, rounded to the nearest. */
export function usOf(t: Hlc): number {
  return Math.round((t - ticksFromUnixMs(0)) / TICKS_PER_US);
}

/** Unix microseconds as a stamp, rounded down to a tick. */
export function hlcOfUs(us: number): Hlc {
  return addMs(ticksFromUnixMs(0), us / 1_000);
}
