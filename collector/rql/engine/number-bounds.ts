/** Between what a number lies, both ends included. */
export interface Bounds {
  readonly least: number;
  readonly greatest: number;
}

/** Undefined unless both ends are finite: beyond them nothing is told. */
export function finite(least: number, greatest: number): Bounds | undefined {
  return Number.isFinite(least) && Number.isFinite(greatest) ? { least, greatest } : undefined;
}

/** What a number may be that stays as it is or becomes anything within `coming`. */
export function widened(now: number, { least, greatest }: Bounds): Bounds | undefined {
  return finite(Math.min(now, least), Math.max(now, greatest));
}
