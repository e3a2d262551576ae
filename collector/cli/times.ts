/**
 * Times as they are shown: the absolute one first, the distance beside it. And as they are typed:
 * `-5s` begins with a dash, so commander would take it for an option. Such words get a space in front
 * before commander sees them and lose it in `asTyped`, which every option and argument goes through.
 */

import { type Hlc, parseHlc, TICKS_PER_MS, unixMsFromTicks } from "../../agent/kernel/index.ts";
import type { H } from "../api/shapes.ts";

const RELATIVE = /^-\d+(\.\d+)?(us|ms|s|m|h|d)$/;

/** Puts a space before words that are relative times. */
export function shieldTimes(words: readonly string[]): string[] {
  const end = words.indexOf("--");
  return words.map((word, i) => (RELATIVE.test(word) && (end < 0 || i < end) ? ` ${word}` : word));
}

/** The word as it was typed. */
export function asTyped(word: string): string {
  return word.startsWith(" ") && RELATIVE.test(word.slice(1)) ? word.slice(1) : word;
}

/** Ticks of a time in an answer. */
export function ticksOf(time: H): Hlc {
  return parseHlc(time.hlc) ?? (Number.NaN as Hlc);
}

/** `2026-11-21T16:00:00.123041Z (5.0 s ago)`. */
export function absoluteAndAgo(time: H, nowMs: number): string {
  const agoMs = msAgo(time, nowMs);
  return `${time.time} (${agoMs >= 0 ? `${spanText(agoMs)} ago` : `in ${spanText(-agoMs)}`})`;
}

/** How long ago a time was; below 0 for one to come. */
export function msAgo(time: H, nowMs: number): number {
  return nowMs - unixMsFromTicks(ticksOf(time));
}

/** Where `time` lies as seen from `origin`: `3.2 ms before`, `at once`, `120 us after`. */
export function beforeOrAfter(time: H, origin: H): string {
  const ms = (ticksOf(time) - ticksOf(origin)) / TICKS_PER_MS;
  if (ms === 0) return "at that moment";
  return ms < 0 ? `${spanText(-ms)} before` : `${spanText(ms)} after`;
}

/** A length of time with two digits or so: `350 us`, `3.2 ms`, `5.0 s`, `12 min`, `3.1 h`, `4.0 d`. */
export function spanText(ms: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
    [1, "ms"],
  ] as const;
  for (const [size, unit] of units) {
    if (ms >= size) {
      const count = ms / size;
      return `${count < 10 ? count.toFixed(1) : Math.round(count)} ${unit}`;
    }
  }
  return `${Math.round(ms * 1_000)} us`;
}
