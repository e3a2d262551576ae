/**
 * HLC timestamps: the value and its text forms. The clock that issues them is in clock.ts.
 *
 * A timestamp is one safe integer, so comparing and sorting need no code of ours:
 *
 *     | 41 bits: ms since 2020-01-01T00:00:00Z | 12 bits: 1/4096 ms, or the tie counter |
 *
 * The upper part is milliseconds; the lower 12 bits are sub-millisecond physical time where the
 * clock has it, and serve as the logical counter on ties. A tie carries into the milliseconds.
 * Imported stamps may be negative, down to 1970. Never use `>>` or `|` on a stamp: they cut to
 * 32 bits. Divide and floor.
 *
 * Text forms (all read by `parseTime` in time-text.ts):
 *
 *     0199d3a1b2c40a70            16 hex digits: 48 bits Unix ms, 16 bits counter (ours << 4)
 *     2026-11-21T16:00:00.123Z+0a7   display: the millisecond, then the 12 low bits
 *
 * Source: Kulkarni, Demirbas et al., "Logical Physical Clocks", 2014; the packing is ours.
 */
declare const brand: unique symbol;

/** Ticks of 1/4096 ms since 2020-01-01T00:00:00Z. Only a clock or a parser makes one. */
export type Hlc = number & { readonly [brand]: "Hlc" };

/** Ticks in a millisecond. */
export const TICKS_PER_MS = 4096;

/** 2020-01-01T00:00:00Z in Unix milliseconds: tick 0. */
export const TICK_ZERO_UNIX_MS = 1_577_836_800_000;

/** The first stamp that can be written down: 1970-01-01T00:00:00Z. */
export const MIN_HLC: Hlc = (-TICK_ZERO_UNIX_MS * TICKS_PER_MS) as Hlc;

/** The last stamp that is a safe integer: in 2089. */
export const MAX_HLC: Hlc = Number.MAX_SAFE_INTEGER as Hlc;

/** Whether `value` is a stamp: a safe integer not before 1970. */
export function isHlc(value: unknown): value is Hlc {
  return Number.isSafeInteger(value) && (value as number) >= MIN_HLC;
}

/** Unix milliseconds (fractions allowed) to ticks, rounded down. */
export function ticksFromUnixMs(unixMs: number): Hlc {
  return Math.floor((unixMs - TICK_ZERO_UNIX_MS) * TICKS_PER_MS) as Hlc;
}

/** The Unix millisecond that holds `t`, rounded down. */
export function unixMsFromTicks(t: Hlc): number {
  return Math.floor(t / TICKS_PER_MS) + TICK_ZERO_UNIX_MS;
}

/** The low 12 bits of `t`: 0 to 4095, for negative stamps too. */
export function lowBits(t: Hlc): number {
  const low = t % TICKS_PER_MS; // has the sign of t, on zero too
  return low < 0 ? low + TICKS_PER_MS : low + 0;
}

/** `t` moved by `ms` milliseconds (fractions allowed), rounded down to a tick. */
export function addMs(t: Hlc, ms: number): Hlc {
  return Math.floor(t + ms * TICKS_PER_MS) as Hlc;
}

/**
 * The hex form: 16 lower-case digits whose text order is time order.
 *
 * @example
 * formatHlc(agent.mark("deployed")); // "01a1fed6007b0a70"
 */
export function formatHlc(t: Hlc): string {
  return formatUnixMs(unixMsFromTicks(t)) + hex16(lowBits(t) * 16);
}

/**
 * Unix milliseconds as the 12 hex digits with which the hex form begins. V8 prints numbers beyond 32 bits
 * slowly, and each millisecond is another: so only what changes once a minute is printed by it.
 */
export function formatUnixMs(ms: number): string {
  const high = Math.floor(ms / MS_LOW);
  if (high !== printedHigh) {
    printedHigh = high;
    printedHighText = high.toString(16).padStart(8, "0");
  }
  return printedHighText + hex16(ms - high * MS_LOW);
}

const MS_LOW = 65_536;
let printedHigh = Number.NaN; // equal to nothing
let printedHighText = "";

/** Four digits of a number below 65,536. */
function hex16(value: number): string {
  return (HEX_BYTE[value >> 8] as string) + (HEX_BYTE[value & 255] as string);
}

const HEX_BYTE: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/** The display form: `2026-11-21T16:00:00.123Z+0a7`. */
export function formatHlcDisplay(t: Hlc): string {
  const low = lowBits(t).toString(16).padStart(3, "0");
  return `${new Date(unixMsFromTicks(t)).toISOString()}+${low}`;
}

/**
 * ISO 8601 with microseconds, for people: `2026-11-21T16:00:00.123041Z`.
 * Rounded up to the microsecond, so that a cut asked for at the printed time holds the event.
 */
export function formatIsoMicros(t: Hlc): string {
  let ms = unixMsFromTicks(t);
  let micros = Math.ceil((lowBits(t) * 1000) / TICKS_PER_MS);
  if (micros === 1000) {
    ms += 1;
    micros = 0;
  }
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, -1)}${micros.toString().padStart(3, "0")}Z`;
}

/**
 * Reads the hex form. A foreign stamp that uses the low 4 bits is rounded up to the next tick,
 * with carry, so that order is kept. `undefined` if `text` is not exactly 16 lower- or upper-case
 * hex digits, or lies after 2089.
 */
export function parseHlc(text: string): Hlc | undefined {
  if (text.length !== 16 || !/^[0-9a-f]{16}$/i.test(text)) return undefined;
  const ms = Number.parseInt(text.slice(0, 12), 16);
  const low = Math.ceil(Number.parseInt(text.slice(12), 16) / 16);
  const t = (ms - TICK_ZERO_UNIX_MS) * TICKS_PER_MS + low;
  return isHlc(t) ? t : undefined;
}
