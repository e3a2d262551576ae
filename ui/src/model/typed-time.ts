/**
 * A time as a person types it into "Go to a time": every form that the command line takes, and the
 * time of day, which means the day on screen. The answer says in words what cannot be meant.
 */
import { type Hlc, parseTime, RetroError } from "../../../agent/kernel/index.ts";
import { dateText } from "../scale/time-words.ts";
import { futureWords } from "./reasons.ts";

export type TypedTime = { readonly t: Hlc } | { readonly problem: string };

export const TIME_FORMS =
  "Use a time of day (16:00:00.123, UTC), a date with zone (2026-11-21T16:00:00Z), Unix " +
  "milliseconds, a 16-digit stamp, now, or -5s.";

/** Digits of a Unix time in seconds; in milliseconds they would lie in 1970 to 1973. */
const UNIX_SECONDS = /^\d{9,11}$/;

/** `day` is what a bare time of day belongs to; `now` is the collector's clock. */
export function readTypedTime(typed: string, day: Hlc | null, now: Hlc | undefined): TypedTime {
  const text = typed.trim();
  if (UNIX_SECONDS.test(text)) {
    return { problem: `Unix times are in milliseconds here: ${text}000?` };
  }
  let t: Hlc;
  try {
    t = parseTime(day === null ? text : withDate(text, day), now ?? (0 as Hlc));
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
    return { problem: `That is no time. ${TIME_FORMS}` };
  }
  const future = futureWords(t, now);
  return future === undefined ? { t } : { problem: `That is ${future}.` };
}

/** Ticks of one millisecond have three hex digits, written after a plus. */
const TIME_OF_DAY = /^(\d{1,2}):(\d\d)(?::(\d\d)([.,]\d{1,9})?)?(?:([+ ])([0-9a-f]{3}))?$/i;

function withDate(text: string, day: Hlc): string {
  const clock = TIME_OF_DAY.exec(text);
  if (clock === null) return text;
  const [, hour = "", minute = "", second = "00", fraction = "", , low] = clock;
  const iso = `${dateText(day)}T${hour.padStart(2, "0")}:${minute}:${second}`;
  return low === undefined
    ? `${iso}${fraction}Z`
    : `${iso}${(fraction || ".").padEnd(4, "0")}Z+${low}`;
}
