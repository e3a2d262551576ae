/**
 * Messages of a pair gathered by stretches of time, which double until what is left fits. Stretches lie
 * at multiples of their length, a power of two of ticks, so that a view that moves keeps its bundles.
 */
import type { SendColumns } from "../model/timeline-facts.ts";

/** A message that stands for several: its row, and how many they are. */
export type Bundle = [row: number, count: number];

export interface Gathering {
  readonly rows: ArrayLike<number>;
  /** Which pair a row belongs to: a number below `pairs`. */
  readonly pairOf: (row: number) => number;
  readonly pairs: number;
  /** The first length of stretches, a power of two. */
  readonly ticks: number;
  /** Most bundles. Where there are more pairs than that, those with the fewest messages are left out. */
  readonly most: number;
}

export function gatherSends(sends: SendColumns, gathering: Gathering): Bundle[] {
  const { rows, most } = gathering;
  let earliest = Infinity;
  let latest = -Infinity;
  for (let i = 0; i < rows.length; i += 1) {
    const t = sends.sentAt[rows[i] as number] as number;
    earliest = Math.min(earliest, t);
    latest = Math.max(latest, t);
  }
  for (let { ticks } = gathering; ; ticks *= 2) {
    const found = gatheredBy(sends, gathering, ticks, Math.floor(earliest / ticks));
    if (found.length <= most) return found;
    const isOneStretch = Math.floor(earliest / ticks) === Math.floor(latest / ticks);
    if (isOneStretch) return found.sort((a, b) => b[1] - a[1]).slice(0, most);
  }
}

/** Hot while zooming: bench `ui`. */
function gatheredBy(
  { sentAt, counts }: SendColumns,
  { rows, pairOf, pairs }: Gathering,
  ticks: number,
  first: number,
): Bundle[] {
  const known = new Map<number, Bundle>();
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i] as number;
    const stretch = Math.floor((sentAt[row] as number) / ticks) - first;
    const key = stretch * pairs + pairOf(row);
    const bundle = known.get(key);
    const count = counts[row] as number;
    if (bundle === undefined) known.set(key, [row, count]);
    else bundle[1] += count;
  }
  return [...known.values()];
}
