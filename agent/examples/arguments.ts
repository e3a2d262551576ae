/** What the examples read from their command lines. */

/** The command line is wrong; the message says what. */
export class UsageError extends Error {}

const UNITS = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
]);

/** `500ms`, `30s`, `2m`. @throws UsageError */
export function readDurationMs(option: string, text: string, leastMs: number): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const durationMs = Number(number) * (UNITS.get(unit) ?? Number.NaN);
  if (durationMs >= leastMs && durationMs <= 3_600_000) return durationMs;
  throw new UsageError(`${option}: a time such as 30s, from ${leastMs / 1_000}s to 60m`);
}

/** A whole number. @throws UsageError */
export function readCount(option: string, text: string, least: number, most: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && count <= most) return count;
  throw new UsageError(`${option}: a whole number from ${least} to ${most}`);
}

/** Of what is drawn at random; without one another each time. @throws UsageError */
export function readSeed(text: string | undefined): number {
  return readCount("--seed", text ?? String(Math.floor(Math.random() * 2 ** 31)), 0, 2 ** 31);
}
