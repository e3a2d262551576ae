/**
 * Every form of time that a person or a program may type, in one place: the hex form, the display
 * form, ISO 8601 with zone, Unix milliseconds, `now`, and relative times.
 *
 * A wall-clock time without more digits names the instant itself: events of the ticks after it are
 * not in its cut.
 */
import { RetroError } from "./errors.ts";
import { addMs, type Hlc, isHlc, parseHlc, TICKS_PER_MS, ticksFromUnixMs } from "./hlc.ts";

const HINT =
  "Use ISO 8601 with a zone (2026-11-21T16:00:00.123Z), Unix milliseconds, a 16-digit hex stamp, " +
  "now, or a relative time such as -5s or -250ms.";

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const DISPLAY = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)[+ ]([0-9a-f]{3})$/i;
const ISO =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+\- ]\d\d:?\d\d)$/i;
const WITHOUT_ZONE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?$/i;
const RELATIVE = /^([+-])(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/;
const DURATION = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/;

/**
 * Reads a time. `now` resolves `now` and relative times; pass what "now" means to the caller (the
 * collector's clock, an agent's last stamp).
 * @throws RetroError `bad-time`, naming the text and the forms accepted.
 *
 * @example
 * parseTime("2026-11-21T16:00:00.123Z", now);
 * parseTime("-5s", now);
 */
export function parseTime(text: string, now: Hlc): Hlc {
  const t = readTime(text.trim(), now);
  if (t === undefined || !isHlc(t)) {
    throw noTime(text);
  }
  return t;
}

/** Of a time that lacks only its zone, that is said, and what it is with one. */
function noTime(text: string): RetroError {
  const shown = JSON.stringify(text.slice(0, 80));
  const trimmed = text.trim();
  if (!WITHOUT_ZONE.test(trimmed))
    return new RetroError("bad-time", `not a time: ${shown}`, { hint: HINT });
  const utc = `${trimmed.length === 10 ? `${trimmed}T00:00` : trimmed}Z`;
  if (readIso(utc) === undefined)
    return new RetroError("bad-time", `not a time: ${shown}`, { hint: HINT });
  return new RetroError("bad-time", `a time without a zone: ${shown}`, {
    hint: `ISO 8601 has one: ${utc} (UTC), or its offset, such as +01:00, in place of the Z.`,
  });
}

function readTime(text: string, now: Hlc): Hlc | undefined {
  const hex = parseHlc(text);
  if (hex !== undefined) return hex;
  if (text === "now") return now;
  const relative = RELATIVE.exec(text);
  if (relative) {
    const ms = Number(relative[2]) * (UNIT_MS[relative[3] as string] as number);
    return addMs(now, relative[1] === "-" ? -ms : ms);
  }
  if (/^\d{1,15}(\.\d+)?$/.test(text)) return ticksFromUnixMs(Number(text));
  const display = DISPLAY.exec(text);
  if (display) {
    const ms = Date.parse(display[1] as string);
    if (Number.isNaN(ms) || !isDay((display[1] as string).slice(0, 10))) return undefined;
    return (ticksFromUnixMs(ms) + Number.parseInt(display[2] as string, 16)) as Hlc;
  }
  return readIso(text);
}

function readIso(text: string): Hlc | undefined {
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [, day, minute, second = "00", fraction = "", zone = "Z"] = match;
  // In a URL the plus of a zone may arrive as a space.
  const zoneText = zone.startsWith(" ") ? `+${zone.slice(1)}` : zone.toUpperCase();
  const ms = Date.parse(`${day}T${minute}:${second}${zoneText}`);
  if (Number.isNaN(ms) || !isDay(day as string)) return undefined;
  const subMs = fraction === "" ? 0 : Number(`0.${fraction}`) * 1_000 * TICKS_PER_MS;
  return (ticksFromUnixMs(ms) + Math.floor(subMs + 1e-6)) as Hlc;
}

/** Whether the calendar has that day: `Date.parse` takes 30 February for 2 March. */
function isDay(day: string): boolean {
  return new Date(Date.parse(`${day}T00:00:00Z`)).toISOString().startsWith(day);
}

/**
 * Reads a duration such as `2s` or `250ms`, to milliseconds. A bare number is milliseconds.
 * @throws RetroError `bad-time`
 */
export function parseDurationMs(text: string): number {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  const match = DURATION.exec(trimmed);
  if (!match) {
    throw new RetroError("bad-time", `not a duration: ${JSON.stringify(text.slice(0, 80))}`, {
      hint: "Use a number with a unit: 250ms, 2s, 5m, 24h, 7d.",
    });
  }
  return Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}
