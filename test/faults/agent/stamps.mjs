/**
 * Stamps as the checker reads them: from the text form alone (16 hex digits: Unix milliseconds and a
 * counter of 16 bits), without code of the product.
 */
const ZERO_MS = Date.UTC(2020, 0, 1);
export const TICKS_PER_MS = 4_096;

export const ticksOfMs = (unixMs) => (unixMs - ZERO_MS) * TICKS_PER_MS;
export const msOfTicks = (t) => ZERO_MS + t / TICKS_PER_MS;

export function ticksOfHex(hex) {
  const ms = Number.parseInt(hex.slice(0, 12), 16);
  const counter = Number.parseInt(hex.slice(12), 16);
  return (ms - ZERO_MS) * TICKS_PER_MS + Math.ceil(counter / 16);
}

export function hexOfTicks(t) {
  const ms = ZERO_MS + Math.floor(t / TICKS_PER_MS);
  const low = t - Math.floor(t / TICKS_PER_MS) * TICKS_PER_MS;
  return ms.toString(16).padStart(12, "0") + (low * 16).toString(16).padStart(4, "0");
}
