/**
 * The numbers of a block's changes, by what they are; each kind has a column of its own. Hot.
 *
 *     whole      |n| < 2^51, not minus zero
 *     decimal    whole / 10^exponent exactly, one exponent (1..6) for the block: prices, gauges, seconds
 *     double     all others, 8 bytes each
 *
 *     column     mode 1 | frames     mode 0: the numbers     mode 1: each minus the last of its variable
 *
 * Whether a number is a decimal is tried, not guessed: what is read back is the same double.
 */
import type { ByteReader, ByteWriter } from "../../agent/kernel/index.ts";
import { isWireInteger } from "../../agent/kernel/index.ts";
import { damagedBlock } from "./segment-damage.ts";
import { readFrames, readRunning } from "./segment-frame-reader.ts";
import { frameBits, writeFrames } from "./segment-frames.ts";

/** What a number is. */
export const NumberClass: { readonly whole: 0; readonly decimal: 1; readonly double: 2 } = {
  whole: 0,
  decimal: 1,
  double: 2,
};

export const MAX_EXPONENT = 6;
const TENS: readonly number[] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
const BOUND = 2 ** 51;
const PLAIN = 0;
/** The mode of a column whose numbers are steps, each from the last of its variable. */
export const BY_VARIABLE = 1;

/** The fewest places (1 to 6) behind the point that say `number` exactly; 0: no so many do. */
export function exponentOf(number: number): number {
  for (let exponent = 1; exponent <= MAX_EXPONENT; exponent += 1) {
    if (isDecimal(number, exponent)) return exponent;
  }
  return 0;
}

function isDecimal(number: number, exponent: number): boolean {
  const tens = TENS[exponent] as number;
  const whole = Math.round(number * tens);
  // Zeros have a sign that a whole cannot say.
  return whole !== 0 && Math.abs(whole) < BOUND && whole / tens === number;
}

/**
 * What a number is in a block of that exponent (0: no decimals in it). Where decimals prevail (`joined`),
 * wholes are decimals too: one column is smaller and quicker than two.
 */
export function classOf(number: number, exponent: number, joined: boolean): number {
  const isWhole = isWireInteger(number);
  if (isWhole && !joined) return NumberClass.whole;
  if (isWhole && number === 0) return NumberClass.decimal;
  if (exponent > 0 && isDecimal(number, exponent)) return NumberClass.decimal;
  return isWhole ? NumberClass.whole : NumberClass.double;
}

/** `number` as the whole that a decimal is stored as. */
export function wholeOf(number: number, exponent: number): number {
  return Math.round(number * (TENS[exponent] as number));
}

/** Writes wholes; `variables` says whose each is, as numbers below `variableCount`. */
export function writeNumbers(
  out: ByteWriter,
  wholes: Float64Array,
  variables: Uint32Array,
  variableCount: number,
): void {
  const count = wholes.length;
  const last = new Float64Array(variableCount);
  const steps = new Float64Array(count);
  let isNarrow = true;
  for (let i = 0; i < count; i += 1) {
    const variable = variables[i] as number;
    const step = (wholes[i] as number) - (last[variable] as number);
    if (Math.abs(step) >= BOUND) isNarrow = false;
    steps[i] = step;
    last[variable] = wholes[i] as number;
  }
  const bySteps = isNarrow && frameBits(steps, count) < frameBits(wholes, count);
  out.byte(bySteps ? BY_VARIABLE : PLAIN);
  writeFrames(out, bySteps ? steps : wholes, count);
}

/** How the numbers behind it are written. @throws RetroError `data-damaged` */
export function readMode(reader: ByteReader, exponent: number): number {
  const mode = reader.byte();
  if (mode > BY_VARIABLE || exponent > MAX_EXPONENT) damagedBlock("numbers of unknown form");
  return mode;
}

/** What divides a decimal's whole. */
export function divisorOf(exponent: number): number {
  return TENS[exponent] as number;
}

/** Reads what `writeNumbers` wrote; a decimal's exponent divides. */
export function readNumbers(
  reader: ByteReader,
  into: Float64Array,
  variables: Uint32Array,
  variableCount: number,
  exponent: number,
): void {
  const mode = readMode(reader, exponent);
  if (mode === BY_VARIABLE && variableCount === 1) readRunning(reader, into, into.length, 0);
  else readFrames(reader, into);
  if (mode === BY_VARIABLE && variableCount > 1) {
    const last = new Float64Array(variableCount);
    for (let i = 0; i < into.length; i += 1) {
      const variable = variables[i] as number;
      const number = (last[variable] as number) + (into[i] as number);
      last[variable] = number;
      into[i] = number;
    }
  }
  if (exponent === 0) return;
  const divisor = divisorOf(exponent);
  for (let i = 0; i < into.length; i += 1) into[i] = (into[i] as number) / divisor;
}
