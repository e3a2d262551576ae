/** Between what a number lies, both ends included. */
export interface Bounds {
  readonly least: number;
  readonly greatest: number;
}

/** By column: between what the numbers to come lie. Where none comes the ends are turned: Infinity, -Infinity. */
export interface Coming {
  readonly least: Float64Array;
  readonly greatest: Float64Array;
}

/** Undefined unless both ends are finite: beyond them nothing is told. */
export function finite(least: number, greatest: number): Bounds | undefined {
  return Number.isFinite(least) && Number.isFinite(greatest) ? { least, greatest } : undefined;
}

/** What a number of a column may be that stays as it is or becomes anything that is to come. */
export function widened(now: number, coming: Coming, column: number): Bounds | undefined {
  const least = coming.least[column] as number;
  const greatest = coming.greatest[column] as number;
  return finite(Math.min(now, least), Math.max(now, greatest));
}
