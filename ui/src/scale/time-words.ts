/** Times and lengths in words, for people. All times are UTC. */
import {
  formatHlcDisplay,
  type Hlc,
  TICKS_PER_MS,
  unixMsFromTicks,
} from "../../../agent/kernel/index.ts";

/** `16:00:00.123`: the time of day. */
export function clockText(t: Hlc): string {
  return isoOf(t).slice(11, 23);
}

/** `16:00:00.123+0a7`: the time of day with the low bits, which tell apart what a millisecond holds. */
export function exactClockText(t: Hlc): string {
  return formatHlcDisplay(t).slice(11).replace("Z", "");
}

/** `2026-11-21`. */
export function dateText(t: Hlc): string {
  return isoOf(t).slice(0, 10);
}

function isoOf(t: Hlc): string {
  return new Date(unixMsFromTicks(t)).toISOString();
}

const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
  [1, "ms"],
];

/** `42.1 s`, `250 ms`, `0.24 µs`: three digits that matter. */
export function durationText(ticks: number): string {
  const ms = Math.abs(ticks) / TICKS_PER_MS;
  const [size, unit] = UNITS.find(([one]) => ms >= one) ?? [0.001, "µs"];
  return `${short(ms / size)} ${unit}`;
}

/** `5.20 ms` from microseconds. */
export function microsText(us: number): string {
  return durationText((us / 1_000) * TICKS_PER_MS);
}

/** `320 ms` from milliseconds; `0` for none. */
export function msText(ms: number): string {
  return ms === 0 ? "0" : durationText(ms * TICKS_PER_MS);
}

function short(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toString();
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `12,345`. */
export function countText(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 node`, `3 nodes`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}
