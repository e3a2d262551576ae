/** The rows that LAST keeps while it searches: the latest of those found so far. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { FoundRow } from "./row.ts";

export class LatestRows {
  readonly #wanted: number;
  /** Up to twice as many as are wanted: then the earlier half goes at once. */
  #rows: FoundRow[] = [];

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** The latest, in the order of time, numbered from 1 among themselves: how many came before is not known. */
  get rows(): readonly FoundRow[] {
    return this.#latest().map((row, index) => ({ ...row, n: index + 1 }));
  }

  /** Ticks in which they held. */
  get matchedTicks(): number {
    return this.#latest().reduce((sum, row) => sum + ticksOf(row), 0);
  }

  add(found: readonly FoundRow[]): void {
    for (const row of found) this.#rows.push(row);
    if (this.#rows.length > this.#wanted * 2) this.#rows = this.#latest();
  }

  /** How many of them began later than `t`. */
  countAfter(t: Hlc): number {
    return this.#latest().filter((row) => startOf(row) > t).length;
  }

  #latest(): FoundRow[] {
    return this.#rows.slice(-this.#wanted);
  }
}

export function startOf(row: FoundRow): Hlc {
  return row.kind === "cut" ? row.finding.t : row.stretch.t;
}

function ticksOf(row: FoundRow): number {
  return row.kind === "cut" ? 0 : row.stretch.to - row.stretch.t;
}
